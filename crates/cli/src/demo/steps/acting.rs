//! `approve`: beside what any hub refuses, a guest who would approve.

use crate::{
    demo::stage::Stage,
    scene::{
        Proof,
        acting::{approved, waiting},
    },
};
use marvain_console::actions::Approval;

/// Approved once; a wrong approver, changed arguments and a second approval are refused.
pub(crate) async fn approve(stage: &mut Stage) -> Proof {
    let action = waiting(stage).await?;
    let guest = stage.somebody(&stage.path("gus.token"))?;
    let Err(by_guest) = guest.approve(&action.id, &Approval { args_hash: action.args_hash }).await else {
        return Err("a guest may approve".into());
    };
    let (by, mut refused) = crate::scene::acting::approve(stage).await?;
    refused.insert(0, ("guest", by_guest.to_string()));
    Ok(approved((by, refused)))
}
