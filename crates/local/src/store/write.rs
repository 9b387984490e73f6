//! The one thread that writes, and group commit: all writes that wait share a transaction and its `fsync`, each in a
//! savepoint of its own, so that one that fails takes nothing with it.

use super::StoreError;
use rusqlite::Connection;
use std::sync::mpsc as blocking;
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait; a further one waits for its place among them.
pub(super) const WAITING_MAX: usize = 1024;
/// Writes in one transaction.
const BATCH_MAX: usize = 256;

/// What the writer is asked to do.
pub(super) enum Message {
    /// Write something.
    Write(Box<dyn Write>),
    /// Say when everything before is durable, then rest until the other end is dropped.
    Hold { at_rest: oneshot::Sender<()>, release: blocking::Receiver<()> },
}

/// One write, its outcome and whoever waits for it.
pub(super) trait Write: Send {
    /// Does it; says whether to keep what it did.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Says how it went, after the transaction that it was part of.
    fn finish(self: Box<Self>, transaction: &Result<(), StoreError>);
}

/// A [`Write`] made of closures: `work` in the transaction, `then` once it is durable, in the order of the writes.
pub(super) struct Task<W, H, T, E> {
    pub(super) work: Option<W>,
    pub(super) then: H,
    pub(super) result: Option<Result<T, E>>,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
}

impl<W, H, T, E> Write for Task<W, H, T, E>
where
    W: FnOnce(&Connection) -> Result<T, E> + Send,
    H: FnOnce(&T) + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, transaction: &Result<(), StoreError>) {
        let answer = match (self.result, transaction) {
            (Some(Ok(value)), Ok(())) => {
                (self.then)(&value);
                Ok(value)
            }
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone().into()),
            (None, Ok(())) => Err(StoreError::Undone.into()),
        };
        // Whoever asked may have gone away; the write stands.
        drop(self.reply.send(answer));
    }
}

/// Runs until all senders are gone.
pub(super) fn run(connection: &Connection, mut messages: mpsc::Receiver<Message>) {
    let mut batch = Vec::new();
    while let Some(first) = messages.blocking_recv() {
        let mut next = Some(first);
        let mut hold = None;
        while let Some(message) = next {
            match message {
                Message::Write(write) => batch.push(write),
                Message::Hold { at_rest, release } => {
                    hold = Some((at_rest, release));
                    break;
                }
            }
            next = if batch.len() < BATCH_MAX { messages.try_recv().ok() } else { None };
        }
        commit(connection, &mut batch);
        if let Some((at_rest, release)) = hold
            && at_rest.send(()).is_ok()
        {
            // An error means that the holder has let go: that is the only message there is.
            release.recv().unwrap_or_default();
        }
    }
}

fn commit(connection: &Connection, batch: &mut Vec<Box<dyn Write>>) {
    if batch.is_empty() {
        return;
    }
    let outcome = transact(connection, batch);
    if let Err(error) = &outcome {
        tracing::warn!(error = error as &dyn std::error::Error, writes = batch.len(), "a transaction failed");
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }
    for write in batch.drain(..) {
        write.finish(&outcome);
    }
}

fn transact(connection: &Connection, batch: &mut [Box<dyn Write>]) -> Result<(), StoreError> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
    run("BEGIN IMMEDIATE")?;
    for write in batch {
        run("SAVEPOINT one")?;
        let keep = write.run(connection);
        // A full disk or an I/O error can end the whole transaction ("Response To Errors Within A Transaction").
        if connection.is_autocommit() {
            return Err(StoreError::Undone);
        }
        if !keep {
            run("ROLLBACK TO one")?;
        }
        run("RELEASE one")?;
    }
    Ok(run("COMMIT")?)
}
