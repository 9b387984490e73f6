//! `audit`, as it can be asked of a hub that is elsewhere: inclusion proofs against checkpoints that somebody outside has kept.

use crate::scene::{Proof, Scene, auditing::sealed};
use marvain_domain::audit::Checkpoint;
use marvain_hub::people::AuditEntry;
use serde_json::json;
use std::collections::BTreeMap;

/// Most of the newest entries that are looked through.
const NEWEST_MAX: usize = 500;

/// What the satellite did is in the log, proved by whoever asks; and what it did not do is not. However long the log is, this takes
/// a few questions: `marvain export` and `marvain audit verify` read all of it.
pub(crate) async fn proved(scene: &mut Scene) -> Proof {
    let (verifier, kept) = sealed(scene).await?;
    let sizes: Vec<u64> = kept.iter().map(Checkpoint::size).collect();
    if !sizes.is_sorted() {
        return Err(format!("the log has shrunk: its checkpoints say {sizes:?}").into());
    }
    let owner = scene.owner()?;
    let own = |entry: &AuditEntry| entry.data.get("satellite") == Some(&json!(scene.id));
    let entries = scene.audit(NEWEST_MAX).await?.into_iter().filter(own);
    // The newest of each kind.
    let newest: BTreeMap<String, u64> = entries.filter_map(|entry| Some((entry.kind, entry.seq?))).collect();
    if newest.is_empty() {
        return Err("the log has nothing of the satellite".into());
    }
    for (kind, seq) in &newest {
        let mut proof = owner.audit_proof(*seq).await?;
        proof.check(&verifier)?;
        if (&proof.entry.kind, proof.entry.seq) != (kind, *seq) {
            return Err(format!("the proof of entry {seq} is one of another").into());
        }
        proof.entry.actor.push_str("-not");
        if proof.check(&verifier).is_ok() {
            return Err(format!("a changed entry {seq} is proved as well").into());
        }
    }
    let (count, size) = (newest.len(), sizes.last().copied().unwrap_or_default());
    let kinds: Vec<&str> = newest.keys().map(String::as_str).collect();
    Ok(format!("{count} entries of {size} proved, and none with another actor: {}", kinds.join(", ")))
}
