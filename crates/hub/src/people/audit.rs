//! Reading the audit log.

use super::{Caller, RequestError};
use crate::hub::Hub;
use marvain_domain::{
    audit::{
        Entry, InclusionProof, ReadObject, Report, bundle,
        layout::{Key, TILE_WIDTH, Tile},
        store::read_tile,
        verify,
    },
    policy::Operation,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Handle;

/// Most entries in one answer.
const TAIL_MAX: usize = 1000;

/// An entry of the log, or a row that waits to become one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; none while it waits.
    pub seq: Option<u64>,
    /// When.
    pub time: String,
    /// Who.
    pub actor: String,
    /// On whose behalf.
    pub on_behalf_of: Vec<String>,
    /// What.
    pub kind: String,
    /// Details.
    pub data: Value,
}

impl Hub {
    /// The newest entries, oldest first, at most `limit`.
    pub async fn audit_tail(&self, caller: &Caller, limit: usize) -> Result<Vec<AuditEntry>, RequestError> {
        self.authorise(caller, &Operation::ReadAudit).await?;
        let limit = limit.clamp(1, TAIL_MAX);
        let (rows, size) = {
            // Nothing is sealed between the two looks, so that no row is seen in both places.
            let _held = self.tail.lock().await;
            let rows = self.ports.ledger.unsealed_last(limit).await?;
            (rows, self.ports.ledger.head().await?.map_or(0, |head| head.size))
        };
        let mut entries: Vec<AuditEntry> = rows
            .into_iter()
            .map(|row| AuditEntry {
                seq: row.seq,
                time: row.draft.at.to_string(),
                actor: row.draft.actor.to_string(),
                on_behalf_of: row.draft.on_behalf_of.iter().map(ToString::to_string).collect(),
                kind: row.draft.kind,
                data: row.draft.data,
            })
            .collect();
        let missing = limit.saturating_sub(entries.len()) as u64;
        let reader = self.audit_reader(Handle::current());
        let sealed = tokio::task::spawn_blocking(move || sealed(&reader, size.saturating_sub(missing), size));
        let mut all = blocking(sealed).await?;
        all.append(&mut entries);
        Ok(all)
    }

    /// A proof that entry `seq` is in the log, which needs no log to be checked.
    pub async fn audit_proof(&self, caller: &Caller, seq: u64) -> Result<InclusionProof, RequestError> {
        self.authorise(caller, &Operation::ReadAudit).await?;
        let size = self.ports.ledger.head().await?.map_or(0, |head| head.size);
        if seq >= size {
            return Err(RequestError::NotFound { what: "sealed audit entry", id: seq.to_string() });
        }
        let reader = self.audit_reader(Handle::current());
        let verifier = self.verifier().await?.clone();
        blocking(tokio::task::spawn_blocking(move || Ok(InclusionProof::of(&reader, &verifier, seq, size)?))).await
    }

    /// Recomputes the whole log, and measures it against the newest head that the ledger knows.
    pub async fn audit_verify(&self, caller: &Caller) -> Result<Report, RequestError> {
        self.authorise(caller, &Operation::ReadAudit).await?;
        // Nothing is sealed while it is looked at.
        let _held = self.tail.lock().await;
        let head = self.ports.ledger.head().await?;
        let reader = self.audit_reader(Handle::current());
        let verifier = self.verifier().await?.clone();
        blocking(tokio::task::spawn_blocking(move || {
            let trusted =
                head.iter().map(|head| verifier.verify(head.checkpoint.as_bytes())).collect::<Result<Vec<_>, _>>()?;
            Ok(verify(&reader, &verifier, &trusted, &mut |_, _| ())?)
        }))
        .await
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn blocking<T>(task: tokio::task::JoinHandle<Result<T, Failure>>) -> Result<T, RequestError> {
    let done = task.await.map_err(|e| RequestError::Unavailable(Box::new(e)))?;
    done.map_err(RequestError::Unavailable)
}

/// Sealed entries from `first` to before `size`.
fn sealed(read: &dyn ReadObject, first: u64, size: u64) -> Result<Vec<AuditEntry>, Failure> {
    let mut entries = Vec::new();
    let mut seq = first;
    while seq < size {
        let before = seq;
        let Some(tile) = Tile::bundle(seq, size) else { break };
        let (_, bytes) = read_tile(read, tile)?.ok_or_else(|| format!("`{}` is missing", Key::Tile(tile)))?;
        let start = tile.index * TILE_WIDTH;
        for (place, entry) in bundle::decode(&bytes).entries.iter().enumerate() {
            if start + place as u64 == seq {
                let entry = Entry::parse(entry)?;
                entries.push(AuditEntry {
                    seq: Some(entry.seq),
                    time: entry.time.to_string(),
                    actor: entry.actor,
                    on_behalf_of: entry.on_behalf_of,
                    kind: entry.kind,
                    data: entry.data,
                });
                seq += 1;
            }
        }
        if seq == before {
            return Err(format!("`{}` does not hold entry {seq}", Key::Tile(tile)).into());
        }
    }
    Ok(entries)
}
