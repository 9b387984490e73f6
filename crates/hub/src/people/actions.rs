//! Looking at actions, proposing, approving, turning down, calling off.

use super::{Caller, PAGES_MAX, RequestError, conflict, found};
use crate::{
    changes::{Changes, Stored},
    entity::{ACTIONS, DUE, action_key, sort_time},
    hub::{Hub, listing},
    port::{Effect, Index, LedgerError, Page, Query},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{APPROVAL_TTL_S, Action, ActionState, ArgsHash, COMMAND_TTL_S, Invocation, Origin, Risk, Step, advance},
    id::ActionId,
    plan::{WHY_BYTES_MAX, default_risk},
    policy::{Operation, person_of},
};
use marvain_topics::Queue;
use serde_json::{Map, json};

/// Longest reason of a rejection, in bytes.
const REASON_BYTES_MAX: usize = 200;

/// Which actions to list.
#[derive(Clone, Debug)]
pub struct ActionQuery {
    /// Only in this state.
    pub state: Option<ActionState>,
    /// At most so many, newest first.
    pub limit: usize,
    /// Goes on behind an earlier page.
    pub after: Option<String>,
}

/// An action that a person proposes.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What.
    pub invocation: Invocation,
    /// Why.
    pub why: String,
    /// How long its command may wait for the satellite, in seconds; the longest if not said.
    pub ttl_s: Option<u64>,
}

