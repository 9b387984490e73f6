//! A few connections for reading, opened as they are needed and kept.

use super::{StoreError, open};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;

/// Reads of one database that run at the same time; more wait.
pub(super) const READERS_MAX: usize = 4;

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), free: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    pub(super) async fn run<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            // The work goes on when nobody waits for it any more, so the permit is its own.
            let _permit = permit;
            let idle = readers.idle.lock().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => open::reader(&readers.path).map_err(StoreError::from)?,
            };
            let result = work(&connection);
            readers.idle.lock().push(connection);
            result
        });
        done.await.map_err(|_| StoreError::Closed)?
    }
}
