//! What operators say about jobs that there are: which they mean, what changes, and why one is called off. AWS IoT API Reference,
//! `ListJobs`, `UpdateJob`, `CancelJob`.

use super::{JobSpecError, JobStatus, NewJob, Retries};
use crate::limits::{JOB_COMMENT_CHARS_MAX, JOB_REASON_CODE_CHARS_MAX};

/// Which jobs are listed. The default is all.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Those with this status.
    pub status: Option<JobStatus>,
    /// Those that go on for things that join their groups later, or those that do not.
    pub continuous: Option<bool>,
    /// Those that have this thing group among their targets.
    pub group: Option<String>,
}

/// What changes of a job; what is none stays.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct JobUpdate {
    /// For people; may be empty.
    pub description: Option<String>,
    /// How long an execution that begins from now on may be in progress, in minutes; for ever without.
    pub in_progress_timeout_minutes: Option<Option<u64>>,
    /// What is tried again from now on.
    pub retries: Option<Retries>,
}

impl JobUpdate {
    pub(super) fn apply_to(self, spec: NewJob) -> NewJob {
        NewJob {
            description: self.description.unwrap_or(spec.description),
            in_progress_timeout_minutes: self.in_progress_timeout_minutes.unwrap_or(spec.in_progress_timeout_minutes),
            retries: self.retries.unwrap_or(spec.retries),
            ..spec
        }
    }
}

/// How a job is called off. The default: where it is queued, and nothing is said about it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cancellation {
    /// Also where it is in progress.
    pub force: bool,
    /// Why: 1 to [`JOB_REASON_CODE_CHARS_MAX`] capital letters, digits and `_`.
    pub reason_code: Option<String>,
    /// Why, for people: at most [`JOB_COMMENT_CHARS_MAX`] characters.
    pub comment: Option<String>,
}

impl Cancellation {
    pub(super) fn check(&self) -> Result<(), JobSpecError> {
        let is_code = |code: &str| {
            (1..=JOB_REASON_CODE_CHARS_MAX).contains(&code.chars().count())
                && code.chars().all(|char| char.is_uppercase() || char.is_numeric() || char == '_')
        };
        if !self.reason_code.as_deref().is_none_or(is_code) {
            return Err(JobSpecError::ReasonCode);
        }
        let is_comment =
            |comment: &str| comment.chars().count() <= JOB_COMMENT_CHARS_MAX && !comment.chars().any(char::is_control);
        if !self.comment.as_deref().is_none_or(is_comment) {
            return Err(JobSpecError::Comment);
        }
        Ok(())
    }
}
