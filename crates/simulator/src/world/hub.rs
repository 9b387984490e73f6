//! The hub in its world: its operations begin, stop at port boundaries, end or die with its process.

use super::{Event, TASKS_MAX, World};
use crate::{
    executor::{step, wait},
    options::Plant,
    oracle::violated,
};
use marvain_hub::{
    DeliverError, Hub, Outcome, SealError, Sealed, Ticked,
    people::RequestError,
    port::{Delivery, LedgerError},
};
use marvain_local::{Fate, Receipt};
use marvain_topics::Queue;
use std::{pin::Pin, sync::Arc, task::Poll};

/// Deliveries taken at once.
const BATCH_MAX: u64 = 4;

const SEAL: &str = "seal";

/// How an operation ended.
pub(super) enum Done {
    Delivered(Result<Outcome, DeliverError>),
    Ticked(Result<Ticked, LedgerError>),
    Sealed(Result<Sealed, SealError>),
    Asked(Result<String, RequestError>),
}

/// An operation of the hub under way.
pub(super) struct Task {
    future: Pin<Box<dyn Future<Output = Done>>>,
    what: String,
    queue: Option<Queue>,
    receipt: Option<Receipt>,
}

impl World {
    /// Begins an operation, if the hub is there.
    pub(super) fn spawn<F>(&mut self, what: String, work: impl FnOnce(Arc<Hub>) -> F) -> Option<u64>
    where
        F: Future<Output = Done> + 'static,
    {
        let hub = self.hub.clone()?;
        let id = self.next();
        self.shared.note(|| format!("hub: {id} begins: {what}"));
        self.shared.lock().oracle.begin(id);
        self.tasks.insert(id, Task { future: Box::pin(work(hub)), what, queue: None, receipt: None });
        self.after(0, Event::Poll(id));
        Some(id)
    }

