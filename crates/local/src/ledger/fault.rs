//! Errors inside of the ledger's statements, and what they are called outside.

use crate::store::StoreError;
use marvain_hub::port::LedgerError;

/// [`LedgerError`] with conversions from what SQLite and serde say.
#[derive(Debug)]
pub(super) enum Fault {
    Conflict { pk: String, sk: String },
    Cursor,
    Bug(String),
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Bug(format!("JSON: {error}"))
    }
}

impl From<Fault> for LedgerError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict { pk, sk } => Self::Conflict { pk, sk },
            Fault::Cursor => Self::Cursor,
            Fault::Bug(what) => Self::Bug(what),
            Fault::Store(StoreError::Sqlite(error)) if !StoreError::Sqlite(error.clone()).is_passing() => {
                Self::Bug(error.to_string())
            }
            Fault::Store(error) => Self::Unavailable(Box::new(error)),
        }
    }
}
