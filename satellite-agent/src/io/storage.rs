//! The state directory: spool and journal, held by one agent at a time.

use super::{
    files::{self, FileError, failed},
    journal::Journal,
    spool::Spool,
};
use crate::core::{Lane, Position, Recovered};
use std::{collections::BTreeMap, fs::File, path::Path};

/// Spool and journal, open.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(super) spool: Spool,
    pub(super) journal: Journal,
    /// Held as long as this lives.
    _lock: File,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// Another agent has it.
    #[error("another agent is running on this state directory")]
    Locked,
    /// A file refuses.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Storage {
    /// Opens or begins the state in `dir`.
    pub(crate) fn open(dir: &Path, spool_bytes: u64) -> Result<(Self, Recovered), StorageError> {
        files::make_dir(dir)?;
        let lock_path = dir.join("lock");
        let lock = files::append_to(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(StorageError::Locked),
            Err(std::fs::TryLockError::Error(error)) => return Err(failed("lock", &lock_path)(error).into()),
        }
        let (journal, read) = Journal::open(dir)?;
        let (mut spool, found) = Spool::open(&dir.join("spool"), spool_bytes)?;
        let mut faults = found.faults;
        faults.extend(read.fault);
        for fault in &faults {
            tracing::error!(fault, "damage found");
        }
        let recovered = Recovered {
            facts: read.facts,
            reported: found.reported,
            events: spool.bounds(Lane::Events),
            telemetry: spool.bounds(Lane::Telemetry),
            usage: spool.usage(),
            faults,
        };
        Ok((Self { spool, journal, _lock: lock }, recovered))
    }

    /// How far inputs that are files had been read.
    pub(crate) const fn positions(&self) -> &BTreeMap<String, Position> {
        self.spool.positions()
    }
}
