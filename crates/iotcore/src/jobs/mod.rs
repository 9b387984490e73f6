//! Jobs: what is to be done on things, and how far each thing has come with it.
//!
//! Sources, all of the AWS IoT developer guide: "Jobs device MQTT API operations", "AWS IoT jobs API operations" (the error
//! codes), "Jobs notifications", "Jobs and job execution states", "How job configurations work" (time-outs and retries).
//!
//! Requests, transitions and replies are pure; `job_rows` and `rows` are the statements; `service` (what devices ask), `manage`
//! (what operators ask) and `targets` put them together, within a job of the store's writer. This module does not know what a job's document means, and it does not roll out by rates,
//! windows or abort criteria.

mod changes;
mod error;
mod execution;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzzing;
mod job;
mod job_rows;
mod manage;
mod orders;
mod reply;
mod request;
mod rows;
mod service;
mod status;
mod targets;
#[cfg(test)]
mod tests;
mod topic;

pub use execution::Execution;
#[cfg(any(test, feature = "fuzzing"))]
pub use fuzzing::fuzz_requests;
pub use job::{Job, JobId, JobIdError, JobSpecError, JobTarget, NewJob, Retries};
pub use orders::{Cancellation, JobFilter, JobUpdate};
pub use status::{ExecutionStatus, JobStatus};
pub use topic::{JobsOperation, JobsTopic, JobsTopicKind, Which};

pub(crate) use manage::{cancel, cancel_execution, create, delete, delete_execution, sweep, update};
pub(crate) use service::{parse_request, submit};
pub(crate) use targets::{follow, thing_deleted};
#[cfg(feature = "https")]
pub(crate) use {error::Refusal, service::Request, service::ask};
pub(crate) use {job_rows::get, job_rows::list, rows::counts, rows::execution, rows::of_job, rows::of_thing};
