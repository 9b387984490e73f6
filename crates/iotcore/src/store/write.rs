//! The one writer: takes all jobs that wait, runs them in one transaction, commits once, then completes them in order.
//!
//! A job that fails, or panics, is undone alone, by its savepoint; a commit that fails fails every job in it. Jobs that need not
//! run at once are [`held`](super::held), but none is overtaken by one that came in turn later.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};

use super::held::{Held, Waiver};
use super::{Store, StoreError};

/// Jobs that wait for the writer; a sender beyond that waits itself.
const WAITING_JOBS_MAX: usize = 4096;
/// Most jobs in one commit.
const JOBS_PER_COMMIT_MAX: usize = 1024;

type AfterCommit = Box<dyn FnOnce() + Send>;
type Completion = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Given no transaction, a job only reports why.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Tx<'_>, StoreError>) -> Completion + Send>;

/// What a job writes by.
pub(crate) struct Tx<'a> {
    /// The connection, inside the transaction.
    pub(crate) connection: &'a Connection,
    next_seq: &'a mut i64,
    after_commit: &'a mut Vec<AfterCommit>,
}

impl Tx<'_> {
    /// The next number of a queued message: ascending over all sessions and over restarts.
    pub(crate) fn next_seq(&mut self) -> i64 {
        let seq = *self.next_seq;
        *self.next_seq += 1;
        seq
    }

    /// Runs `effect` when this job is durable, before its result is seen, and in the order of the jobs.
    pub(crate) fn after_commit(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(effect));
    }

    /// Runs `job` so that its failure leaves nothing behind.
    fn undoable<T, E: From<StoreError>>(&mut self, job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let effects = self.after_commit.len();
        execute(self.connection, "SAVEPOINT job")?;
        let result = catch_unwind(AssertUnwindSafe(|| job(self))).unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        if result.is_err() {
            self.after_commit.truncate(effects);
            // After some errors (a full disk) SQLite has already undone the whole transaction.
            if !self.connection.is_autocommit() {
                execute(self.connection, "ROLLBACK TO job")?;
                execute(self.connection, "RELEASE job")?;
            }
            return result;
        }
        execute(self.connection, "RELEASE job")?;
        result
    }
}

/// A job that is in the writer's hands.
pub(crate) struct Pending<T, E>(oneshot::Receiver<Result<T, E>>);

impl<T, E> Pending<T, E> {
    pub(super) fn new(result: oneshot::Receiver<Result<T, E>>) -> Self {
        Self(result)
    }
}

impl<T, E: From<StoreError>> Pending<T, E> {
    /// The result, once it is durable.
    pub(crate) async fn durable(self) -> Result<T, E> {
        self.0.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

impl Store {
    /// Hands `job` to the writer; jobs run in the order in which this returns. Waits while the writer is too far behind.
    pub(crate) async fn submit<T, E, F>(&self, job: F) -> Result<Pending<T, E>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (done, receiver) = oneshot::channel();
        // The one who asked may be gone; what is done is done.
        let job = boxed(job, move |outcome| drop(done.send(outcome)));
        self.in_turn(job).await?;
        Ok(Pending(receiver))
    }

    /// Hands `job` to the writer, which lets it wait a little: it does not run if its result is given by `waiver` meanwhile.
    /// What is submitted later does not overtake it.
    pub(crate) async fn submit_waivable<T, E, F>(&self, job: F, waiver: Arc<Waiver<T, E>>) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let completed = Arc::clone(&waiver);
        let job = boxed(job, move |outcome| completed.complete(outcome));
        match self.writer.held.push_waivable(waiver, job) {
            Ok(()) => Ok(()),
            Err(job) => self.in_turn(job).await,
        }
    }

    /// Hands `job` to the writer, which runs it soon, or with the next commit: nobody waits for it, and nothing that is submitted
    /// before or after it rests on when it runs, except that nothing overtakes it that comes in turn.
    pub(crate) async fn submit_unhurried<F>(&self, job: F) -> Result<(), StoreError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let logged = |outcome: Result<(), StoreError>| {
            if let Err(error) = outcome {
                tracing::error!(error = &error as &dyn std::error::Error, "what nobody waits for was not done");
            }
        };
        match self.writer.held.push_unhurried(boxed(job, logged)) {
            Ok(()) => Ok(()),
            Err(job) => self.in_turn(job).await,
        }
    }

    async fn in_turn(&self, job: Job) -> Result<(), StoreError> {
        self.writer.jobs.send(job).await.map_err(|_| StoreError::Closed)
    }

    /// Runs `job` and returns its result when it is durable.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(job).await?.durable().await
    }
}

/// The job with its savepoint, and what is told its outcome.
fn boxed<T, E>(
    job: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    done: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Job
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    Box::new(move |tx| {
        let result = tx.map_err(E::from).and_then(|tx| tx.undoable(job));
        Box::new(move |committed| done(committed.map_err(E::from).and(result)))
    })
}