impl Hub {
    /// Actions, newest first. With a state, a page may be short and still go on; it is empty only at the end, or where
    /// none is found for long. Words are left out where they are not for the caller.
    pub async fn actions(
        &self,
        caller: &Caller,
        query: &ActionQuery,
    ) -> Result<(Vec<Action>, Option<String>), RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let limit = query.limit.clamp(1, 200);
        let mut after = query.after.clone();
        for _ in 0..PAGES_MAX {
            let (page, next) = match query.state {
                Some(ActionState::AwaitingApproval) => self.awaiting_approval(limit, after, caller.now).await?,
                _ => self.list(&Query { descending: true, after, ..listing(ACTIONS, limit) }).await?,
            };
            let mut actions = Vec::with_capacity(page.len());
            for Stored { value: action, .. } in page {
                if query.state.is_none_or(|state| action.state == state) {
                    actions.push(self.shown(caller, action).await?);
                }
            }
            if !actions.is_empty() || next.is_none() {
                return Ok((actions, next));
            }
            after = next;
        }
        Ok((Vec::new(), after))
    }

    /// A page of what may await approval, latest deadline first. It is found by its deadline, which is near: among all
    /// actions there may be many that are newer.
    async fn awaiting_approval(
        &self,
        limit: usize,
        after: Option<String>,
        now: Timestamp,
    ) -> Result<(Vec<Stored<Action>>, Option<String>), LedgerError> {
        let through = Some(sort_time(now.plus_s(2 * APPROVAL_TTL_S)));
        let due = Query { index: Index::Due, through, descending: true, after, ..listing(DUE, limit) };
        let Page { records, next } = self.ports.ledger.query(&due).await?;
        let mut actions = Vec::new();
        for due in records.into_iter().filter_map(|record| record.due) {
            // Reminders and sessions are due as well.
            let Some(id) = due.sk.split_once('#').and_then(|(_, id)| id.parse::<ActionId>().ok()) else { continue };
            actions.extend(self.load::<Action>(&action_key(&id)).await?);
        }
        Ok((actions, next))
    }

    /// One action with all that was decided about it. Its words are left out if they are not for the caller.
    pub async fn action(&self, caller: &Caller, id: &ActionId) -> Result<Action, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        self.shown(caller, self.action_of(id).await?.value).await
    }

    async fn action_of(&self, id: &ActionId) -> Result<Stored<Action>, RequestError> {
        found(self.load::<Action>(&action_key(id)).await?, "action", id)
    }

    /// The action as the caller may see it. Its words are what somebody said, or was told: they are for the person whom
    /// it is done for, and for who approved it. While it waits, and if it is done for nobody who is known, they are also
    /// for those who may approve it.
    async fn shown(&self, caller: &Caller, action: Action) -> Result<Action, RequestError> {
        let person = person_of(&action);
        let granted = action.grant.as_ref().is_some_and(|grant| grant.by == caller.principal());
        if granted || person == Some(&caller.person.id) {
            return Ok(action);
        }
        if action.state == ActionState::AwaitingApproval || person.is_none() {
            let person_role = self.role_of(person).await?;
            let approve = Operation::ApproveAction { action: &action, person_role };
            if self.people_policies().await?.may(&caller.person, &approve).allowed {
                return Ok(action);
            }
        }
        let invocation = Invocation { args: Map::new(), ..action.invocation };
        Ok(Action { invocation, why: String::new(), outcome: None, late: None, ..action })
    }

    /// Proposes an action. Policy judges it like any planner's.
    pub async fn propose(&self, caller: &Caller, proposal: &Proposal) -> Result<Action, RequestError> {
        if proposal.why.len() > WHY_BYTES_MAX {
            return Err(RequestError::Invalid(format!("`why` must have at most {WHY_BYTES_MAX} bytes")));
        }
        if proposal.ttl_s.is_some_and(|ttl_s| !(1..=COMMAND_TTL_S).contains(&ttl_s)) {
            return Err(RequestError::Invalid(format!("`ttl_s` must be from 1 to {COMMAND_TTL_S}")));
        }
        let id = ActionId::derive(&[caller.request.as_str()]);
        if let Some(done) = self.load::<Action>(&action_key(&id)).await? {
            // The same request, repeated.
            return self.shown(caller, done.value).await;
        }
        let origin = Origin { person: Some(caller.person.id.clone()), ..Origin::default() };
        let (invocation, why) = (proposal.invocation.clone(), proposal.why.clone());
        let proposed = Action::propose(id, invocation, why, caller.principal(), origin, Risk::High, caller.now);
        let mut action = proposed.map_err(|e| RequestError::Invalid(e.to_string()))?;
        action.command_ttl_s = proposal.ttl_s.unwrap_or(COMMAND_TTL_S);
        let capability = found(self.capability_of(&action).await?, "capability", &action.invocation.capability)?;
        capability.check_args(&action.invocation.args).map_err(|e| RequestError::Invalid(e.to_string()))?;
        action.risk = default_risk(&capability);
        let person_role = Some(caller.person.role);
        self.authorise(caller, &Operation::ProposeAction { action: &action, person_role }).await?;
        self.request(caller, || async {
            let mut changes = Changes::default();
            changes.create(&action)?;
            changes.effects.push(Effect::Hop { queue: Queue::Judge, body: json!({"action": action.id}) });
            let data = json!({
                "action": action.id, "args_hash": action.args_hash, "target": action.invocation.target,
                "capability": action.invocation.capability, "risk": action.risk,
            });
            changes.audit(caller.now, &caller.principal(), "action.proposed", data);
            Ok(changes)
        })
        .await?;
        self.shown(caller, self.action_of(&action.id).await?.value).await
    }

    /// Approves exactly the invocation whose hash the caller was shown.
    pub async fn approve(&self, caller: &Caller, id: &ActionId, args_hash: &ArgsHash) -> Result<Action, RequestError> {
        self.may_answer(caller, id).await?;
        let step = Step::Approve { by: caller.principal(), args_hash: args_hash.clone() };
        self.move_action(caller, id, &step, Some(Queue::Dispatch)).await
    }

    /// Turns an action down.
    pub async fn reject(&self, caller: &Caller, id: &ActionId, reason: &str) -> Result<Action, RequestError> {
        if reason.len() > REASON_BYTES_MAX {
            return Err(RequestError::Invalid(format!("`reason` must have at most {REASON_BYTES_MAX} bytes")));
        }
        self.may_answer(caller, id).await?;
        self.move_action(caller, id, &Step::Reject { by: caller.principal(), reason: reason.to_owned() }, None).await
    }

    /// Calls an action off, as long as its command is not with the satellite.
    pub async fn cancel(&self, caller: &Caller, id: &ActionId) -> Result<Action, RequestError> {
        let action = self.action_of(id).await?.value;
        let person_role = self.role_of(person_of(&action)).await?;
        self.authorise(caller, &Operation::CancelAction { action: &action, person_role }).await?;
        self.move_action(caller, id, &Step::Cancel { by: caller.principal() }, None).await
    }

    async fn may_answer(&self, caller: &Caller, id: &ActionId) -> Result<(), RequestError> {
        let action = self.action_of(id).await?.value;
        let person_role = self.role_of(person_of(&action)).await?;
        self.authorise(caller, &Operation::ApproveAction { action: &action, person_role }).await
    }

    async fn move_action(
        &self,
        caller: &Caller,
        id: &ActionId,
        step: &Step,
        hop: Option<Queue>,
    ) -> Result<Action, RequestError> {
        let moved = self
            .request(caller, || async {
                let stored = self.action_of(id).await?;
                let next = advance(&stored.value, step.clone(), caller.now).map_err(conflict)?;
                let mut changes = Changes::default();
                changes.replace(&stored, &next)?;
                let on_behalf_of = next.origin.person.iter().cloned().map(Principal::Person).collect();
                let data = json!({"action": id, "args_hash": next.args_hash});
                let kind = format!("action.{}", next.state.as_str());
                changes.audit_for(caller.now, &caller.principal(), on_behalf_of, &kind, data);
                if let Some(queue) = hop {
                    changes.effects.push(Effect::Hop { queue, body: json!({"action": id}) });
                }
                Ok(changes)
            })
            .await;
        if let Err(RequestError::Conflict(why)) = &moved {
            let mut changes = Changes::default();
            changes.audit(caller.now, &caller.principal(), "action.answer_refused", json!({"action": id, "why": why}));
            let refusal = marvain_domain::id::DeliveryId::derive(&["refused", caller.request.as_str()]);
            self.apply(changes, refusal, caller.now).await?;
        }
        moved?;
        self.shown(caller, self.action_of(id).await?.value).await
    }
}
