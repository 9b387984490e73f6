//! Workers: one a queue, each taking deliveries to the hub, and the hub's upkeep. Idle ones sleep until there is
//! something to do.

use super::system::System;
use marvain_domain::chain;
use marvain_hub::{DeliverError, Hub, Outcome, in_lanes, port::Cause};
use marvain_local::{Fate, Receipt, Received, SqliteQueues};
use marvain_topics::Queue;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time};
use tracing::Instrument;

/// Most deliveries taken at once.
const BATCH_MAX: usize = 32;
/// How long a worker pauses when its queue cannot be read, in milliseconds.
const QUEUE_ERROR_PAUSE_MS: u64 = 1_000;
/// Time between ticks, in milliseconds.
const TICK_MS: u64 = 1_000;
/// Time between seals, in milliseconds: each seal that finds something leaves a partial tile behind.
const SEAL_MS: u64 = 1_000;
/// Ticks between two sweeps, unless one has left something to do, and between two purges of the ledger.
const TICKS_PER_SWEEP: u64 = 600;

/// Starts a worker for every queue. They finish what they hold and end when `stop` changes.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    hub: &Arc<Hub>,
    queues: &Arc<SqliteQueues>,
    system: &System,
    stop: &watch::Receiver<bool>,
) {
    for queue in Queue::ALL {
        let worker = Worker { hub: hub.clone(), queues: queues.clone(), system: system.clone(), queue };
        tasks.spawn(worker.run(stop.clone()).instrument(tracing::info_span!("worker", queue = queue.name())));
    }
}

struct Worker {
    hub: Arc<Hub>,
    queues: Arc<SqliteQueues>,
    system: System,
    queue: Queue,
}

impl Worker {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changed = self.queues.watch(self.queue);
        while !*stop.borrow() {
            changed.mark_unchanged();
            let now = self.system.now();
            let pause = match self.queues.receive(self.queue, BATCH_MAX, now).await {
                Ok(batch) if batch.deliveries.is_empty() => batch.next_at.map(|at| at.ms_since(now).max(1)),
                Ok(batch) => {
                    self.work(batch.deliveries).await;
                    continue;
                }
                Err(error) => {
                    tracing::error!(error = chain(&error), "the queue cannot be read");
                    Some(QUEUE_ERROR_PAUSE_MS)
                }
            };
            let until = async {
                match pause {
                    Some(ms) => time::sleep(Duration::from_millis(ms)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changed.changed() => {}
                () = until => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Works on a batch: one satellite's deliveries in order, different satellites' side by side.
    async fn work(&self, batch: Vec<Received>) {
        let done = in_lanes(batch, |received| &received.delivery, |received| self.work_one(received)).await;
        let done: Vec<Receipt> = done.into_iter().flatten().collect();
        if let Err(error) = self.queues.ack(&done).await {
            // They come again, and have no effect then.
            tracing::error!(error = chain(&error), "finished deliveries cannot be acknowledged");
        }
    }

    /// The receipt, if the delivery is done with.
    async fn work_one(&self, received: Received) -> Option<Receipt> {
        let Received { delivery, receipt, attempt } = received;
        let span = tracing::info_span!("delivery", id = %delivery.id, queue = self.queue.name(), attempt);
        match self.hub.deliver(&delivery, self.system.now()).instrument(span.clone()).await {
            Ok(Outcome::Rejected(why)) => {
                span.in_scope(|| tracing::warn!(why, "delivery rejected"));
                Some(receipt)
            }
            Ok(Outcome::Applied | Outcome::Repeated) => Some(receipt),
            Err(error) => {
                self.retry(receipt, &error).instrument(span).await;
                None
            }
        }
    }

    async fn retry(&self, receipt: Receipt, error: &DeliverError) {
        let why = chain(error);
        // The attempt may have taken longer than the pause before the next.
        match self.queues.retry(receipt, &why, self.system.now()).await {
            Ok(Fate::Dead) => tracing::error!(error = why, "the delivery is a dead letter now: `marvain queue list`"),
            Ok(fate) => tracing::warn!(error = why, ?fate, "the delivery is tried again"),
            Err(failure) => tracing::error!(error = chain(&failure), "a failed delivery cannot be put back"),
        }
    }
}

/// Ticks, seals and sweeps until `stop` changes; seals once more at the end.
pub(crate) fn start_upkeep(tasks: &mut JoinSet<()>, hub: &Arc<Hub>, system: &System, stop: &watch::Receiver<bool>) {
    let (ticking, mut ticking_stop, system) = (hub.clone(), stop.clone(), system.clone());
    tasks.spawn(async move {
        let mut every = time::interval(Duration::from_millis(TICK_MS));
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut is_more = true;
        for tick in 0_u64.. {
            tokio::select! {
                _ = every.tick() => {}
                _ = ticking_stop.changed() => return,
            }
            let now = system.now();
            report("tick", ticking.tick(now).await.map(|_| ()));
            let is_time = tick % TICKS_PER_SWEEP == 0;
            if is_time {
                report("purge of the ledger", ticking.purge(now).await.map(|_| ()));
            }
            if is_time || is_more {
                is_more = ticking.sweep(now).await.is_more;
            }
        }
    });
    let (sealing, mut sealing_stop) = (hub.clone(), stop.clone());
    tasks.spawn(async move {
        let mut every = time::interval(Duration::from_millis(SEAL_MS));
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                _ = every.tick() => false,
                _ = sealing_stop.changed() => true,
            };
            report("sealing", sealing.seal().await.map(|_| ()));
            if last {
                return;
            }
        }
    });
}

fn report<E: Into<Cause>>(what: &str, done: Result<(), E>) {
    if let Err(error) = done {
        let error: Cause = error.into();
        tracing::error!(error = chain(error.as_ref()), "{what} failed and is tried again");
    }
}
