//! One instant of several databases and the vault, to be copied later.

use super::{BackupError, files, manifest::BackupFile};
use crate::store::reader;
use rusqlite::{Connection, backup::Backup};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Pages that are copied in one go.
const STEP_PAGES: i32 = 1024;

pub(super) struct Cut {
    databases: Vec<Snapshot>,
    objects: Vec<PathBuf>,
}

/// A database as it was when this was made, whatever is written since.
pub(super) struct Snapshot {
    path: PathBuf,
    connection: Connection,
}

impl Cut {
    /// Takes the instant; the caller holds the writers.
    pub(super) fn make(databases: Vec<PathBuf>, vault: &Path) -> Result<Self, BackupError> {
        let databases = databases.into_iter().map(Snapshot::make).collect::<Result<_, _>>()?;
        let mut objects = files::list(vault)?;
        objects.retain(|path| path.strip_prefix(vault).is_ok_and(|path| !files::is_unfinished(path)));
        Ok(Self { databases, objects })
    }

    /// Copies all of it to the places that it has in the data directory.
    pub(super) fn copy_to(self, directory: &Path, destination: &Path) -> Result<Vec<BackupFile>, BackupError> {
        let mut copied = Vec::new();
        for snapshot in self.databases {
            copied.push(snapshot.copy_to(directory, destination)?);
        }
        for object in self.objects {
            copied.push(files::copy(directory, &object, destination)?);
        }
        Ok(copied)
    }
}

impl Snapshot {
    pub(super) fn make(path: PathBuf) -> Result<Self, BackupError> {
        let begin = || {
            let connection = reader(&path)?;
            // A read begins with the first statement that reads.
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
            Ok(connection)
        };
        let connection = begin().map_err(BackupError::database(&path))?;
        Ok(Self { path, connection })
    }

    pub(super) fn copy_to(self, directory: &Path, destination: &Path) -> Result<BackupFile, BackupError> {
        let place = files::place(directory, &self.path, destination)?;
        files::create_private(&place)?;
        let copy = || {
            let mut copy = Connection::open(&place)?;
            Backup::new(&self.connection, &mut copy)?.run_to_completion(STEP_PAGES, Duration::ZERO, None)
        };
        copy().map_err(BackupError::database(&self.path))?;
        files::describe(destination, &place)
    }
}
