//! What can go wrong with a database, when it is opened and later.

use rusqlite::ErrorCode;
use std::{io, path::PathBuf, sync::Arc};

/// Why a data directory cannot be opened. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("cannot use `{}`", path.display())]
    File {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process works with it.
    #[error(
        "`{}` is locked{}: stop the hub that uses this data directory, or give another with `--data`",
        path.display(), pid.map(|pid| format!(" by process {pid}")).unwrap_or_default()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, if the file says so.
        pid: Option<u32>,
    },
    /// A database is not readable as one.
    #[error(
        "`{}` is damaged ({problem}): move it aside, keep it, and get the data directory back with `marvain restore`",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite says of it.
        problem: String,
    },
    /// A database that was there is gone.
    #[error("`{}` is missing though this data directory has had one: get it back with `marvain restore`", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// A restore was cut short, and there is no data.
    #[error("`{}` is what a restore has left that was cut short: restore again, or remove it to begin anew", .0.display())]
    Unfinished(PathBuf),
    /// It was written by a later version of this program.
    #[error("`{}` has format {found} and this program knows formats up to {known}: use a newer marvain", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The newest format that is known here.
        known: usize,
    },
    /// SQLite refused for another reason.
    #[error("cannot open `{}`", path.display())]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }

    pub(crate) fn sqlite(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        |source| {
            if is_damage(&source) {
                Self::Damaged { path, problem: source.to_string() }
            } else {
                Self::Sqlite { path, source }
            }
        }
    }
}

/// Why an open database did not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database refused")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// Another write of the same transaction failed in a way that undid all of them.
    #[error("a write was undone together with one that failed")]
    Undone,
    /// The database is being closed.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl StoreError {
    /// May the same succeed later? Not if the file is damaged or the statement was wrong.
    pub(crate) fn is_passing(&self) -> bool {
        let Self::Sqlite(error) = self else { return true };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::OutOfMemory
                    | ErrorCode::OperationInterrupted
            )
        )
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
