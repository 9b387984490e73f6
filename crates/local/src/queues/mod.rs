//! Durable queues, one a step of the hub, with visibility time-out, retries and dead letters, as SQS has them.
//!
//! A delivery is taken, hidden while somebody works on it, and gone when it is acknowledged. Whoever waits for one
//! waits for a notification, not for a timer. It knows nothing of what deliveries say, and no clock.

mod dead;
mod row;
mod take;

use crate::store::{OpenError, Schema, Store, StoreError};
use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::Delivery;
use marvain_topics::Queue;
use rusqlite::params;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

const SCHEMA: Schema = Schema {
    migrations: &[include_str!("../../../../sql/local/queues.sql")],
    // Whoever worked on them is gone: the database has one process.
    at_open: "UPDATE deliveries SET hidden_until = NULL, receipt = NULL
              WHERE hidden_until IS NOT NULL AND receipt IS NOT NULL",
};
/// Longest body of a delivery in bytes: SQS takes as much.
pub const DELIVERY_BYTES_MAX: usize = 1 << 20;
/// Most deliveries in one answer.
pub const BATCH_DELIVERIES_MAX: usize = 256;

/// Numbers of receipts: never the same twice in a process, so that none is good in a database that is opened later.
static RECEIPTS: AtomicU64 = AtomicU64::new(1);

/// Durable queues in a SQLite file.
pub struct SqliteQueues {
    store: Store,
    changes: Arc<BTreeMap<Queue, watch::Sender<()>>>,
}

/// What became of a delivery that was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enqueued {
    /// It is in its queue, durably.
    Queued,
    /// One of this id waits there already, or is a dead letter; nothing was changed.
    Already,
}

/// A delivery that was taken. It comes again unless it is acknowledged in [`Queue::visibility_s`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// What was handed in.
    pub delivery: Delivery,
    /// Proof of having taken it.
    pub receipt: Receipt,
    /// How often it was taken, this time included; at most [`Queue::attempts_max`].
    pub attempt: u32,
}

/// Proof of having taken a delivery. Of no use once the delivery has been taken again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    queue: Queue,
    place: u64,
    number: u64,
}

/// What was taken from a queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// In the order of arrival.
    pub deliveries: Vec<Received>,
    /// When the next hidden delivery comes out, unless something changes before.
    pub next_at: Option<Timestamp>,
}

/// What becomes of a delivery that could not be worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is tried again then.
    Again(Timestamp),
    /// It was its last attempt: it is a dead letter now.
    Dead,
    /// The receipt is of no use any more.
    Stale,
}

/// How a queue is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueCounts {
    /// Which.
    pub queue: Queue,
    /// Deliveries that can be taken.
    pub ready: u64,
    /// Taken and not acknowledged.
    pub in_flight: u64,
    /// Waiting for their time.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest was received, dead letters aside.
    pub oldest_at: Option<Timestamp>,
}

impl QueueCounts {
    const fn none(queue: Queue) -> Self {
        Self { queue, ready: 0, in_flight: 0, delayed: 0, dead: 0, oldest_at: None }
    }
}

/// A delivery that failed too often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// The delivery.
    pub delivery: Delivery,
    /// How often it was taken.
    pub attempts: u32,
    /// What was said at the last attempt.
    pub error: String,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// A page of dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeadLetters {
    /// In the order of arrival.
    pub letters: Vec<DeadLetter>,
    /// Goes on behind this page; none at the end.
    pub next: Option<u64>,
}

/// Which dead letters get another chance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redrive {
    /// All of a queue.
    Queue(Queue),
    /// One of a queue.
    Delivery(Queue, DeliveryId),
}

