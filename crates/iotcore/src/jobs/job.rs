//! What a job is: its id, its document, its targets, and what becomes of executions that take too long or fail. AWS IoT API
//! Reference, `CreateJob`.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ExecutionStatus, JobStatus};
use crate::limits::{
    JOB_COMMENT_CHARS_MAX, JOB_DESCRIPTION_CHARS_MAX, JOB_DOCUMENT_BYTES_MAX, JOB_ID_BYTES_MAX,
    JOB_REASON_CODE_CHARS_MAX, JOB_RETRIES_MAX, JOB_TARGETS_MAX, JOB_TIMEOUT_MINUTES_MAX,
};
use crate::names::{ThingName, checked_text};

/// Why a text is no job id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a job id: use 1 to {JOB_ID_BYTES_MAX} of letters, digits, `_` and `-`")]
pub struct JobIdError(String);

/// The id of a job: 1 to 64 of `[a-zA-Z0-9_-]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(Arc<str>);

impl JobId {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`JobIdError`] when it is empty, too long, or has another character than AWS allows.
    pub fn parse(text: &str) -> Result<Self, JobIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if text.is_empty() || text.len() > JOB_ID_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(JobIdError(text.chars().take(JOB_ID_BYTES_MAX).collect()));
        }
        Ok(Self(text.into()))
    }
}
checked_text!(JobId, JobIdError);

/// Whom a job is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobTarget {
    /// One thing.
    Thing(ThingName),
    /// The things in a group and in those below it.
    Group(String),
}

/// How often an execution is tried again on a thing. Developer Guide, "Job execution retry configuration".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retries {
    /// So often after each of these failures.
    Each {
        /// After `FAILED`.
        failed: u32,
        /// After `TIMED_OUT`.
        timed_out: u32,
    },
    /// So often, whichever of both it was.
    All(u32),
}

impl Default for Retries {
    fn default() -> Self {
        Self::Each { failed: 0, timed_out: 0 }
    }
}

impl Retries {
    /// Whether an execution that has ended as `status` is tried again, when so many of the job have failed and timed out on the
    /// thing, this one included.
    pub(super) fn allow(self, status: ExecutionStatus, failed: u64, timed_out: u64) -> bool {
        match (self, status) {
            (Self::Each { failed: max, .. }, ExecutionStatus::Failed) => failed <= max.into(),
            (Self::Each { timed_out: max, .. }, ExecutionStatus::TimedOut) => timed_out <= max.into(),
            (Self::All(max), ExecutionStatus::Failed | ExecutionStatus::TimedOut) => failed + timed_out <= max.into(),
            _ => false,
        }
    }

    fn in_all(self) -> u64 {
        match self {
            Self::Each { failed, timed_out } => u64::from(failed) + u64::from(timed_out),
            Self::All(max) => max.into(),
        }
    }
}

/// A job that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Whom it is for.
    pub targets: Vec<JobTarget>,
    /// What is to be done, as JSON that the things understand.
    pub document: String,
    /// For people; may be empty.
    pub description: String,
    /// How long an execution may be in progress, in minutes; for ever without.
    pub in_progress_timeout_minutes: Option<u64>,
    /// What is tried again.
    pub retries: Retries,
    /// Whether it goes on for things that join its groups later. AWS: `targetSelection`.
    pub continuous: bool,
}

impl NewJob {
    /// A snapshot job without description, time-out and retries.
    #[must_use]
    pub fn new(id: JobId, targets: Vec<JobTarget>, document: impl Into<String>) -> Self {
        Self {
            id,
            targets,
            document: document.into(),
            description: String::new(),
            in_progress_timeout_minutes: None,
            retries: Retries::default(),
            continuous: false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), JobSpecError> {
        if !(1..=JOB_TARGETS_MAX).contains(&self.targets.len()) {
            return Err(JobSpecError::Targets(self.targets.len()));
        }
        if self.document.len() > JOB_DOCUMENT_BYTES_MAX {
            return Err(JobSpecError::DocumentTooLong(self.document.len()));
        }
        serde_json::from_str::<IgnoredAny>(&self.document)?;
        if self.description.chars().count() > JOB_DESCRIPTION_CHARS_MAX
            || self.description.chars().any(char::is_control)
        {
            return Err(JobSpecError::Description);
        }
        match self.in_progress_timeout_minutes {
            Some(minutes) if !(1..=JOB_TIMEOUT_MINUTES_MAX).contains(&minutes) => Err(JobSpecError::Timeout(minutes)),
            _ if self.retries.in_all() > JOB_RETRIES_MAX => Err(JobSpecError::Retries(self.retries.in_all())),
            _ => Ok(()),
        }
    }
}

/// Why a job cannot be created, changed or called off as it is said. `InvalidRequestException`.
#[derive(Debug, Error)]
pub enum JobSpecError {
    /// None, or over [`JOB_TARGETS_MAX`].
    #[error("the job has {0} targets: 1 to {JOB_TARGETS_MAX} are allowed")]
    Targets(usize),
    /// Over [`JOB_DOCUMENT_BYTES_MAX`].
    #[error("the job document has {0} bytes: {JOB_DOCUMENT_BYTES_MAX} are allowed")]
    DocumentTooLong(usize),
    /// The document is no JSON.
    #[error("the job document is not JSON")]
    Document(#[from] serde_json::Error),
    /// The description is too long, or has control characters.
    #[error("a job's description has at most {JOB_DESCRIPTION_CHARS_MAX} characters, none of them a control character")]
    Description,
    /// Not within [`JOB_TIMEOUT_MINUTES_MAX`].
    #[error("a job times out after {0} minutes: 1 to {JOB_TIMEOUT_MINUTES_MAX} are allowed")]
    Timeout(u64),
    /// Over [`JOB_RETRIES_MAX`].
    #[error("the job is tried again {0} times: {JOB_RETRIES_MAX} are allowed in all")]
    Retries(u64),
    /// The reason for calling it off has another form.
    #[error("a reason code is 1 to {JOB_REASON_CODE_CHARS_MAX} capital letters, digits and `_`")]
    ReasonCode,
    /// The comment on calling it off is too long, or has control characters.
    #[error("a comment has at most {JOB_COMMENT_CHARS_MAX} characters, none of them a control character")]
    Comment,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it was created as.
    pub spec: NewJob,
    /// How far it has come.
    pub status: JobStatus,
    /// Whether it was called off on things that were at it, too.
    pub force_canceled: bool,
    /// Why it was called off, as a code.
    pub reason_code: Option<String>,
    /// Why it was called off, for people.
    pub comment: Option<String>,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was created, changed, called off or completed.
    pub updated_ms: u64,
    /// When every thing was done with it, or it was called off.
    pub completed_ms: Option<u64>,
}
