//! Actions: where they may go, who let them run, and that they ran as they were allowed to.

use super::{Held, Oracle, parsed, violated};
use marvain_domain::{
    Principal,
    action::{Action, ActionState, COMMANDS_OPEN_MAX, Risk, Target},
    id::PersonId,
    identity::{Role, SatelliteStatus},
};
use marvain_hub::entity::{OpenCommands, person_key, satellite_key};
use serde_json::Value;

const STATES: &str = "actions move along their states";
const FIXED: &str = "what an action does never changes";
const FORGET: &str = "what is forgotten is gone";
const GRANT: &str = "no effect without a matching allow";
const PRIVACY: &str = "privacy mode is kept";

/// May an action go from one state to another? Written down a second time on purpose.
const fn may_follow(from: ActionState, to: ActionState) -> bool {
    use ActionState::{
        Acknowledged, Allowed, Approved, AwaitingApproval, Canceled, Dispatched, Expired, Failed, Proposed, Rejected,
        Succeeded, TimedOut,
    };
    matches!(
        (from, to),
        (Proposed, Allowed | AwaitingApproval | Rejected | Expired | Canceled)
            | (AwaitingApproval, Approved | Rejected | Expired | Canceled)
            | (Allowed | Approved, Dispatched | Succeeded | Failed | Expired | Canceled)
            | (Allowed, AwaitingApproval)
            | (Dispatched, Acknowledged | Succeeded | Failed | Rejected | Expired | TimedOut)
            | (Acknowledged, Succeeded | Failed | Rejected | Expired | TimedOut)
    )
}

/// Whom the default policies let approve.
pub(crate) const fn may_approve(role: Role, risk: Risk) -> bool {
    match risk {
        Risk::Low | Risk::Medium => matches!(role, Role::Member | Role::Admin | Role::Owner),
        Risk::High => matches!(role, Role::Owner),
    }
}

fn behalf(action: &Action) -> Option<&PersonId> {
    action.origin.person.as_ref().or_else(|| action.proposer.person())
}

impl Oracle {
    pub(super) fn action_written(&mut self, old: Option<&Value>, new: &Value) -> Held {
        let Some(new) = parsed::<Action>(new) else { return violated(FIXED, "an action does not read back") };
        let Some(old) = old.and_then(parsed::<Action>) else { return self.action_made(&new) };
        let id = &new.id;
        if old.forgotten && !new.forgotten {
            return violated(FORGET, format!("the words of {id} came back as {new:?}"));
        }
        let old = if new.forgotten { old.forget() } else { old };
        let fixed = |a: &Action| (a.invocation.clone(), a.proposer.clone(), a.origin.clone(), a.risk, a.created_at);
        if fixed(&old) != fixed(&new) || old.args_hash != new.args_hash {
            return violated(FIXED, format!("{id} was {old:?}, is {new:?}"));
        }
        if old.state.is_final() {
            let same = old.state == new.state && old.outcome == new.outcome && old.grant == new.grant;
            return if same { Ok(()) } else { violated("an end is an end", format!("{id} was {old:?}, is {new:?}")) };
        }
        if old.state != new.state && !may_follow(old.state, new.state) {
            return violated(STATES, format!("{id} went from {:?} to {:?}", old.state, new.state));
        }
        if (old.state, new.state) == (ActionState::Allowed, ActionState::AwaitingApproval) {
            self.count("asked after all");
            let lost = new.grant.is_none();
            return if lost { Ok(()) } else { violated(GRANT, format!("{id} is asked about with a grant")) };
        }
        if new.grant != old.grant {
            self.granted(&old, &new)?;
        }
        match new.state {
            ActionState::Dispatched if old.state != ActionState::Dispatched => self.let_go(&new)?,
            ActionState::Succeeded | ActionState::Failed if new.invocation.target == Target::Hub => {
                self.let_go(&new)?
            }
            ActionState::Canceled => self.count("canceled"),
            ActionState::Expired => self.count("expired"),
            ActionState::TimedOut => self.count("timed out"),
            ActionState::Succeeded => self.count("succeeded"),
            ActionState::Failed => self.count("failed"),
            ActionState::Rejected => self.count("rejected"),
            _ => {}
        }
        Ok(())
    }

