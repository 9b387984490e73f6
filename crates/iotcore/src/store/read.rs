//! Reads, off the async threads, on connections of their own: they see what is committed and wait for no writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::open::BUSY_TIMEOUT;
use super::{Store, StoreError};

/// Connections that are kept between reads.
const IDLE_CONNECTIONS_MAX: usize = 2;

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    fn with<T, E: From<StoreError>>(&self, read: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path).map_err(|error| E::from(error.into()))?,
        };
        let result = read(&connection);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
        result
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
        let readers = Arc::clone(&self.readers);
        match tokio::task::spawn_blocking(move || readers.with(read)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Copies the database, as it is at one moment, to a file that must not exist yet, while it is in use.
    pub(crate) async fn backup(&self, destination: PathBuf) -> Result<(), StoreError> {
        self.read(move |connection| {
            if destination.exists() {
                let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
                return Err(super::open::file_error(&destination)(exists));
            }
            drop(super::open::private_file(&destination)?);
            let mut target = Connection::open(&destination)?;
            rusqlite::backup::Backup::new(connection, &mut target)?.run_to_completion(
                1024,
                std::time::Duration::ZERO,
                None,
            )?;
            Ok(())
        })
        .await
    }
}