    pub(super) fn poll(&mut self, id: u64) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        match step(task.future.as_mut()) {
            Poll::Pending => {
                let weather = self.shared.lock().weather;
                if self.dice.permille(weather.hub_crash) {
                    return self.crash_hub();
                }
                self.within(0, weather.pause_ms.max(1), Event::Poll(id));
            }
            Poll::Ready(done) => {
                if let Some(task) = self.tasks.remove(&id) {
                    self.shared.lock().oracle.end(id);
                    self.done(id, task, done);
                }
            }
        }
    }

    fn done(&mut self, id: u64, task: Task, done: Done) {
        let Task { what, queue, receipt, .. } = task;
        let (ended, bug) =
            match &done {
                Done::Delivered(Ok(outcome)) => (format!("{outcome:?}"), None),
                Done::Delivered(Err(DeliverError::Bug(why))) => (String::new(), Some(why.clone())),
                Done::Delivered(Err(error)) => (format!("{error:?}"), None),
                Done::Ticked(Err(LedgerError::Bug(why))) => (String::new(), Some(why.clone())),
                Done::Ticked(ticked) => (format!("{ticked:?}"), None),
                Done::Sealed(Err(SealError::Ledger(LedgerError::Bug(why)))) => (String::new(), Some(why.clone())),
                Done::Sealed(Err(
                    error @ (SealError::Recover(_) | SealError::Append(_) | SealError::Checkpoint(_)),
                )) if !is_away(error) => (String::new(), Some(format!("{error:?}"))),
                Done::Sealed(sealed) => (format!("{sealed:?}"), None),
                Done::Asked(Ok(answer)) => (answer.clone(), None),
                Done::Asked(Err(error)) => (format!("{error}"), None),
            };
        self.shared.note(|| format!("hub: {id} ends: {ended}"));
        if let Some(bug) = bug {
            self.shared.lock().oracle.note(violated("the hub meets no bug", format!("{what}: {bug}")));
        }
        match &done {
            Done::Delivered(Ok(Outcome::Rejected(_))) => self.count("rejected deliveries"),
            Done::Delivered(Ok(Outcome::Repeated)) => self.count("repeated deliveries"),
            Done::Asked(Err(RequestError::Refused { .. } | RequestError::Unauthenticated)) => {
                self.count("refused requests")
            }
            Done::Asked(Err(RequestError::Conflict(_))) => self.count("impossible requests"),
            Done::Asked(Ok(_)) => self.count("requests"),
            Done::Sealed(Ok(sealed)) if sealed.entries > 0 => self.count("seals"),
            Done::Sealed(Err(_)) => self.count("failed seals"),
            _ => {}
        }
        let (Some(queue), Some(receipt)) = (queue, receipt) else { return };
        let Done::Delivered(result) = done else { return };
        match result {
            Ok(_) if self.shared.strikes(|weather| weather.ack_lost) => {}
            Ok(_) => {
                if let Err(error) = wait(self.queues.ack(&[receipt])) {
                    self.broken(&error);
                }
            }
            Err(error) => match wait(self.queues.retry(receipt, &error.to_string(), self.now())) {
                Ok(Fate::Again(at)) => self.work_on(queue, at.ms_since(crate::shared::START)),
                Ok(Fate::Dead) => self.count("dead letters"),
                Ok(Fate::Stale) => {}
                Err(error) => self.broken(&error),
            },
        }
    }

    /// The simulated machine itself failed.
    pub(super) fn broken(&self, error: &dyn std::error::Error) {
        self.shared.lock().oracle.note(violated("the simulator works", format!("{error:?}")));
    }

    /// A worker looks into its queue then, or earlier.
    pub(super) fn work_on(&mut self, queue: Queue, at_ms: u64) {
        let at_ms = at_ms.max(self.now_ms());
        if self.work_at.get(&queue).is_none_or(|due| *due > at_ms) {
            self.work_at.insert(queue, at_ms);
            self.at(at_ms, Event::Work(queue));
        }
    }

    /// Workers look into the queues that the hub has put something into.
    pub(super) fn wake_workers(&mut self) {
        let (stirred, now_ms) = {
            let mut state = self.shared.lock();
            (std::mem::take(&mut state.stirred), state.now_ms)
        };
        for queue in stirred {
            self.work_on(queue, now_ms + 1);
        }
    }

    pub(super) fn work(&mut self, queue: Queue) {
        if self.work_at.get(&queue).is_some_and(|due| *due <= self.now_ms()) {
            self.work_at.remove(&queue);
        }
        if self.hub.is_none() {
            return;
        }
        if self.tasks.len() >= TASKS_MAX {
            let at_ms = self.now_ms() + self.dice.range(50, 2_000);
            return self.work_on(queue, at_ms);
        }
        let most = self.dice.range(1, BATCH_MAX) as usize;
        let now = self.now();
        let batch = match wait(self.queues.receive(queue, most, now)) {
            Ok(batch) => batch,
            Err(error) => return self.broken(&error),
        };
        let more = batch.deliveries.len() == most;
        let mut taken = batch.deliveries;
        self.dice.shuffle(&mut taken);
        for received in taken {
            if self.shared.planted(Plant::QueueAcksBeforeWork, 1000)
                && let Err(error) = wait(self.queues.ack(&[received.receipt]))
            {
                self.broken(&error);
            }
            if self.shared.strikes(|weather| weather.twice) {
                self.deliver(queue, received.delivery.clone(), None);
            }
            self.deliver(queue, received.delivery, Some(received.receipt));
        }
        if more {
            self.work_on(queue, self.now_ms());
        } else if let Some(at) = batch.next_at {
            self.work_on(queue, at.ms_since(crate::shared::START));
        }
    }

    fn deliver(&mut self, queue: Queue, delivery: Delivery, receipt: Option<Receipt>) {
        let now = self.now();
        let what = format!("{} {} {}", queue.name(), delivery.id, String::from_utf8_lossy(&delivery.body));
        let id = self.spawn(what, |hub| async move { Done::Delivered(hub.deliver(&delivery, now).await) });
        if let Some(task) = id.and_then(|id| self.tasks.get_mut(&id)) {
            task.queue = Some(queue);
            task.receipt = receipt;
        }
    }

    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.spawn("tick".to_owned(), |hub| async move {
            let ticked = hub.tick(now).await;
            hub.sweep(now).await;
            Done::Ticked(ticked)
        });
        if self.calm {
            self.after(10_000, Event::Tick);
        } else {
            self.within(1_000, 15_000, Event::Tick);
        }
    }

    pub(super) fn seal(&mut self) {
        // One at a time, as a hub seals.
        if self.tasks.values().all(|task| task.what != SEAL) {
            self.spawn(SEAL.to_owned(), |hub| async move { Done::Sealed(hub.seal().await) });
        }
        self.within(1_000, 60_000, Event::Seal);
    }

    /// The hub's process ends, whatever it is doing; sometimes the broker's with it.
    pub(super) fn crash_hub(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        self.fallen = Some(hub);
        self.shared.note(|| "hub: crashed".to_owned());
        self.count("hub crashes");
        for (id, _) in std::mem::take(&mut self.tasks) {
            self.shared.lock().oracle.end(id);
        }
        if self.dice.permille(500) {
            self.broker.lock().restart();
        }
        self.within(200, 30_000, Event::HubStart);
    }

    pub(super) fn start_hub(&mut self) {
        if self.hub.is_some() {
            return;
        }
        // All that a hub knows of before is the right edge of the log and its parsed policies, both checked against the
        // ledger. Parsing them anew is most of what a start costs, so that only some starts begin from nothing.
        if let Some(hub) = self.fallen.take().filter(|_| !self.dice.permille(250)) {
            self.hub = Some(hub);
        } else {
            self.begin_hub();
        }
        self.shared.note(|| "hub: started".to_owned());
        let now_ms = self.now_ms();
        for queue in Queue::ALL {
            self.work_on(queue, now_ms);
        }
    }

    fn begin_hub(&mut self) {
        match super::build::settings().map(|settings| Hub::new(self.ports.clone(), settings)) {
            Ok(hub) => self.hub = Some(Arc::new(hub)),
            Err(error) => self.broken(error.as_ref()),
        }
    }
}

/// Is it only that the vault cannot be reached?
fn is_away(error: &SealError) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string().starts_with("simulated") {
            return true;
        }
        source = error.source();
    }
    false
}
