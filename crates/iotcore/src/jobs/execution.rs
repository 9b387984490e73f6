//! One run of a job on one thing, and what may become of it. Pure: the time is an argument.

use std::collections::BTreeMap;

use super::error::{Refusal, State};
use super::request::{StepTimer, Update};
use super::{ExecutionStatus, JobId};
use crate::names::ThingName;

const MINUTE_MS: u64 = 60_000;

/// A run of a job on a thing. All times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The job.
    pub job: JobId,
    /// The thing.
    pub thing: ThingName,
    /// Which run it is, from 1: a retry is another one.
    pub number: u64,
    /// How far it has come.
    pub status: ExecutionStatus,
    /// What the thing says about that.
    pub status_details: BTreeMap<String, String>,
    /// Goes up by one with each change, from 1.
    pub version: u64,
    /// When it was queued.
    pub queued_ms: u64,
    /// When it went to `IN_PROGRESS`.
    pub started_ms: Option<u64>,
    /// When it last changed.
    pub updated_ms: u64,
    /// When it times out, by the job's in-progress timer.
    pub deadline_ms: Option<u64>,
    /// When it times out, by the step timer that the thing has set.
    pub step_due_ms: Option<u64>,
    /// Whether it was called off with force.
    pub force_canceled: bool,
}

/// How an execution ends from outside of its thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It took too long.
    TimedOut,
    /// The thing is no target any more.
    Removed,
    /// It was called off.
    Canceled {
        /// Even if it was in progress.
        force: bool,
        /// What is said about that.
        details: Option<BTreeMap<String, String>>,
    },
}

impl Execution {
    /// A new run.
    pub(super) fn queued(job: JobId, thing: ThingName, number: u64, now_ms: u64) -> Self {
        Self {
            job,
            thing,
            number,
            status: ExecutionStatus::Queued,
            status_details: BTreeMap::new(),
            version: 1,
            queued_ms: now_ms,
            started_ms: None,
            updated_ms: now_ms,
            deadline_ms: None,
            step_due_ms: None,
            force_canceled: false,
        }
    }

    /// Which one it is among those of its thing.
    pub(super) fn key(&self) -> (JobId, u64) {
        (self.job.clone(), self.number)
    }

    /// How long until it times out by whichever timer is first, in seconds; none if no timer runs.
    pub(crate) fn seconds_left(&self, now_ms: u64) -> Option<u64> {
        let due_ms = [self.deadline_ms, self.step_due_ms].into_iter().flatten().min()?;
        Some(due_ms.saturating_sub(now_ms) / 1000)
    }

    /// What errors and updates tell of it.
    pub(super) fn state(&self) -> State {
        State { status: self.status, details: self.status_details.clone(), version: self.version }
    }

    /// `StartNextPendingJobExecution` has chosen it. One that is in progress already only gets the new step timer.
    pub(super) fn start_next(
        mut self,
        details: Option<BTreeMap<String, String>>,
        step: StepTimer,
        timeout_minutes: Option<u64>,
        now_ms: u64,
    ) -> Self {
        if self.status == ExecutionStatus::Queued {
            self.change(ExecutionStatus::InProgress, details, now_ms);
            self.begin(timeout_minutes, now_ms);
        }
        self.set_step_timer(step, now_ms);
        self
    }

    /// `UpdateJobExecution`: what has ended has ended. That a thing may end what it never began is shown for `REJECTED`
    /// ("Jobs notifications"); for the others it could not be verified.
    pub(super) fn update(
        mut self,
        update: &Update,
        timeout_minutes: Option<u64>,
        now_ms: u64,
    ) -> Result<Self, Refusal> {
        if update.expected_version.is_some_and(|expected| expected != self.version) {
            return Err(Refusal::VersionMismatch(self.state()));
        }
        if self.status.is_terminal() {
            return Err(Refusal::InvalidStateTransition { to: update.status, state: self.state() });
        }
        self.change(update.status, update.details.clone(), now_ms);
        if update.status == ExecutionStatus::InProgress {
            self.begin(timeout_minutes, now_ms);
            self.set_step_timer(update.step, now_ms);
        }
        Ok(self)
    }

    /// It ends, whatever its thing does.
    pub(super) fn end(mut self, end: End, now_ms: u64) -> Self {
        let (status, details) = match end {
            End::TimedOut => (ExecutionStatus::TimedOut, None),
            End::Removed => (ExecutionStatus::Removed, None),
            End::Canceled { force, details } => {
                self.force_canceled = force;
                (ExecutionStatus::Canceled, details)
            }
        };
        self.change(status, details, now_ms);
        self
    }

    fn change(&mut self, status: ExecutionStatus, details: Option<BTreeMap<String, String>>, now_ms: u64) {
        self.status = status;
        self.version += 1;
        self.updated_ms = now_ms;
        if let Some(details) = details {
            self.status_details = details;
        }
        if status.is_terminal() {
            (self.deadline_ms, self.step_due_ms) = (None, None);
        }
    }

    /// Starts the in-progress timer, once.
    fn begin(&mut self, timeout_minutes: Option<u64>, now_ms: u64) {
        if self.started_ms.is_none() {
            self.started_ms = Some(now_ms);
            self.deadline_ms = timeout_minutes.map(|minutes| now_ms + minutes * MINUTE_MS);
        }
    }

    fn set_step_timer(&mut self, step: StepTimer, now_ms: u64) {
        match step {
            StepTimer::Keep => {}
            StepTimer::Cancel => self.step_due_ms = None,
            StepTimer::Minutes(minutes) => self.step_due_ms = Some(now_ms + minutes * MINUTE_MS),
        }
    }
}
