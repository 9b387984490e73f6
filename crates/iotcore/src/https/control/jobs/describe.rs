//! Jobs, one and all. API Reference, `DescribeJob`, `GetJobDocument`, `ListJobs`.

use serde_json::{Value, json};

use super::create::target_arn;
use super::settings::{RetryConfig, TimeoutConfig};
use super::{target_selection, without_nulls};
use crate::core::Config;
use crate::error::Error;
use crate::https::control::names::{arn, timestamp};
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::jobs::{self, ExecutionStatus, Job, JobFilter, JobId, JobStatus};

/// `GET /jobs/{jobId}`. `beforeSubstitution` is about templates and parameters, which there are none of.
pub(super) async fn describe(call: Call<'_>, id: JobId) -> Answer {
    let job = found(call, id.clone()).await?;
    let progress = call.core.job_progress(id).await?;
    let mut described = summary(&call.core.broker.config, &job);
    let Job { spec, force_canceled, reason_code, comment, .. } = &job;
    let count = |status| progress.get(&status).copied().unwrap_or_default();
    let timeout =
        spec.in_progress_timeout_minutes.map(|minutes| TimeoutConfig { in_progress_timeout_in_minutes: Some(minutes) });
    let targets: Vec<_> = spec.targets.iter().map(|target| target_arn(&call.core.broker.config, target)).collect();
    let more = json!({
        "forceCanceled": force_canceled,
        "reasonCode": reason_code,
        "comment": comment,
        "targets": targets,
        "description": (!spec.description.is_empty()).then_some(&spec.description),
        "jobProcessDetails": {
            "numberOfCanceledThings": count(ExecutionStatus::Canceled),
            "numberOfSucceededThings": count(ExecutionStatus::Succeeded),
            "numberOfFailedThings": count(ExecutionStatus::Failed),
            "numberOfRejectedThings": count(ExecutionStatus::Rejected),
            "numberOfQueuedThings": count(ExecutionStatus::Queued),
            "numberOfInProgressThings": count(ExecutionStatus::InProgress),
            "numberOfRemovedThings": count(ExecutionStatus::Removed),
            "numberOfTimedOutThings": count(ExecutionStatus::TimedOut),
        },
        "timeoutConfig": timeout,
        "jobExecutionsRetryConfig": RetryConfig::of(spec.retries),
    });
    if let (Some(members), Value::Object(more)) = (described.as_object_mut(), without_nulls(more)) {
        members.extend(more);
    }
    Ok(Reply::json(&json!({"job": described})))
}

/// `GET /jobs/{jobId}/job-document`
pub(super) async fn document(call: Call<'_>, id: JobId) -> Answer {
    Ok(Reply::json(&json!({"document": found(call, id).await?.spec.document})))
}

/// `GET /jobs`. In the order of their ids.
pub(super) async fn list(call: Call<'_>) -> Answer {
    call.request.without(&["namespaceId", "thingGroupId"])?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (filter, after) = (filter(call)?, page.after().to_owned());
    let jobs = call.core.broker.store.read(move |connection| jobs::list(connection, &filter, &after)).await?;
    let (jobs, next) = page.cut(jobs, |job| job.spec.id.as_str());
    let jobs: Vec<_> = jobs.iter().map(|job| summary(&call.core.broker.config, job)).collect();
    Ok(Reply::json(&json!({"jobs": jobs, "nextToken": next})))
}

/// `DELETION_IN_PROGRESS` and `SCHEDULED` are statuses, too, but no job here has them.
fn filter(call: Call<'_>) -> Result<JobFilter, ApiError> {
    let status = match call.request.query("status") {
        None => None,
        Some("DELETION_IN_PROGRESS" | "SCHEDULED") => {
            return Err(ApiError::unsupported("a status that no job here has"));
        }
        Some(text) => Some(JobStatus::parse(text).ok_or_else(|| ApiError::invalid("status is none that a job has"))?),
    };
    let continuous = match call.request.query("targetSelection") {
        None => None,
        Some("CONTINUOUS") => Some(true),
        Some("SNAPSHOT") => Some(false),
        Some(_) => return Err(ApiError::invalid("targetSelection is SNAPSHOT or CONTINUOUS")),
    };
    Ok(JobFilter { status, continuous, group: call.request.query("thingGroupName").map(Into::into) })
}

pub(super) async fn found(call: Call<'_>, id: JobId) -> Result<Job, ApiError> {
    let job = call.core.describe_job(id.clone()).await?;
    job.ok_or_else(|| Error::not_found("job", id.as_str()).into())
}

/// `JobSummary`, which a `Job` begins with. Everything is rolled out at once, so no job is concurrent.
fn summary(config: &Config, Job { spec, status, created_ms, updated_ms, completed_ms, .. }: &Job) -> Value {
    without_nulls(json!({
        "jobArn": arn(config, "job", &spec.id),
        "jobId": spec.id,
        "targetSelection": target_selection(spec.continuous),
        "status": status.as_str(),
        "createdAt": timestamp(*created_ms),
        "lastUpdatedAt": timestamp(*updated_ms),
        "completedAt": completed_ms.map(timestamp),
        "isConcurrent": false,
    }))
}