/// Why the queues did not do it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Longer than [`DELIVERY_BYTES_MAX`].
    #[error("a delivery of {bytes} bytes does not fit into a queue: {DELIVERY_BYTES_MAX} is the limit")]
    Long {
        /// Length of the body.
        bytes: usize,
    },
    /// It cannot be done now.
    #[error("the queues cannot be read or written now")]
    Unavailable(#[from] StoreError),
    /// What is stored is no delivery.
    #[error("the queues hold what is no delivery: {0}")]
    Bug(String),
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl SqliteQueues {
    /// Opens the file, creating it if it is not there. What was in flight can be taken again.
    ///
    /// # Errors
    /// [`OpenError`], with the file as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::on(Store::open(path, SCHEMA)?))
    }

    /// Empty queues that are gone when they are dropped.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory or thread for them.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Ok(Self::on(Store::open_in_memory(SCHEMA)?))
    }

    fn on(store: Store) -> Self {
        let changes = Queue::ALL.into_iter().map(|queue| (queue, watch::Sender::new(()))).collect();
        Self { store, changes: Arc::new(changes) }
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Tells of changes in a queue: something can be taken, or hides until another time than before. A worker needs no
    /// timer but for [`Batch::next_at`]:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use marvain_domain::Timestamp;
    /// # async fn work(queues: &marvain_local::SqliteQueues, queue: marvain_topics::Queue, now: fn() -> Timestamp)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let mut changes = queues.watch(queue);
    /// loop {
    ///     changes.mark_unchanged();
    ///     let batch = queues.receive(queue, 10, now()).await?;
    ///     for received in &batch.deliveries {
    ///         // … work, then `ack` or `retry` …
    ///     }
    ///     if batch.deliveries.is_empty() {
    ///         let wait = batch.next_at.map_or(Duration::MAX, |at| Duration::from_millis(at.ms_since(now())));
    ///         // An error says that the time is up: then there is something to take as well.
    ///         drop(tokio::time::timeout(wait, changes.changed()).await);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch(&self, queue: Queue) -> watch::Receiver<()> {
        // INVARIANT: every queue has a sender, so that the other case does not occur.
        self.changes.get(&queue).map_or_else(|| watch::Sender::new(()).subscribe(), watch::Sender::subscribe)
    }

    /// Puts a delivery into its queue, to be taken from `not_before` on. Returns once it is durable.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was changed.
    pub async fn enqueue(&self, delivery: Delivery, not_before: Option<Timestamp>) -> Result<Enqueued, QueueError> {
        if delivery.body.len() > DELIVERY_BYTES_MAX {
            return Err(QueueError::Long { bytes: delivery.body.len() });
        }
        let changed = self.notify(delivery.queue, |enqueued| *enqueued == Enqueued::Queued);
        let work = move |connection: &rusqlite::Connection| {
            let Delivery { id, queue, topic, principal, received_at, body } = delivery;
            let hidden_until = not_before.map(Timestamp::as_ms);
            let mut insert = connection.prepare_cached(
                "INSERT INTO deliveries (id, queue, hidden_until, received_at, topic, principal, body)
                 VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            )?;
            let values = params![id.as_str(), queue.name(), hidden_until, received_at.as_ms(), topic, principal, body];
            Ok(if insert.execute(values)? == 0 { Enqueued::Already } else { Enqueued::Queued })
        };
        self.store.write_then(work, changed).await
    }

    /// Takes up to `max` deliveries, at most [`BATCH_DELIVERIES_MAX`], and hides them. Does not wait for any.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was taken.
    pub async fn receive(&self, queue: Queue, max: usize, now: Timestamp) -> Result<Batch, QueueError> {
        let max = max.min(BATCH_DELIVERIES_MAX);
        let number = RECEIPTS.fetch_add(1, Ordering::Relaxed);
        // Others who wait have to know when these come back.
        let changed = self.notify(queue, |batch: &Batch| !batch.deliveries.is_empty());
        self.store.write_then(move |connection| take::receive(connection, queue, max, number, now), changed).await
    }

    /// The work on these is done: they are gone. Says how many of the receipts were still good.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was changed.
    pub async fn ack(&self, receipts: &[Receipt]) -> Result<usize, QueueError> {
        let receipts = receipts.to_vec();
        self.store.write(move |connection| take::ack(connection, &receipts)).await
    }

    /// The work could not be done: it is tried again after a while that grows with each attempt, and given up after
    /// [`Queue::attempts_max`].
    ///
    /// # Errors
    /// [`QueueError`]; nothing was changed.
    pub async fn retry(&self, receipt: Receipt, error: &str, now: Timestamp) -> Result<Fate, QueueError> {
        let error = take::shorten(error);
        let changed = self.notify(receipt.queue, |fate| *fate != Fate::Stale);
        self.store.write_then(move |connection| take::retry(connection, receipt, &error, now), changed).await
    }

    /// How all queues are doing, in the order of [`Queue::ALL`].
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn counts(&self, now: Timestamp) -> Result<Vec<QueueCounts>, QueueError> {
        self.store.read(move |connection| dead::counts(connection, now)).await
    }

    /// Up to `limit` dead letters of one queue or all, behind an earlier page.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn dead(
        &self,
        queue: Option<Queue>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<DeadLetters, QueueError> {
        let limit = limit.min(BATCH_DELIVERIES_MAX);
        self.store.read(move |connection| dead::list(connection, queue, after, limit)).await
    }

    /// Gives dead letters all their attempts again, at their old place; says how many.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was changed.
    pub async fn redrive(&self, which: Redrive) -> Result<usize, QueueError> {
        let changes = Arc::clone(&self.changes);
        let changed = move |count: &usize| {
            if *count > 0 {
                for change in changes.values() {
                    change.send_replace(());
                }
            }
        };
        self.store.write_then(move |connection| dead::redrive(connection, &which), changed).await
    }

    /// What tells the watchers of a queue, if the outcome of a write is something that they wait for.
    fn notify<T, W>(&self, queue: Queue, when: W) -> impl FnOnce(&T) + Send + use<T, W>
    where
        W: FnOnce(&T) -> bool + Send,
    {
        let changes = Arc::clone(&self.changes);
        move |outcome| {
            if when(outcome)
                && let Some(change) = changes.get(&queue)
            {
                change.send_replace(());
            }
        }
    }
}
