//! Jobs that need not run at once: those that may become needless meanwhile, and those that nobody waits for.
//!
//! It knows when the writer is to take them, not what they do.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::write::{Job, Pending};

/// How long a job waits that may become needless: about as long as a client nearby takes to acknowledge a message.
const WAIVABLE_FOR: Duration = Duration::from_millis(2);
/// How long a job waits that nobody waits for, unless there is a commit before.
const UNHURRIED_FOR: Duration = Duration::from_millis(20);
/// Jobs of either kind that wait here; further ones do not wait.
const HELD_JOBS_MAX: usize = 4096;

/// The result of a job that can be given without the job, which is then needless.
#[derive(Debug)]
pub(crate) struct Waiver<T, E>(Mutex<Option<oneshot::Sender<Result<T, E>>>>);

impl<T, E> Waiver<T, E> {
    /// And what waits for the result.
    pub(crate) fn new() -> (Arc<Self>, Pending<T, E>) {
        let (done, receiver) = oneshot::channel();
        (Arc::new(Self(Mutex::new(Some(done)))), Pending::new(receiver))
    }

    /// The job is needless, and this its result.
    pub(crate) fn waive(&self, value: T) {
        self.complete(Ok(value));
    }

    /// The first result counts.
    pub(super) fn complete(&self, result: Result<T, E>) {
        if let Some(done) = self.0.lock().take() {
            // The one who asked may be gone; what is done is done.
            let _gone = done.send(result);
        }
    }
}

/// Whether a job is needless.
pub(super) trait Waived: Send + Sync {
    fn is_waived(&self) -> bool;
}

impl<T: Send, E: Send> Waived for Waiver<T, E> {
    fn is_waived(&self) -> bool {
        self.0.lock().is_none()
    }
}

struct Waivable {
    waiver: Arc<dyn Waived>,
    job: Job,
}

/// What waits, in the order it came.
#[derive(Default)]
pub(super) struct Held {
    queues: Mutex<Queues>,
    changed: Notify,
}

#[derive(Default)]
struct Queues {
    waivable: VecDeque<(Instant, Waivable)>,
    unhurried: VecDeque<(Instant, Job)>,
    closed: bool,
}

impl Held {
    /// Holds `job` until it is waived or due; gives it back if there is no room, or nobody takes it any more.
    pub(super) fn push_waivable(&self, waiver: Arc<dyn Waived>, job: Job) -> Result<(), Job> {
        let due = Instant::now() + WAIVABLE_FOR;
        self.push(|queues| &mut queues.waivable, (due, Waivable { waiver, job })).map_err(|waivable| waivable.job)
    }

    /// Holds `job` until there is a commit, or it is due; likewise.
    pub(super) fn push_unhurried(&self, job: Job) -> Result<(), Job> {
        self.push(|queues| &mut queues.unhurried, (Instant::now() + UNHURRIED_FOR, job))
    }

    fn push<T>(
        &self,
        queue: impl FnOnce(&mut Queues) -> &mut VecDeque<(Instant, T)>,
        item: (Instant, T),
    ) -> Result<(), T> {
        let mut queues = self.queues.lock();
        if queues.closed {
            return Err(item.1);
        }
        let queue = queue(&mut queues);
        if queue.len() >= HELD_JOBS_MAX {
            return Err(item.1);
        }
        queue.push_back(item);
        let is_first = queue.len() == 1;
        drop(queues);
        // Whoever waits for the first one is awake before the others are due.
        if is_first {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Completes when something is due.
    pub(super) async fn due(&self) {
        loop {
            let due = self.queues.lock().due();
            match due {
                None => self.changed.notified().await,
                Some(due) => tokio::select! {
                    () = sleep_until(due) => return,
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    /// What is due, and what nobody waits for if there is a commit anyhow.
    pub(super) fn take_due(&self) -> VecDeque<Job> {
        let now = Instant::now();
        let mut queues = self.queues.lock();
        let due = queues.waivable.partition_point(|(due, _)| *due <= now);
        let waivable: Vec<_> = queues.waivable.drain(..due).collect();
        let needed: Vec<_> = waivable.into_iter().filter_map(|(_, waivable)| waivable.needed()).collect();
        let is_due = |(due, _): &(Instant, Job)| *due <= now;
        if needed.is_empty() && !queues.unhurried.front().is_some_and(is_due) {
            return VecDeque::new();
        }
        queues.unhurried.drain(..).map(|(_, job)| job).chain(needed).collect()
    }

    /// All that is needed.
    pub(super) fn take_all(&self) -> VecDeque<Job> {
        self.queues.lock().take_all()
    }

    /// The same, and takes nothing more.
    pub(super) fn close(&self) -> VecDeque<Job> {
        let mut queues = self.queues.lock();
        queues.closed = true;
        queues.take_all()
    }
}

impl Waivable {
    fn needed(self) -> Option<Job> {
        (!self.waiver.is_waived()).then_some(self.job)
    }
}

impl Queues {
    fn due(&self) -> Option<Instant> {
        let (waivable, unhurried) = (self.waivable.front(), self.unhurried.front());
        waivable.map(|(due, _)| *due).into_iter().chain(unhurried.map(|(due, _)| *due)).min()
    }

    fn take_all(&mut self) -> VecDeque<Job> {
        let needed = self.waivable.drain(..).filter_map(|(_, waivable)| waivable.needed());
        self.unhurried.drain(..).map(|(_, job)| job).chain(needed).collect()
    }
}
