//! Jobs: what satellites are told to do once, such as to update their software ("AWS IoT Jobs").
//!
//! It does not know what a job's document says.

use super::{AwsFleet, failed};
use aws_sdk_iot::types::{JobProcessDetails, JobStatus, TargetSelection};
use marvain_domain::id::SatelliteId;
use marvain_hub::port::{Cause, FleetError};
use serde_json::Value;

/// Most satellites of one job ("AWS IoT Device Management quotas" has 100 targets in a request).
pub const JOB_TARGETS_MAX: usize = 100;
/// Most jobs of one page.
const JOBS_PAGE_MAX: u16 = 250;

/// Where a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
    /// Some have not finished.
    InProgress,
    /// It was called off.
    Canceled,
    /// All have finished.
    Completed,
    /// What AWS has besides: scheduled, or being deleted.
    Other,
}

/// How many satellites of a job are where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JobCounts {
    /// Not begun.
    pub queued: u32,
    /// Begun.
    pub in_progress: u32,
    /// Done.
    pub succeeded: u32,
    /// Tried in vain, refused, or too late.
    pub failed: u32,
    /// Called off, or gone.
    pub canceled: u32,
}

/// A job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub state: JobState,
    /// Its satellites.
    pub counts: JobCounts,
}

impl AwsFleet {
    /// Gives satellites something to do. Each does it once, when it is there.
    ///
    /// # Errors
    /// [`FleetError`]: also for none or more than [`JOB_TARGETS_MAX`] satellites, for one that is not registered, and if there is a
    /// job of that id.
    pub async fn create_job(&self, id: &str, satellites: &[SatelliteId], document: &Value) -> Result<(), FleetError> {
        self.begin_job(id, satellites, document).await.map_err(failed(format!("creating job `{id}`")))
    }

    /// A job; none if there is none of that id.
    ///
    /// # Errors
    /// [`FleetError`].
    pub async fn job(&self, id: &str) -> Result<Option<Job>, FleetError> {
        match self.iot.describe_job().job_id(id).send().await {
            Ok(described) => Ok(described.job().map(|job| Job {
                id: id.to_owned(),
                state: state(job.status()),
                counts: job.job_process_details().map(counts).unwrap_or_default(),
            })),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed(format!("asking for job `{id}`"))(error)),
        }
    }

    /// A page of the jobs' ids with where each is, newest first, and where to go on.
    ///
    /// # Errors
    /// [`FleetError`].
    pub async fn jobs(
        &self,
        limit: u16,
        after: Option<&str>,
    ) -> Result<(Vec<(String, JobState)>, Option<String>), FleetError> {
        let request = self.iot.list_jobs().max_results(i32::from(limit.clamp(1, JOBS_PAGE_MAX)));
        let page = request.set_next_token(after.map(str::to_owned)).send().await.map_err(failed("listing jobs"))?;
        let jobs = page.jobs().iter().filter_map(|job| Some((job.job_id()?.to_owned(), state(job.status()))));
        Ok((jobs.collect(), page.next_token().map(str::to_owned)))
    }

    /// Calls a job off where it has not begun; with `force` also where it has. Twice is as once.
    ///
    /// # Errors
    /// [`FleetError`], also for a job that is completed.
    pub async fn cancel_job(&self, id: &str, force: bool) -> Result<(), FleetError> {
        let what = format!("canceling job `{id}`");
        if self.job(id).await?.is_some_and(|job| job.state == JobState::Canceled) {
            return Ok(());
        }
        self.iot.cancel_job().job_id(id).force(force).send().await.map_err(failed(what))?;
        Ok(())
    }

    async fn begin_job(&self, id: &str, satellites: &[SatelliteId], document: &Value) -> Result<(), Cause> {
        if !(1..=JOB_TARGETS_MAX).contains(&satellites.len()) {
            return Err(format!("a job is for 1 to {JOB_TARGETS_MAX} satellites").into());
        }
        let mut request = self.iot.create_job().job_id(id).target_selection(TargetSelection::Snapshot);
        for satellite in satellites {
            let thing = self.iot.describe_thing().thing_name(satellite.as_str()).send().await?;
            request = request.targets(thing.thing_arn().ok_or("the thing is described without its ARN")?);
        }
        request.document(document.to_string()).send().await?;
        Ok(())
    }
}

fn state(status: Option<&JobStatus>) -> JobState {
    match status {
        Some(JobStatus::InProgress) => JobState::InProgress,
        Some(JobStatus::Canceled) => JobState::Canceled,
        Some(JobStatus::Completed) => JobState::Completed,
        _ => JobState::Other,
    }
}

fn counts(details: &JobProcessDetails) -> JobCounts {
    let of = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    JobCounts {
        queued: of(details.number_of_queued_things()),
        in_progress: of(details.number_of_in_progress_things()),
        succeeded: of(details.number_of_succeeded_things()),
        failed: of(details.number_of_failed_things())
            .saturating_add(of(details.number_of_rejected_things()))
            .saturating_add(of(details.number_of_timed_out_things())),
        canceled: of(details.number_of_canceled_things()).saturating_add(of(details.number_of_removed_things())),
    }
}
