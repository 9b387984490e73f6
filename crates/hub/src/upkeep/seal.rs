//! Sealing: audit rows become entries of the Merkle log in the vault. One writer at a time; a second one finds out by
//! a conflict, and changes nothing.
//!
//! Sequence durably, derive later, publish last: rows get their numbers in the ledger, entries and tiles follow from
//! them the same way every time, and the checkpoint is signed and written when all else is durable.

use crate::{
    hub::Hub,
    port::{AuditRow, Head, LedgerError, SignerError, Vault, VaultError},
};
use marvain_domain::{
    AuditDraft,
    audit::{
        Draft, Plan, ReadError, ReadObject, Tail, Unsigned, Verifier,
        append::AppendError,
        checkpoint::CheckpointError,
        plan,
        recover::{RecoverError, checkpoint_at},
        tail_from,
    },
};
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Most rows sealed at once.
pub const SEAL_ROWS_MAX: usize = 1024;

/// What sealing did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Entries added.
    pub entries: usize,
    /// Entries in all.
    pub size: u64,
}

/// Why nothing was sealed. The rows wait in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The ledger did not answer, or another writer was faster.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The vault did not answer, or holds something else.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log in the vault cannot be continued.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The log cannot grow.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The signer did not answer, or cannot sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What the signer gave is no signature.
    #[error("the audit log's checkpoint is not signed by its key")]
    Checkpoint(#[from] CheckpointError),
    /// The reader of the vault was stopped.
    #[error("reading the vault was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Hub {
    /// Seals what waits, at most [`SEAL_ROWS_MAX`] rows. Repeating it after a crash completes what was begun.
    pub async fn seal(&self) -> Result<Sealed, SealError> {
        let mut held = self.tail.lock().await;
        let tail = match held.take() {
            Some(tail) => tail,
            None => self.recover_tail().await?,
        };
        let rows = self.ports.ledger.unsealed(SEAL_ROWS_MAX).await?;
        if rows.is_empty() {
            let size = tail.size();
            *held = Some(tail);
            return Ok(Sealed { entries: 0, size });
        }
        // From here on an error leaves the tail to be recovered from what is durable.
        let rows = self.sequence(&tail, rows).await?;
        let drafts: Vec<Draft> = rows.iter().map(entry_draft).collect::<Result<_, _>>()?;
        let verifier = self.verifier().await?;
        let Plan { objects, checkpoint, tail, entries } = plan(&tail, &drafts, verifier)?;
        for (key, bytes) in &objects {
            self.ports.vault.put_once(key, bytes).await?;
        }
        let size = tail.size();
        if let Some(unsigned) = checkpoint {
            let note = self.publish(verifier, &unsigned).await?;
            let checkpoint = String::from_utf8_lossy(&note).into_owned();
            self.ports.ledger.seal(&Head { size, checkpoint }).await?;
        }
        *held = Some(tail);
        Ok(Sealed { entries: entries.len(), size })
    }

    /// Signs a checkpoint and writes it. One that a crashed attempt has written already stands, however it was signed: a
    /// signer need not give the same bytes twice, and nothing in the vault is written twice.
    async fn publish(&self, verifier: &Verifier, unsigned: &Unsigned) -> Result<Vec<u8>, SealError> {
        let signature = self.ports.signer.sign(unsigned.text()).await?;
        let note = verifier.signed(unsigned, &signature)?;
        match self.ports.vault.put_once(&unsigned.key(), &note).await {
            Ok(_) => Ok(note),
            Err(VaultError::Different(key)) => {
                let there = self.ports.vault.get(&key).await?;
                let stands = |note: &Vec<u8>| verifier.verify(note).is_ok_and(|checkpoint| unsigned.is(&checkpoint));
                there.filter(stands).ok_or_else(|| VaultError::Different(key).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives numbers to those rows that have none yet.
    async fn sequence(&self, tail: &Tail, mut rows: Vec<AuditRow>) -> Result<Vec<AuditRow>, LedgerError> {
        let mut next = tail.size();
        for row in rows.iter().take_while(|row| row.seq.is_some()) {
            if row.seq != Some(next) {
                return Err(LedgerError::Bug(format!("audit row {} has number {:?}, not {next}", row.row, row.seq)));
            }
            next += 1;
        }
        let first = next;
        let mut fresh = Vec::new();
        for row in rows.iter_mut().filter(|row| row.seq.is_none()) {
            row.seq = Some(next);
            fresh.push(row.row);
            next += 1;
        }
        if !fresh.is_empty() {
            self.ports.ledger.sequence(first, &fresh).await?;
        }
        Ok(rows)
    }

    /// The log's right edge at the ledger's head.
    async fn recover_tail(&self) -> Result<Tail, SealError> {
        let Some(head) = self.ports.ledger.head().await? else { return Ok(Tail::EMPTY) };
        let reader = VaultReader { vault: self.ports.vault.clone(), runtime: Handle::current() };
        let verifier = self.verifier().await?.clone();
        let recovered = tokio::task::spawn_blocking(move || {
            let checkpoint = checkpoint_at(&reader, &verifier, head.size)?;
            tail_from(&reader, &checkpoint)
        });
        Ok(recovered.await.map_err(SealError::Interrupted)??)
    }

    /// Reads the audit log's objects; blocks, so it belongs on a blocking thread.
    pub fn audit_reader(&self, runtime: Handle) -> VaultReader {
        VaultReader { vault: self.ports.vault.clone(), runtime }
    }
}

/// A draft that no entry can hold is replaced by one that says so: one bad row must not stop the log.
fn entry_draft(row: &AuditRow) -> Result<Draft, SealError> {
    Draft::try_from(row.draft.clone()).or_else(|error| {
        tracing::error!(row = row.row, %error, "an audit row cannot be recorded as it is");
        let data = json!({"kind": row.draft.kind.chars().take(80).collect::<String>(), "error": error.to_string()});
        let stand_in =
            AuditDraft { kind: "audit.unfit".to_owned(), on_behalf_of: Vec::new(), data, ..row.draft.clone() };
        Draft::try_from(stand_in).map_err(|e| SealError::Ledger(LedgerError::Bug(e.to_string())))
    })
}

/// The vault as the audit log's object store, for blocking threads.
pub struct VaultReader {
    vault: Arc<dyn Vault>,
    runtime: Handle,
}

impl ReadObject for VaultReader {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let read = self.runtime.block_on(self.vault.get(key));
        read.map_err(|e| ReadError { what: key.to_owned(), source: Box::new(e) })
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let listed = self.runtime.block_on(self.vault.list(prefix));
        let keys = listed.map_err(|e| ReadError { what: prefix.to_owned(), source: Box::new(e) })?;
        keys.iter().for_each(|key| visit(key));
        Ok(())
    }
}
