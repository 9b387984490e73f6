//! A SQLite database with one writer and a few readers, for asynchronous callers.
//!
//! Writes are closures that run on the writer's thread, many in one transaction; a write is durable when its future
//! resolves, and takes place even if nobody waits for it any more. It knows no tables.

mod error;
mod open;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::{OpenError, StoreError};
pub(crate) use open::{Schema, reader};

use crate::data_dir::Lock;
use read::Readers;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, mpsc as blocking},
    thread::{Builder, JoinHandle},
};
use tokio::sync::{mpsc, oneshot};
use write::{Message, Task};

/// An open database. Dropping it lets the waiting writes finish first.
pub(crate) struct Store {
    messages: Option<mpsc::Sender<Message>>,
    writer: Option<JoinHandle<()>>,
    readers: Option<Arc<Readers>>,
    path: Option<PathBuf>,
    // Dropped after the writer has ended.
    kept: OnceLock<Arc<Lock>>,
}

/// While it lives the database does not change.
pub(crate) struct Held {
    _release: blocking::Sender<()>,
}

impl Store {
    /// Opens the file, creating it if it is not there.
    pub(crate) fn open(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        Self::start(open::file(path, schema)?, Some(path.to_owned()))
    }

    /// Makes an empty one that is gone when it is dropped.
    pub(crate) fn open_in_memory(schema: Schema) -> Result<Self, OpenError> {
        Self::start(open::memory(schema)?, None)
    }

    fn start(connection: Connection, path: Option<PathBuf>) -> Result<Self, OpenError> {
        let (messages, inbox) = mpsc::channel(write::WAITING_MAX);
        let writer = Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write::run(&connection, inbox))
            .map_err(OpenError::file(path.as_deref().unwrap_or(Path::new(":memory:"))))?;
        let readers = path.clone().map(|path| Arc::new(Readers::new(path)));
        Ok(Self { messages: Some(messages), writer: Some(writer), readers, path, kept: OnceLock::new() })
    }

    /// Keeps a lock until the last write is done. It is given one, once.
    pub(crate) fn keep(&self, lock: Arc<Lock>) {
        self.kept.get_or_init(|| lock);
    }

    /// The file; none if it is in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes. An error of `work` undoes what `work` did.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_then(work, |_| ()).await
    }

    /// Writes, and calls `then` as soon as it is durable: in the order of the writes, before anybody hears of it.
    pub(crate) async fn write_then<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Write(Box::new(Task { work: Some(work), then, result: None, reply }))).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads. Sees every write that was durable before.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.run(work).await,
            // What is in memory has no second connection.
            None => self.write(work).await,
        }
    }

    /// Waits until all writes so far are durable, and lets no further one begin.
    pub(crate) async fn hold(&self) -> Result<Held, StoreError> {
        let (at_rest, rests) = oneshot::channel();
        let (let_go, release) = blocking::channel();
        self.send(Message::Hold { at_rest, release }).await?;
        rests.await.map_err(|_| StoreError::Closed)?;
        Ok(Held { _release: let_go })
    }

    async fn send(&self, message: Message) -> Result<(), StoreError> {
        let messages = self.messages.as_ref().ok_or(StoreError::Closed)?;
        messages.send(message).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.messages.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the database's writer ended by a panic");
        }
    }
}
