//! Reads, off the async threads, on connections of their own: they see what is committed and wait for no writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use super::open::{BUSY_TIMEOUT, file_error, private_file};
use super::{Store, StoreError};

/// Reads at once, each on a connection and a thread of its own; further ones wait in the order they came.
pub(super) const READS_AT_ONCE_MAX: u32 = 4;

pub(super) struct Readers {
    path: PathBuf,
    /// Connections that nobody reads by: with those in use as many as there may be reads.
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        let permits = Arc::new(Semaphore::new(READS_AT_ONCE_MAX as usize));
        Self { path, idle: Mutex::new(Vec::new()), permits }
    }

    fn with<T, E: From<StoreError>>(&self, read: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path).map_err(|error| E::from(error.into()))?,
        };
        let result = read(&connection);
        self.idle.lock().push(connection);
        result
    }

    /// Waits for the reads there are, those that wait their turn among them, and closes their connections. Later ones fail.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(READS_AT_ONCE_MAX).await {
            self.permits.close();
            drop(all);
        }
        self.idle.lock().clear();
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

impl Store {
    /// Runs `read` on what is committed now.
    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let permit = Arc::clone(&self.readers.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(&self.readers);
        let run = move || {
            // Given back when the connection is, even if nobody waits for the result any more.
            let _permit = permit;
            readers.with(read)
        };
        let ended = |error: JoinError| if error.is_panic() { StoreError::Panicked } else { StoreError::Closed };
        tokio::task::spawn_blocking(run).await.map_err(ended)?
    }

    /// Copies the database, as it is at one moment, to a file that must not exist yet, while it is in use.
    pub(crate) async fn backup(&self, destination: PathBuf) -> Result<(), StoreError> {
        self.read(move |connection| {
            if destination.exists() {
                let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
                return Err(file_error(&destination)(exists));
            }
            drop(private_file(&destination)?);
            let copied = copy(connection, &destination);
            if copied.is_err() {
                std::fs::remove_file(&destination).map_err(file_error(&destination))?;
            }
            copied
        })
        .await
    }
}

/// In one step, because every commit between two steps makes SQLite begin anew: under steady writing it would never end.
fn copy(connection: &Connection, destination: &Path) -> Result<(), StoreError> {
    let mut target = Connection::open(destination)?;
    match Backup::new(connection, &mut target)?.step(-1)? {
        StepResult::Done => Ok(()),
        left => Err(StoreError::Value(format!("the copy is not complete: {left:?}"))),
    }
}
