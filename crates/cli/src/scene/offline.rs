//! `offline`: a command to a stopped satellite waits for it; one that has expired is not carried out.

use super::{Proof, Scene, StepError};
use marvain_console::actions::{Approval, NewAction};
use marvain_domain::{
    action::{Action, ActionState, Target},
    id::ActionId,
};
use serde_json::json;
use std::time::Duration;
use tokio::time;

async fn approved(scene: &Scene, state: &str, ttl_s: Option<u64>) -> Result<ActionId, StepError> {
    let owner = scene.owner()?;
    let new = NewAction {
        target: Target::Satellite(scene.id.clone()),
        capability: "lamp".parse()?,
        args: [("state".to_owned(), json!(state))].into_iter().collect(),
        why: "it is shown".to_owned(),
        ttl_s,
    };
    let proposed: Action = owner.propose(&new).await?;
    let action = scene.action_in(&proposed.id, ActionState::AwaitingApproval).await?;
    owner.approve(&action.id, &Approval { args_hash: action.args_hash }).await?;
    scene.action_in(&proposed.id, ActionState::Dispatched).await?;
    Ok(proposed.id)
}

pub(crate) async fn offline(scene: &mut Scene) -> Proof {
    let (before, short_s) = (scene.lamp_switched()?, scene.pace.short_s);
    scene.satellite.take().ok_or("no satellite runs")?.stop().await?;
    let offline = async || {
        let presence = scene.owner()?.satellite(&scene.id).await?.presence;
        Ok((!presence.online).then_some(()))
    };
    scene.until("presence to show that it is gone", 5, offline).await?;
    let expiring = approved(scene, "on", Some(short_s)).await?;
    let waiting = approved(scene, "off", None).await?;
    time::sleep(Duration::from_millis(short_s * 1000 + 200)).await;
    if scene.lamp_switched()? != before {
        return Err("the lamp was switched without its satellite".into());
    }
    scene.start_satellite()?;
    scene.action_in(&waiting, ActionState::Succeeded).await?;
    let expired = scene.action_in(&expiring, ActionState::Expired).await?;
    let after = scene.lamp_switched()?;
    let new = after.get(before.len()..).unwrap_or_default();
    if new != ["off"] {
        return Err(format!("the lamp was switched {new:?}").into());
    }
    let why = expired.outcome.and_then(|outcome| outcome.error).unwrap_or_default();
    Ok(format!("the waiting command ran on reconnect; the other did not: \"{why}\""))
}
