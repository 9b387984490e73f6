//! `audit`: what the hub has sealed, beside the checkpoints that somebody outside has kept.

use super::{Scene, StepError};
use marvain_domain::audit::{Checkpoint, Verifier};

/// Waits until everything is sealed. Answers with the log's key, and all checkpoints that were kept, the newest with them.
pub(crate) async fn sealed(scene: &mut Scene) -> Result<(Verifier, Vec<Checkpoint>), StepError> {
    let owner = scene.owner()?;
    let sealed = async || {
        let status = owner.status().await?;
        Ok((status.audit_waiting == 0).then_some(()))
    };
    scene.until("everything to be sealed", 15, sealed).await?;
    scene.keep_checkpoint().await?;
    let verifier = Verifier::parse(&owner.audit_checkpoint().await?.verifier_key)?;
    let kept = scene.kept_checkpoints.iter().map(|checkpoint| verifier.verify(checkpoint.as_bytes()));
    let trusted = kept.collect::<Result<_, _>>()?;
    Ok((verifier, trusted))
}
