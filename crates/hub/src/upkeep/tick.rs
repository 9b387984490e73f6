//! `tick`: what time brings about. Expires approvals, times out commands, sends on what is stuck, lets reminders go
//! off, ends sessions, carries out effects that a crash left behind. It asks the ledger alone.

use crate::{
    changes::Changes,
    deliver::DeliverError,
    entity::{DUE, action_key, reminder_key, session_key, sort_time},
    hub::Hub,
    port::{Delivery, Effect, Index, LedgerError, Outgoing, Page, Query},
    steps::settle::close_command,
    upkeep::SEAL_ROWS_MAX,
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionError, ActionState, Invocation, Risk, Step, Target, advance},
    event::Session,
    id::{ActionId, DeliveryId, ReminderId},
    reminder::Reminder,
};
use marvain_topics::Queue;
use serde_json::{Value, json};

/// Records in one page of what is due.
const PAGE: usize = 256;
/// Most records, and most effects that were left behind, that one tick looks at; the next goes on. Many that cannot move
/// on must not keep it from the others.
pub const TICK_MAX: usize = 16 * PAGE;
/// Age at which an effect in the outbox counts as left behind, in milliseconds: younger ones are being carried out.
const LEFT_BEHIND_MS: u64 = 2_000;
/// Capability through which reminders speak.
const SAY: &str = "say";

/// What a tick did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ticked {
    /// Records that were due.
    pub due: usize,
    /// Effects that were left behind.
    pub left_behind: usize,
    /// Of those, effects that still did not go out.
    pub stuck: usize,
}

