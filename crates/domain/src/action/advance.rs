//! The one function that moves an action.

use super::{
    APPROVAL_TTL_S, Action, ActionState, ArgsHash, COMMAND_TTL_S, Decision, Grant, NotCanonical, Outcome,
    RESULT_GRACE_S, Verdict,
};
use crate::{Timestamp, id::ActionId, principal::Principal};

/// What happens to an action.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Policy has answered.
    Judge(Decision),
    /// A person approves exactly this invocation.
    Approve {
        /// Who; that they may is policy, asked before.
        by: Principal,
        /// The hash that they were shown.
        args_hash: ArgsHash,
    },
    /// A person turns it down.
    Reject {
        /// Who.
        by: Principal,
        /// Why.
        reason: String,
    },
    /// Somebody calls it off.
    Cancel {
        /// Who.
        by: Principal,
    },
    /// The command goes to the satellite.
    Dispatch,
    /// The hub has carried it out itself.
    Perform(Outcome),
    /// The satellite has begun.
    Acknowledge,
    /// The satellite says how it ended.
    Finish {
        /// Succeeded, failed, rejected or expired.
        state: ActionState,
        /// Details.
        outcome: Outcome,
    },
    /// Time has passed.
    Tick,
}

impl Step {
    const fn asked(&self) -> &'static str {
        match self {
            Self::Judge(_) => "judged",
            Self::Approve { .. } => "approved",
            Self::Reject { .. } => "rejected",
            Self::Cancel { .. } => "canceled",
            Self::Dispatch => "dispatched",
            Self::Perform(_) => "performed",
            Self::Acknowledge => "acknowledged",
            Self::Finish { .. } => "finished",
            Self::Tick => "timed out",
        }
    }
}

