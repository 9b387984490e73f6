//! `ask`, `approve`, `act`: an action waits for a person, is approved once, and done once.

use super::{Proof, Scene, StepError};
use marvain_console::actions::Approval;
use marvain_domain::action::{Action, ActionState};
use serde_json::json;

/// The action that waits for approval.
pub(crate) async fn waiting(scene: &Scene) -> Result<Action, StepError> {
    scene.newest_action("an action that waits", |action| action.state == ActionState::AwaitingApproval).await
}

/// "Turn the lamp on" needs approval, and nothing has happened at the lamp.
pub(crate) async fn ask(scene: &mut Scene) -> Proof {
    scene.type_line("Turn the lamp on.").await?;
    let action = waiting(scene).await?;
    if !scene.lamp_switched()?.is_empty() {
        return Err("the lamp was switched before anybody approved".into());
    }
    let args = serde_json::to_string(&action.invocation.args)?;
    Ok(format!("{} {args} awaits approval; nothing has happened at the lamp", action.invocation.capability))
}

/// Approved once; changed arguments and a second approval are refused. Answers with who approved, and each refusal.
pub(crate) async fn approve(scene: &mut Scene) -> Result<(String, Vec<(&'static str, String)>), StepError> {
    let action = waiting(scene).await?;
    let approval = Approval { args_hash: action.args_hash.clone() };
    let mut other = action.invocation.clone();
    other.args.insert("state".to_owned(), json!("off"));
    let owner = scene.owner()?;
    let Err(changed) = owner.approve(&action.id, &Approval { args_hash: other.hash()? }).await else {
        return Err("an approval of other arguments is taken".into());
    };
    let approved = owner.approve(&action.id, &approval).await?;
    let Err(second) = owner.approve(&action.id, &approval).await else {
        return Err("an action is approved twice".into());
    };
    let by = approved.grant.map(|grant| grant.by.to_string()).unwrap_or_default();
    Ok((by, vec![("other arguments", changed.to_string()), ("twice", second.to_string())]))
}

/// Who approved, and what was refused, a line each.
pub(crate) fn approved((by, refused): (String, Vec<(&'static str, String)>)) -> String {
    let refused: Vec<String> = refused.into_iter().map(|(what, why)| format!("\n  {what}: {why}")).collect();
    format!("approved by {by}; refused:{}", refused.concat())
}

/// The actuator ran exactly once, its result is recorded, and the command is out of the shadow.
pub(crate) async fn act(scene: &mut Scene) -> Proof {
    let action = scene.newest_action("the action's end", |action| action.state.is_final()).await?;
    if action.state != ActionState::Succeeded {
        return Err(format!("the action has {}: {:?}", action.state.as_str(), action.outcome).into());
    }
    let switched = scene.lamp_switched()?;
    if switched != ["on"] {
        return Err(format!("the lamp was switched {switched:?}").into());
    }
    let cleared = async || {
        let open = scene.owner()?.satellite(&scene.id).await?.open_commands;
        Ok(open.is_empty().then_some(()))
    };
    scene.until("the shadow to be cleared", 5, cleared).await?;
    let kinds: Vec<String> = scene
        .audit(200)
        .await?
        .into_iter()
        .filter(|entry| entry.data.get("action") == Some(&json!(action.id)))
        .map(|entry| entry.kind.trim_start_matches("action.").to_owned())
        .collect();
    Ok(format!("the lamp's file says \"on\" once; audit: {}; the shadow is clear", kinds.join(" → ")))
}