impl Hub {
    /// Does what is due at `now`. Repeating it does no harm. One record that fails does not keep the others from their
    /// turn.
    pub async fn tick(&self, now: Timestamp) -> Result<Ticked, LedgerError> {
        let mut ticked = Ticked::default();
        let outbox: Vec<Outgoing> = self
            .ports
            .ledger
            .outbox(TICK_MAX)
            .await?
            .into_iter()
            .filter(|outgoing| now.ms_since(outgoing.at) >= LEFT_BEHIND_MS)
            .collect();
        ticked.left_behind = outbox.len();
        ticked.stuck = self.carry_out(&outbox).await?;
        let due = Query {
            index: Index::Due,
            pk: DUE.to_owned(),
            prefix: String::new(),
            through: Some(format!("{}~", sort_time(now))),
            descending: false,
            limit: PAGE,
            after: None,
        };
        let mut after = None;
        while ticked.due < TICK_MAX {
            let Page { records, next } = self.ports.ledger.query(&Query { after, ..due.clone() }).await?;
            for record in records {
                ticked.due += 1;
                let id = record.due.as_ref().and_then(|due| due.sk.split_once('#')).map(|(_, id)| id.to_owned());
                let Some(id) = id else { continue };
                if let Err(error) = self.tick_one(&id, &record.body, record.version, now).await {
                    tracing::warn!(%id, %error, "what is due has to wait for the next tick");
                }
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(ticked)
    }

    /// Drops records that have expired; says how many.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.ports.ledger.purge(now).await
    }

    /// How many audit rows wait to be sealed; [`SEAL_ROWS_MAX`] stands for that many or more.
    pub async fn audit_waiting(&self) -> Result<usize, LedgerError> {
        Ok(self.ports.ledger.unsealed(SEAL_ROWS_MAX).await?.len())
    }

    async fn tick_one(&self, id: &str, body: &Value, version: u64, now: Timestamp) -> Result<(), DeliverError> {
        let cause = DeliveryId::derive(&["tick", id, &version.to_string()]);
        let changes = if let Ok(action) = id.parse::<ActionId>() {
            match self.action_due(&action, now).await {
                Ok(ActionDue::Changes(changes)) => changes,
                Ok(ActionDue::Hop(queue)) => {
                    // A step that could not finish is taken again, as a delivery of its own.
                    let again = format!("{cause}#{}", now.as_ms());
                    let delivery = Delivery::hop(queue, &again, now, &json!({"action": action}));
                    return self.deliver(&delivery, now).await.map(|_| ());
                }
                Err(e) => return Err(retry(e)),
            }
        } else if let Ok(reminder) = id.parse::<ReminderId>() {
            self.fire(&reminder, now).await.map_err(retry)?
        } else {
            self.end_session(body, now).await.map_err(retry)?
        };
        self.apply(changes, cause, now).await.map_err(retry)?;
        Ok(())
    }

    async fn action_due(&self, id: &ActionId, now: Timestamp) -> Result<ActionDue, LedgerError> {
        let mut changes = Changes::default();
        let Some(stored) = self.load::<Action>(&action_key(id)).await? else {
            return Ok(ActionDue::Changes(changes));
        };
        match stored.value.state {
            ActionState::Proposed => return Ok(ActionDue::Hop(Queue::Judge)),
            ActionState::Allowed | ActionState::Approved => return Ok(ActionDue::Hop(Queue::Dispatch)),
            _ => {}
        }
        let next = match advance(&stored.value, Step::Tick, now) {
            Ok(next) => next,
            Err(ActionError::State { .. }) => return Ok(ActionDue::Changes(changes)),
            Err(e) => return Err(LedgerError::Bug(e.to_string())),
        };
        changes.replace(&stored, &next)?;
        let data = json!({"action": id, "args_hash": next.args_hash});
        changes.audit(now, &Principal::System, &format!("action.{}", next.state.as_str()), data);
        if let (ActionState::TimedOut, Target::Satellite(satellite)) = (next.state, &next.invocation.target) {
            close_command(self, satellite, id, &mut changes).await?;
        }
        Ok(ActionDue::Changes(changes))
    }

    /// A reminder speaks through its satellite, by an action that policy judges like any other.
    async fn fire(&self, id: &ReminderId, now: Timestamp) -> Result<Changes, LedgerError> {
        let mut changes = Changes::default();
        let Some(stored) = self.load::<Reminder>(&reminder_key(id)).await? else { return Ok(changes) };
        let reminder = &stored.value;
        if reminder.fired_at.is_some() {
            return Ok(changes);
        }
        // The words are the action's from here on.
        changes.replace(&stored, &Reminder { fired_at: Some(now), text: String::new(), ..reminder.clone() })?;
        let action = spoken(reminder, &Principal::Agent(self.settings.agent.clone()), now)?;
        changes.create(&action)?;
        changes.effects.push(Effect::Hop { queue: Queue::Judge, body: json!({"action": action.id}) });
        let on_behalf_of: Vec<Principal> = reminder.origin.person.iter().cloned().map(Principal::Person).collect();
        changes.audit_for(now, &action.proposer, on_behalf_of.clone(), "reminder.fired", json!({"reminder": id}));
        let data = json!({
            "action": action.id, "args_hash": action.args_hash, "target": action.invocation.target,
            "capability": action.invocation.capability, "risk": action.risk, "reminder": id,
        });
        changes.audit_for(now, &action.proposer, on_behalf_of, "action.proposed", data);
        Ok(changes)
    }

    async fn end_session(&self, body: &Value, now: Timestamp) -> Result<Changes, LedgerError> {
        let mut changes = Changes::default();
        let due: Session = serde_json::from_value(body.clone()).map_err(|e| LedgerError::Bug(e.to_string()))?;
        let Some(stored) = self.load::<Session>(&session_key(&due.space)).await? else { return Ok(changes) };
        if stored.value != due {
            return Ok(changes);
        }
        changes.remove(&stored);
        changes.create(&Session { ended_at: Some(now), ..due })?;
        Ok(changes)
    }
}

enum ActionDue {
    Changes(Changes),
    Hop(Queue),
}

fn retry(error: LedgerError) -> DeliverError {
    DeliverError::Retry(Box::new(error))
}

/// What a reminder does when it is due. Its origin is the reminder's, so that policy knows whether it is said where it was
/// asked for.
pub(crate) fn spoken(reminder: &Reminder, proposer: &Principal, now: Timestamp) -> Result<Action, LedgerError> {
    let bug = |e: &dyn std::fmt::Display| LedgerError::Bug(e.to_string());
    let invocation = Invocation {
        target: Target::Satellite(reminder.satellite.clone()),
        capability: SAY.parse().map_err(|e| bug(&e))?,
        args: [("text".to_owned(), Value::from(reminder.text.as_str()))].into_iter().collect(),
    };
    let id = ActionId::derive(&[reminder.id.as_str()]);
    let why = "a reminder is due".to_owned();
    let origin = reminder.origin.clone();
    Action::propose(id, invocation, why, proposer.clone(), origin, Risk::Low, now).map_err(|e| bug(&e))
}