/// The writer's thread, as others see it.
pub(super) struct Writer {
    pub(super) jobs: mpsc::Sender<Job>,
    held: Arc<Held>,
    /// Tells it, with its next job, to take no more.
    pub(super) closing: Arc<AtomicBool>,
    /// How it ended, once it has let go of the database and the lock.
    pub(super) ended: watch::Receiver<Option<Result<(), StoreError>>>,
}

/// Starts the writer's thread; it ends, and lets go of `lock`, when it is told to close or every sender is dropped.
pub(super) fn start(connection: Connection, lock: File) -> Result<Writer, StoreError> {
    let mut next_seq: i64 =
        connection.query_row("SELECT coalesce(max(seq), 0) + 1 FROM queue", [], |row| row.get(0))?;
    let (sender, jobs) = mpsc::channel::<Job>(WAITING_JOBS_MAX);
    let (end, ended) = watch::channel(None);
    let (closing, held) = (Arc::new(AtomicBool::new(false)), Arc::new(Held::default()));
    let cannot_start = || super::open::file_error("iotcore-writer".as_ref());
    // Only to wait by: the caller's runtime may end before this thread does.
    let waiting = runtime::Builder::new_current_thread().enable_time().build().map_err(cannot_start())?;
    let mut source = Source { ready: VecDeque::new(), jobs, held: Arc::clone(&held) };
    let told_to_close = Arc::clone(&closing);
    thread::Builder::new()
        .name("iotcore-writer".into())
        .spawn(move || {
            while waiting.block_on(source.wait()) {
                source.commit(&connection, &mut next_seq);
                if told_to_close.load(Ordering::Acquire) {
                    // Those that are here already are still run.
                    source.jobs.close();
                }
            }
            source.ready = source.held.close();
            source.commit(&connection, &mut next_seq);
            let finished = finish(connection);
            if let Err(error) = &finished {
                tracing::error!(error = error as &dyn std::error::Error, "the database is not closed cleanly");
            }
            drop(lock);
            end.send_replace(Some(finished));
        })
        .map_err(cannot_start())?;
    Ok(Writer { jobs: sender, held, closing, ended })
}

/// Where the writer has its jobs from.
struct Source {
    /// To be run next.
    ready: VecDeque<Job>,
    jobs: mpsc::Receiver<Job>,
    held: Arc<Held>,
}

impl Source {
    /// Waits until there is something to run; says whether there ever will be.
    async fn wait(&mut self) -> bool {
        while self.ready.is_empty() {
            tokio::select! {
                biased;
                job = self.jobs.recv() => match job {
                    Some(job) => self.put_in_turn(job),
                    None => return false,
                },
                () = self.held.due() => self.ready = self.held.take_due(),
            }
        }
        true
    }

    /// What was held before it comes before it.
    fn put_in_turn(&mut self, job: Job) {
        self.ready.append(&mut self.held.take_all());
        self.ready.push_back(job);
    }

    fn next(&mut self) -> Option<Job> {
        if self.ready.is_empty()
            && let Ok(job) = self.jobs.try_recv()
        {
            self.put_in_turn(job);
        }
        self.ready.pop_front()
    }

    /// Runs what is ready, and what comes meanwhile, in as many commits as it takes.
    fn commit(&mut self, connection: &Connection, next_seq: &mut i64) {
        while let Some(first) = self.ready.pop_front() {
            commit_group(connection, next_seq, first, self);
        }
    }
}

/// Moves the write-ahead log into the database, which is then one file.
fn finish(connection: Connection) -> Result<(), StoreError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)?;
    if busy { Err(StoreError::Value("somebody still reads it, so its log was left beside it".into())) } else { Ok(()) }
}

fn commit_group(connection: &Connection, next_seq: &mut i64, first: Job, source: &mut Source) {
    let mut completions = Vec::new();
    let mut after_commit = Vec::new();
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        tracing::error!(error = &error as &dyn std::error::Error, "no transaction");
        return first(Err(error.clone()))(Err(error));
    }
    let group = || {
        let mut tx = Tx { connection, next_seq, after_commit: &mut after_commit };
        let mut job = Some(first);
        while let Some(run) = job.take() {
            completions.push(run(Ok(&mut tx)));
            if connection.is_autocommit() {
                return Err(StoreError::Sqlite(Arc::new(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                    Some("the transaction was undone by an earlier statement".into()),
                ))));
            }
            if completions.len() < JOBS_PER_COMMIT_MAX {
                job = source.next();
            }
        }
        execute(connection, "COMMIT")
    };
    let committed = group();
    match &committed {
        Ok(()) => after_commit.into_iter().for_each(run_effect),
        Err(error) => {
            tracing::error!(error = error as &dyn std::error::Error, jobs = completions.len(), "commit failed");
            if !connection.is_autocommit()
                && let Err(error) = execute(connection, "ROLLBACK")
            {
                tracing::error!(error = &error as &dyn std::error::Error, "rollback failed");
            }
        }
    }
    completions.into_iter().for_each(|complete| complete(committed.clone()));
}

/// What is committed is committed: one that panics keeps neither the others nor the writer from going on.
fn run_effect(effect: AfterCommit) {
    if catch_unwind(AssertUnwindSafe(effect)).is_err() {
        tracing::error!("a bug: what follows a commit panicked");
    }
}

fn execute(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
