//! The audit log: every committed draft once, in the order of commits, in a log that verifies.

use super::{Held, Oracle, violated};
use crate::ports::MemoryVault;
use marvain_domain::audit::{
    Entry, Verifier, bundle,
    layout::{Key, TILE_WIDTH, Tile},
    store::read_tile,
    verify,
};
use marvain_hub::port::Head;

const AUDIT: &str = "the audit log is complete";

/// Recomputes the log in the vault, and compares it with what was committed.
pub(crate) fn check_log(oracle: &Oracle, vault: &MemoryVault, head: Option<&Head>, verifier_key: &str) -> Held {
    let broken = |e: &dyn std::error::Error| violated(AUDIT, e.to_string());
    let verifier = match Verifier::parse(verifier_key) {
        Ok(verifier) => verifier,
        Err(e) => return broken(&e),
    };
    let mut trusted = Vec::new();
    if let Some(head) = head {
        match verifier.verify(head.checkpoint.as_bytes()) {
            Ok(checkpoint) => trusted.push(checkpoint),
            Err(e) => return broken(&e),
        }
    }
    match verify(vault, &verifier, &trusted, &mut |_, _| ()) {
        Ok(report) if report.is_intact() => {}
        Ok(report) => return violated(AUDIT, format!("{report:?}")),
        Err(e) => return broken(&e),
    }
    let size = head.map_or(0, |head| head.size);
    let entries = read(vault, size)?;
    if entries.len() != oracle.drafts.len() {
        return violated(AUDIT, format!("{} entries for {} drafts", entries.len(), oracle.drafts.len()));
    }
    for (entry, draft) in entries.iter().zip(&oracle.drafts) {
        let behalf: Vec<String> = draft.on_behalf_of.iter().map(ToString::to_string).collect();
        let same = entry.kind == draft.kind
            && entry.time == draft.at
            && entry.actor == draft.actor.to_string()
            && entry.on_behalf_of == behalf
            && entry.data == draft.data;
        if !same {
            return violated(AUDIT, format!("entry {entry:?} where {draft:?} was committed"));
        }
        let text = entry.data.to_string();
        if let Some(marker) = super::events::markers(&text).next() {
            return violated("the audit log holds no contents", format!("`{marker}` in {entry:?}"));
        }
    }
    Ok(())
}

fn read(vault: &MemoryVault, size: u64) -> Result<Vec<Entry>, super::Violation> {
    let lost = |what: String| super::Violation { invariant: AUDIT, detail: what };
    let mut entries: Vec<Entry> = Vec::new();
    while (entries.len() as u64) < size {
        let before = entries.len();
        let tile = Tile::bundle(before as u64, size).ok_or_else(|| lost(format!("entry {before} has no place")))?;
        let (_, bytes) = read_tile(vault, tile)
            .map_err(|e| lost(e.to_string()))?
            .ok_or_else(|| lost(format!("`{}` is missing", Key::Tile(tile))))?;
        let skip = before - (tile.index * TILE_WIDTH) as usize;
        for bytes in bundle::decode(&bytes).entries.iter().skip(skip) {
            entries.push(Entry::parse(bytes).map_err(|e| lost(e.to_string()))?);
        }
        if entries.len() == before {
            return Err(lost(format!("entry {before} is missing")));
        }
    }
    Ok(entries)
}