    fn action_made(&mut self, new: &Action) -> Held {
        self.count("actions");
        if new.state != ActionState::Proposed || new.grant.is_some() {
            return violated(STATES, format!("{} began as {new:?}", new.id));
        }
        if !new.invocation.hash().is_ok_and(|hash| hash == new.args_hash) {
            return violated(FIXED, format!("{} has another hash than its invocation", new.id));
        }
        self.proposed.insert(new.id.clone(), new.invocation.clone());
        // A reminder that is due and a person's own proposal come from no event of now.
        let planned = new.origin.event.is_some() && new.why != "a reminder is due";
        if planned && self.is_surely_private(new.origin.space.as_ref()) {
            return violated(PRIVACY, format!("{} was planned in privacy mode", new.id));
        }
        Ok(())
    }

    /// Somebody let it run: were they asked, and about this?
    fn granted(&mut self, old: &Action, new: &Action) -> Held {
        let Some(grant) = &new.grant else { return violated(GRANT, format!("{} lost its grant", new.id)) };
        if grant.args_hash != new.args_hash {
            return violated(GRANT, format!("{} has a grant for {}", new.id, grant.args_hash));
        }
        match &grant.by {
            Principal::System if new.state == ActionState::Allowed => {
                self.count("allowed");
                self.runs_unattended(new)
            }
            Principal::Person(person) if new.state == ActionState::Approved => {
                self.count("approved");
                if !self.approvals.contains(&(new.id.clone(), grant.args_hash.to_string(), person.clone())) {
                    return violated(GRANT, format!("{person} never validly approved {} as it is", new.id));
                }
                if old.deadline.is_none_or(|deadline| grant.at >= deadline) {
                    return violated(GRANT, format!("{} was approved after its deadline", new.id));
                }
                Ok(())
            }
            other => violated(GRANT, format!("{} was granted by {other} as {:?}", new.id, new.state)),
        }
    }

    /// What the default policies let run unattended, in other words.
    fn runs_unattended(&self, action: &Action) -> Held {
        let known = behalf(action).is_some();
        let own = matches!(action.proposer, Principal::System) && !known;
        let target_space = match &action.invocation.target {
            Target::Satellite(id) => self.satellite(id).and_then(|satellite| satellite.space),
            Target::Hub => None,
        };
        let reminder = action.invocation.capability.as_str() == "reminder.set";
        let in_room = action.origin.space.is_some() && (reminder || action.origin.space == target_space);
        let forgets = action.invocation.capability.as_str() == "memory.forget";
        if action.risk != Risk::Low || forgets || !(known || own || in_room) {
            return violated(GRANT, format!("policy must not let {} run unattended: {action:?}", action.id));
        }
        Ok(())
    }

    /// It takes effect now.
    fn let_go(&mut self, action: &Action) -> Held {
        let id = &action.id;
        if let Some(grant) = &action.grant
            && action.changed_at >= grant.at.plus_s(action.command_ttl_s)
        {
            return violated(GRANT, format!("{id} takes effect by a grant of long ago"));
        }
        let hash = action.invocation.hash().ok();
        if hash.is_none() || action.grant.as_ref().map(|grant| &grant.args_hash) != hash.as_ref() {
            return violated(GRANT, format!("{id} takes effect without a matching grant"));
        }
        if self.is_surely_private(action.origin.space.as_ref()) {
            return violated(PRIVACY, format!("{id} takes effect while privacy mode is on where it was asked for"));
        }
        let person = behalf(action).and_then(|id| self.settled::<marvain_domain::identity::Person>(&person_key(id)));
        if person.is_some_and(|person| person.role == Role::Blocked) {
            return violated(GRANT, format!("{id} takes effect for somebody who is blocked"));
        }
        if let Target::Satellite(target) = &action.invocation.target {
            self.count("dispatched");
            let satellite = self.settled::<marvain_domain::identity::Satellite>(&satellite_key(target));
            if satellite.as_ref().is_some_and(|satellite| satellite.status != SatelliteStatus::Active) {
                return violated(GRANT, format!("{id} goes to a revoked satellite"));
            }
            if self.is_surely_private(satellite.as_ref().and_then(|satellite| satellite.space.as_ref())) {
                return violated(PRIVACY, format!("{id} takes effect where privacy mode is on"));
            }
        }
        Ok(())
    }

    pub(super) fn open_commands_written(&mut self, new: &Value) -> Held {
        let open = parsed::<OpenCommands>(new).map_or(usize::MAX, |open| open.actions.len());
        if open > COMMANDS_OPEN_MAX {
            return violated("open commands are bounded", format!("{open} are open: {new}"));
        }
        Ok(())
    }
}
