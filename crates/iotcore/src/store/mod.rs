//! The durable state: one SQLite file, one thread that writes it in group commits, and a few connections that read it.
//!
//! It knows transactions, not what is in them: the statements are beside what they serve.

mod close;
mod held;
#[cfg(test)]
mod migration_tests;
mod open;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use held::Waiver;
pub(crate) use open::{file_error, make_directory, open, private_file};
pub(crate) use write::{Pending, Tx};

use std::path::PathBuf;
use std::sync::Arc;

/// Why the durable state could not be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A file of the data directory could not be read or written.
    #[error("cannot use `{path}`")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// Another process has the data directory.
    #[error("`{path}` is in use by another process: stop it, or use another data directory")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The database fails SQLite's own check. It is left as it is.
    #[error("the database `{path}` is damaged ({problem}): restore a backup, or move the file away to begin anew")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite found.
        problem: String,
    },
    /// The database was written by a later version of this crate.
    #[error("the database `{path}` has schema {found}, this version knows {known}: use a newer version")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// A statement or a commit failed; a full disk is seen here.
    #[error("the database refused")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// A stored value is not what this crate writes.
    #[error("the database holds a value that cannot be read: {0}")]
    Value(String),
    /// There is no more room of a kind that this crate bounds.
    #[error("there are {max} {what} already: no more are kept")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// What was to be done panicked, which undid it.
    #[error("a bug: it panicked, and nothing of it was kept")]
    Panicked,
    /// The database was closed, or its writer has ended.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// Handle of the durable state.
pub(crate) struct Store {
    // Dropped before the writer, so that it is the last to close its connection.
    readers: Arc<read::Readers>,
    writer: write::Writer,
}
