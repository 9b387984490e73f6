//! `dispatch`: an action that may run becomes a command in its satellite's shadow, or is done by the hub itself.

use super::{
    action_of,
    judge::{decide, overtaken},
    tool,
};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{OpenCommands, STUCK_MS, action_key, open_commands_key},
    hub::Hub,
    port::{Delivery, Effect, LedgerError},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionState, COMMANDS_OPEN_MAX, Step, Target, Verdict, advance},
};
use marvain_topics::{Queue, ShadowName, wire::Command};
use serde_json::{Value, json};

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let id = action_of(delivery)?;
    let mut changes = Changes::default();
    let stored = hub.load::<Action>(&action_key(&id)).await?;
    let runnable = |state| matches!(state, ActionState::Allowed | ActionState::Approved);
    let Some(stored) = stored.filter(|stored| runnable(stored.value.state)) else {
        return Ok(changes);
    };
    if overtaken(hub, &stored, now, &mut changes).await? {
        return Ok(changes);
    }
    let action = &stored.value;
    // Between the decision and now privacy mode may have been turned on, a person blocked, a satellite revoked.
    let decision = decide(hub, action, now).await?;
    if decision.verdict == Verdict::Deny {
        let canceled = advance(action, Step::Cancel { by: Principal::System }, now).map_err(StepError::reject)?;
        changes.replace(&stored, &canceled)?;
        let data = json!({"action": id, "policies": decision.policies, "errors": decision.errors});
        changes.audit(now, &Principal::System, "action.canceled", data);
        return Ok(changes);
    }
    if decision.verdict == Verdict::Ask && action.state == ActionState::Allowed {
        let data = json!({
            "action": id, "args_hash": action.args_hash, "policies": decision.policies, "errors": decision.errors,
        });
        let asked = advance(action, Step::Judge(decision), now).map_err(StepError::reject)?;
        changes.replace(&stored, &asked)?;
        changes.audit(now, &Principal::System, "action.awaiting_approval", data);
        changes.effects.push(Effect::Hop { queue: Queue::Notify, body: json!({"action": id}) });
        return Ok(changes);
    }
    match &action.invocation.target {
        Target::Hub => {
            let outcome = tool::perform(hub, action, now, &mut changes).await?;
            let done = advance(action, Step::Perform(outcome), now).map_err(StepError::reject)?;
            changes.replace(&stored, &done)?;
            let data = json!({"action": id, "args_hash": done.args_hash});
            changes.audit(now, &Principal::System, &format!("action.{}", done.state.as_str()), data);
        }
        Target::Satellite(satellite) => {
            let open = hub.load::<OpenCommands>(&open_commands_key(satellite)).await?;
            let mut actions = open.as_ref().map(|open| open.value.actions.clone()).unwrap_or_default();
            if actions.len() >= COMMANDS_OPEN_MAX {
                // A tick sends it here again.
                let waits_until = Some(now.plus_ms(STUCK_MS));
                changes.replace(&stored, &Action { waits_until, ..action.clone() })?;
                return Ok(changes);
            }
            let next = advance(action, Step::Dispatch, now).map_err(StepError::reject)?;
            actions.push(id.clone());
            changes.upsert(open.as_ref(), &OpenCommands { satellite: satellite.clone(), actions })?;
            changes.replace(&stored, &next)?;
            // The words are read when it is told: an effect that waits in the outbox could not forget them.
            let desired = json!({(id.as_str()): Value::Null});
            changes.effects.push(Effect::Shadow { satellite: satellite.clone(), name: ShadowName::Commands, desired });
            let data = json!({"action": id, "args_hash": next.args_hash, "satellite": satellite});
            changes.audit(now, &Principal::System, "action.dispatched", data);
        }
    }
    Ok(changes)
}

/// What a satellite is told of an action that is dispatched to it.
pub(crate) fn command(action: &Action) -> Result<Command, LedgerError> {
    let expires_at = action.command_expires_at;
    let expires_at = expires_at.ok_or_else(|| LedgerError::Bug(format!("command `{}` has no expiry", action.id)))?;
    Ok(Command { capability: action.invocation.capability.clone(), args: action.invocation.args.clone(), expires_at })
}
