//! `offline`: a command to a stopped satellite waits for it; one that has expired is not carried out.

use crate::{
    demo::stage::Stage,
    scene::{Proof, StepError},
};
use marvain_console::actions::{Approval, NewAction};
use marvain_domain::{
    action::{Action, ActionState, Target},
    id::ActionId,
};
use serde_json::json;
use std::time::Duration;
use tokio::time;

/// How long the command lives that is to expire, in seconds.
const SHORT_S: u64 = 1;

async fn approved(stage: &Stage, state: &str, ttl_s: Option<u64>) -> Result<ActionId, StepError> {
    let owner = stage.owner()?;
    let new = NewAction {
        target: Target::Satellite(stage.id.clone()),
        capability: "lamp".parse()?,
        args: [("state".to_owned(), json!(state))].into_iter().collect(),
        why: "the demo asks".to_owned(),
        ttl_s,
    };
    let proposed: Action = owner.propose(&new).await?;
    let action = stage.action_in(&proposed.id, ActionState::AwaitingApproval).await?;
    owner.approve(&action.id, &Approval { args_hash: action.args_hash }).await?;
    stage.action_in(&proposed.id, ActionState::Dispatched).await?;
    Ok(proposed.id)
}

pub(crate) async fn offline(stage: &mut Stage) -> Proof {
    let before = stage.lamp_switched()?;
    stage.satellite.take().ok_or("no satellite runs")?.stop().await?;
    let offline = async || {
        let presence = stage.owner()?.satellite(&stage.id).await?.presence;
        Ok((!presence.online).then_some(()))
    };
    stage.until("presence to show that it is gone", 5, offline).await?;
    let expiring = approved(stage, "on", Some(SHORT_S)).await?;
    let waiting = approved(stage, "off", None).await?;
    time::sleep(Duration::from_millis(SHORT_S * 1000 + 200)).await;
    if stage.lamp_switched()? != before {
        return Err("the lamp was switched without its satellite".into());
    }
    stage.start_satellite()?;
    stage.action_in(&waiting, ActionState::Succeeded).await?;
    let expired = stage.action_in(&expiring, ActionState::Expired).await?;
    let after = stage.lamp_switched()?;
    let new = after.get(before.len()..).unwrap_or_default();
    if new != ["off"] {
        return Err(format!("the lamp was switched {new:?}").into());
    }
    let why = expired.outcome.and_then(|outcome| outcome.error).unwrap_or_default();
    Ok(format!("the waiting command ran on reconnect; the other did not: \"{why}\""))
}