/// Why an action does not move so.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The state does not allow it.
    #[error("action `{id}` is {}: it cannot be {asked}", state.as_str())]
    State {
        /// Which.
        id: ActionId,
        /// Where it is.
        state: ActionState,
        /// What was asked, as a participle.
        asked: &'static str,
    },
    /// What was approved is not what would run.
    #[error("the approval of action `{0}` is for other arguments: look at it again")]
    OtherArgs(ActionId),
    /// Too late.
    #[error("the approval of action `{0}` came after its deadline")]
    TooLate(ActionId),
    /// Its permission, or its proposal, has waited too long.
    #[error("action `{0}` has waited too long: it has to be proposed again")]
    Stale(ActionId),
    /// No permission that matches what would run.
    #[error("action `{0}` has no grant for what it would do")]
    NoGrant(ActionId),
    /// A satellite may not report this as an end.
    #[error("`{}` is no end that a satellite reports", .0.as_str())]
    NoEnd(ActionState),
    /// See [`NotCanonical`].
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// The action after `step` at `now`. The first report after the end is kept in `late`; every other step against the
/// state is an error and changes nothing.
pub fn advance(action: &Action, step: Step, now: Timestamp) -> Result<Action, ActionError> {
    use ActionState::{
        Acknowledged, Allowed, Approved, AwaitingApproval, Canceled, Dispatched, Expired, Failed, Proposed, Rejected,
        Succeeded, TimedOut,
    };
    let mut next = Action { changed_at: now, ..action.clone() };
    let asked = step.asked();
    match (step, action.state) {
        (Step::Judge(_), Proposed) if is_over(action, now) => return Err(ActionError::Stale(action.id.clone())),
        (Step::Judge(decision), Proposed) => judge(&mut next, decision, now)?,
        // What was to run unattended may not any more, but a person may let it.
        (Step::Judge(decision), Allowed) if decision.verdict == Verdict::Ask => {
            next.grant = None;
            judge(&mut next, decision, now)?;
        }
        (Step::Approve { by, args_hash }, AwaitingApproval) => {
            if args_hash != action.invocation.hash()? {
                return Err(ActionError::OtherArgs(action.id.clone()));
            }
            if action.deadline.is_none_or(|deadline| now >= deadline) {
                return Err(ActionError::TooLate(action.id.clone()));
            }
            next.grant = Some(Grant { by, at: now, args_hash });
            next.deadline = None;
            next.state = Approved;
        }
        (Step::Reject { by, reason }, Proposed | AwaitingApproval) => {
            end(&mut next, Rejected, Outcome { result: None, error: Some(format!("{by}: {reason}")) });
        }
        (Step::Cancel { by }, Proposed | AwaitingApproval | Allowed | Approved) => {
            end(&mut next, Canceled, Outcome { result: None, error: Some(format!("called off by {by}")) });
        }
        (Step::Dispatch, Allowed | Approved) => {
            check_grant(action, now)?;
            let expires_at = now.plus_s(action.command_ttl_s.min(COMMAND_TTL_S));
            next.command_expires_at = Some(expires_at);
            next.deadline = Some(expires_at.plus_s(RESULT_GRACE_S));
            next.waits_until = None;
            next.state = Dispatched;
        }
        (Step::Perform(outcome), Allowed | Approved) => {
            check_grant(action, now)?;
            let state = if outcome.error.is_some() { Failed } else { Succeeded };
            end(&mut next, state, outcome);
        }
        (Step::Acknowledge, Dispatched) => next.state = Acknowledged,
        (Step::Acknowledge, Acknowledged) => next.changed_at = action.changed_at,
        (Step::Finish { state, outcome }, Dispatched | Acknowledged) => match state {
            Succeeded | Failed | Rejected | Expired => end(&mut next, state, without_words(action, outcome)),
            other => return Err(ActionError::NoEnd(other)),
        },
        (Step::Finish { outcome, .. }, TimedOut | Canceled) if action.late.is_none() => {
            next.late = Some(without_words(action, outcome));
            next.changed_at = action.changed_at;
        }
        (Step::Tick, Proposed | Allowed | Approved) if is_over(action, now) => {
            end(&mut next, Expired, Outcome { result: None, error: Some("it waited too long".to_owned()) });
        }
        (Step::Tick, AwaitingApproval) if is_over(action, now) => {
            end(&mut next, Expired, Outcome { result: None, error: Some("nobody answered in time".to_owned()) });
        }
        (Step::Tick, Dispatched | Acknowledged) if is_over(action, now) => {
            end(&mut next, TimedOut, Outcome { result: None, error: Some("the satellite never answered".to_owned()) });
        }
        (_, state) => return Err(ActionError::State { id: action.id.clone(), state, asked }),
    }
    Ok(next)
}

fn judge(next: &mut Action, decision: Decision, now: Timestamp) -> Result<(), ActionError> {
    match decision.verdict {
        Verdict::Allow => {
            next.grant = Some(Grant { by: Principal::System, at: now, args_hash: next.invocation.hash()? });
            next.state = ActionState::Allowed;
        }
        Verdict::Ask => {
            next.deadline = Some(now.plus_s(APPROVAL_TTL_S));
            next.state = ActionState::AwaitingApproval;
        }
        Verdict::Deny => {
            let error = format!("policy forbids it ({})", decision.policies.join(", "));
            end(next, ActionState::Rejected, Outcome { result: None, error: Some(error) });
        }
    }
    next.decision = Some(decision);
    Ok(())
}

fn check_grant(action: &Action, now: Timestamp) -> Result<(), ActionError> {
    match &action.grant {
        Some(_) if is_over(action, now) => Err(ActionError::Stale(action.id.clone())),
        Some(grant) if grant.args_hash == action.invocation.hash()? => Ok(()),
        _ => Err(ActionError::NoGrant(action.id.clone())),
    }
}

/// What a satellite says of an action whose words are forgotten may repeat them.
fn without_words(action: &Action, outcome: Outcome) -> Outcome {
    if action.forgotten { Outcome::default() } else { outcome }
}

fn end(action: &mut Action, state: ActionState, outcome: Outcome) {
    action.state = state;
    action.outcome = Some(outcome);
    action.deadline = None;
}

fn is_over(action: &Action, now: Timestamp) -> bool {
    action.ends_at().is_none_or(|end| now >= end)
}

#[cfg(test)]
#[path = "advance_tests.rs"]
mod tests;
