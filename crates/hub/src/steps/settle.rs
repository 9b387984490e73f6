//! `settle`: how commands went. Closes the action and takes the command out of the shadow.

use super::{sender, topic_of};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{OpenCommands, action_key, open_commands_key},
    hub::Hub,
    port::{Delivery, Effect, LedgerError},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionError, ActionState, Outcome, RESULT_BYTES_MAX, Step, Target, advance},
    id::{ActionId, SatelliteId},
};
use marvain_topics::{ShadowName, Topic, wire::ReportPayload};
use serde_json::{Value, json};

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let Topic::Report { thing } = topic_of(delivery)? else {
        return Err(StepError::reject("not a report's topic"));
    };
    sender(hub, delivery, &thing).await?;
    let report = ReportPayload::parse(&delivery.body).map_err(StepError::reject)?;
    check_outcome(&report.outcome)?;
    let stored = hub.load::<Action>(&action_key(&report.action)).await?;
    let stored = stored.ok_or_else(|| StepError::reject(format!("no action `{}`", report.action)))?;
    if stored.value.invocation.target != Target::Satellite(thing.clone()) {
        return Err(StepError::reject(format!("action `{}` is not satellite `{thing}`'s", report.action)));
    }
    let step = match report.state {
        ActionState::Acknowledged => Step::Acknowledge,
        state => Step::Finish { state, outcome: report.outcome },
    };
    let mut changes = Changes::default();
    let next = match advance(&stored.value, step, now) {
        Ok(next) => next,
        // Reports are repeated and may overtake each other; what has ended stays as it ended.
        Err(ActionError::State { state, .. }) if state.is_final() => return Ok(changes),
        Err(e) => return Err(StepError::reject(e)),
    };
    if next == stored.value {
        return Ok(changes);
    }
    changes.replace(&stored, &next)?;
    let actor = Principal::Satellite(thing.clone());
    if next.late != stored.value.late {
        changes.audit(now, &actor, "action.reported_late", json!({"action": next.id, "reported": report.state}));
        return Ok(changes);
    }
    let kind = format!("action.{}", next.state.as_str());
    changes.audit(now, &actor, &kind, json!({"action": next.id, "args_hash": next.args_hash}));
    if next.state.is_final() {
        close_command(hub, &thing, &next.id, &mut changes).await?;
    }
    Ok(changes)
}

/// Takes a command off the satellite: out of the open ones, and out of the shadow.
pub(crate) async fn close_command(
    hub: &Hub,
    satellite: &SatelliteId,
    action: &ActionId,
    changes: &mut Changes,
) -> Result<(), LedgerError> {
    if let Some(open) = hub.load::<OpenCommands>(&open_commands_key(satellite)).await? {
        let actions = open.value.actions.iter().filter(|id| *id != action).cloned().collect();
        changes.replace(&open, &OpenCommands { satellite: satellite.clone(), actions })?;
    }
    let desired = json!({(action.as_str()): Value::Null});
    changes.effects.push(Effect::Shadow { satellite: satellite.clone(), name: ShadowName::Commands, desired });
    Ok(())
}

fn check_outcome(outcome: &Outcome) -> Result<(), StepError> {
    let bytes = outcome.result.as_ref().map_or(0, |result| result.to_string().len());
    if bytes > RESULT_BYTES_MAX {
        return Err(StepError::reject(format!("`result` has {bytes} bytes, more than {RESULT_BYTES_MAX}")));
    }
    let bytes = outcome.error.as_ref().map_or(0, String::len);
    if bytes > RESULT_BYTES_MAX {
        return Err(StepError::reject(format!("`error` has {bytes} bytes, more than {RESULT_BYTES_MAX}")));
    }
    Ok(())
}
