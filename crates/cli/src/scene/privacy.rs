//! `privacy`: in privacy mode a line leaves nothing behind but the audit entry that says so.

use super::{Proof, Scene, StepError, holding};
use marvain_hub::people::AuditEntry;
use serde_json::json;
use std::path::PathBuf;

/// What must not be found anywhere afterwards.
const SECRET: &str = "quetzalcoatlus";
/// Most of the newest audit entries that are looked through.
const NEWEST_MAX: usize = 500;

/// `kept` are the directories that can be looked through.
pub(crate) async fn privacy(scene: &mut Scene, kept: &[PathBuf]) -> Result<String, StepError> {
    let owner = scene.owner()?;
    owner.set_privacy(&scene.space, true).await?;
    let before = suppressed(scene).await?.map(|entry| (entry.time, entry.data));
    scene.type_line(&format!("Remember that the password is {SECRET}.")).await?;
    let another =
        async || Ok(suppressed(scene).await?.filter(|entry| before != Some((entry.time.clone(), entry.data.clone()))));
    let entry = scene.until("the audit entry", 10, another).await?;
    let held_back_by = entry.data.get("held_back_by").and_then(|by| by.as_str()).unwrap_or_default().to_owned();
    for dir in kept {
        if let Some(file) = holding(dir, SECRET.as_bytes())? {
            return Err(format!("the words are in `{}`", file.display()).into());
        }
    }
    owner.set_privacy(&scene.space, false).await?;
    Ok(held_back_by)
}

/// What proves it, with the words for who keeps no file of it.
pub(crate) fn proof(held_back_by: &str, whose: &str) -> Proof {
    Ok(format!("held back by the {held_back_by}; the words are in no file of {whose}, the audit log has one entry"))
}

/// The newest entry that says that an event of the satellite was suppressed.
async fn suppressed(scene: &Scene) -> Result<Option<AuditEntry>, StepError> {
    let own = |entry: &AuditEntry| entry.data.get("satellite") == Some(&json!(scene.id));
    Ok(scene.audit(NEWEST_MAX).await?.into_iter().rev().find(|entry| entry.kind == "event.suppressed" && own(entry)))
}
