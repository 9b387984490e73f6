//! `privacy`: in privacy mode a line leaves nothing behind but the audit entry that says so.

use super::enrolment::holding;
use crate::demo::{
    Proof,
    stage::{SPACE, Stage, until},
};

/// What must not be found anywhere afterwards.
const SECRET: &str = "quetzalcoatlus";

pub(crate) async fn privacy(stage: &mut Stage) -> Proof {
    let owner = stage.owner()?;
    let space = SPACE.parse()?;
    owner.set_privacy(&space, true).await?;
    let before = count(stage).await?;
    stage.type_line(&format!("Remember that the password is {SECRET}.")).await?;
    let suppressed = async || Ok(Some(count(stage).await?).filter(|now| *now > before));
    until("the audit entry", 10, suppressed).await?;
    let newest = stage.audit(50).await?;
    let entry = newest.iter().rev().find(|entry| entry.kind == "event.suppressed").ok_or("no audit entry")?;
    let held_back_by = entry.data.get("held_back_by").and_then(|by| by.as_str()).unwrap_or_default().to_owned();
    for dir in ["hub", "satellite-state"] {
        if let Some(file) = holding(&stage.path(dir), SECRET.as_bytes())? {
            return Err(format!("the words are in `{}`", file.display()).into());
        }
    }
    owner.set_privacy(&space, false).await?;
    Ok(format!(
        "held back by the {held_back_by}; the words are in no file of hub or satellite, the audit log has one entry"
    ))
}

async fn count(stage: &Stage) -> Result<usize, crate::demo::StepError> {
    Ok(stage.audit(500).await?.iter().filter(|entry| entry.kind == "event.suppressed").count())
}
