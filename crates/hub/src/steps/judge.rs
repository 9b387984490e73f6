//! `judge`: policy's answer to a proposed action.

use super::{action_of, forget::forget_action};
use crate::{
    changes::{Changes, Stored},
    deliver::StepError,
    entity::action_key,
    hub::Hub,
    port::{Delivery, Effect},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionState, Decision, Step, Verdict, advance},
};
use marvain_topics::Queue;
use serde_json::json;

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let id = action_of(delivery)?;
    let mut changes = Changes::default();
    let stored = hub.load::<Action>(&action_key(&id)).await?;
    let Some(stored) = stored.filter(|stored| stored.value.state == ActionState::Proposed) else {
        return Ok(changes);
    };
    if overtaken(hub, &stored, now, &mut changes).await? {
        return Ok(changes);
    }
    let action = &stored.value;
    let decision = decide(hub, action, now).await?;
    let data = json!({
        "action": id, "args_hash": action.args_hash, "policies": decision.policies, "errors": decision.errors,
    });
    let next = advance(action, Step::Judge(decision), now).map_err(StepError::reject)?;
    changes.replace(&stored, &next)?;
    changes.audit(now, &Principal::System, &format!("action.{}", next.state.as_str()), data);
    let hop = match next.state {
        ActionState::Allowed => Some(Queue::Dispatch),
        ActionState::AwaitingApproval => Some(Queue::Notify),
        _ => None,
    };
    changes.effects.extend(hop.map(|queue| Effect::Hop { queue, body: json!({"action": id}) }));
    Ok(changes)
}

/// Has it waited too long, or have words that it carries been forgotten meanwhile? Then it ends here.
pub(crate) async fn overtaken(
    hub: &Hub,
    stored: &Stored<Action>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<bool, StepError> {
    let action = &stored.value;
    if let Ok(expired) = advance(action, Step::Tick, now) {
        changes.replace(stored, &expired)?;
        changes.audit(now, &Principal::System, "action.expired", json!({"action": action.id}));
        return Ok(true);
    }
    for memory in &action.origin.memories {
        if hub.is_forgotten(memory).await? {
            forget_action(stored, memory, now, changes)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// What policy says of `action` as things stand. What nobody offers, or with arguments that do not fit, is denied.
pub(crate) async fn decide(hub: &Hub, action: &Action, now: Timestamp) -> Result<Decision, StepError> {
    let deny = |error: String| Decision { verdict: Verdict::Deny, policies: Vec::new(), errors: vec![error] };
    let Some(capability) = hub.capability_of(action).await? else {
        return Ok(deny(format!("nobody offers `{}` there", action.invocation.capability)));
    };
    if let Err(misfit) = capability.check_args(&action.invocation.args) {
        return Ok(deny(misfit.to_string()));
    }
    let facts = hub.action_facts(action, capability.kind, now).await?;
    Ok(hub.policies().await?.judge(&facts.of(action)))
}
