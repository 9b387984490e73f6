//! `ask`, `approve`, `act`: an action waits for a person, is approved once, and done once.

use crate::demo::{
    Proof,
    stage::{SATELLITE, Stage, until},
};
use marvain_console::actions::Approval;
use marvain_domain::action::{Action, ActionState};
use serde_json::json;

async fn waiting(stage: &Stage) -> Result<Action, crate::demo::StepError> {
    stage.newest_action("an action that waits", |action| action.state == ActionState::AwaitingApproval).await
}

/// "Turn the lamp on" needs approval, and nothing has happened at the lamp.
pub(crate) async fn ask(stage: &mut Stage) -> Proof {
    stage.type_line("Turn the lamp on.").await?;
    let action = waiting(stage).await?;
    if !stage.lamp_switched()?.is_empty() {
        return Err("the lamp was switched before anybody approved".into());
    }
    let args = serde_json::to_string(&action.invocation.args)?;
    Ok(format!("{} {args} awaits approval; nothing has happened at the lamp", action.invocation.capability))
}

/// Approved once; a wrong approver, changed arguments and a second approval are refused.
pub(crate) async fn approve(stage: &mut Stage) -> Proof {
    let action = waiting(stage).await?;
    let approval = Approval { args_hash: action.args_hash.clone() };
    let guest = stage.somebody(&stage.path("gus.token"))?;
    let Err(by_guest) = guest.approve(&action.id, &approval).await else {
        return Err("a guest may approve".into());
    };
    let mut other = action.invocation.clone();
    other.args.insert("state".to_owned(), json!("off"));
    let owner = stage.owner()?;
    let Err(changed) = owner.approve(&action.id, &Approval { args_hash: other.hash()? }).await else {
        return Err("an approval of other arguments is taken".into());
    };
    let approved = owner.approve(&action.id, &approval).await?;
    let Err(second) = owner.approve(&action.id, &approval).await else {
        return Err("an action is approved twice".into());
    };
    let by = approved.grant.map(|grant| grant.by.to_string()).unwrap_or_default();
    Ok(format!("approved by {by}; refused:\n  guest: {by_guest}\n  other arguments: {changed}\n  twice: {second}"))
}

/// The actuator ran exactly once, its result is recorded, and the command is out of the shadow.
pub(crate) async fn act(stage: &mut Stage) -> Proof {
    let action = stage.newest_action("the action's end", |action| action.state.is_final()).await?;
    if action.state != ActionState::Succeeded {
        return Err(format!("the action has {}: {:?}", action.state.as_str(), action.outcome).into());
    }
    let switched = stage.lamp_switched()?;
    if switched != ["on"] {
        return Err(format!("the lamp was switched {switched:?}").into());
    }
    let cleared = async || {
        let open = stage.owner()?.satellite(&SATELLITE.parse()?).await?.open_commands;
        Ok(open.is_empty().then_some(()))
    };
    until("the shadow to be cleared", 5, cleared).await?;
    let kinds: Vec<String> = stage
        .audit(200)
        .await?
        .into_iter()
        .filter(|entry| entry.data.get("action") == Some(&json!(action.id)))
        .map(|entry| entry.kind.trim_start_matches("action.").to_owned())
        .collect();
    Ok(format!("the lamp's file says \"on\" once; audit: {}; the shadow is clear", kinds.join(" → ")))
}
