//! Jobs that there are, changed, called off and deleted. API Reference, `UpdateJob`, `CancelJob`, `DeleteJob`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::describe::found;
use super::settings::{RetryConfig, TimeoutConfig, refuse};
use super::without_nulls;
use crate::error::Error;
use crate::https::control::names::arn;
use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::jobs::{Cancellation, JobId, JobUpdate};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateJob {
    description: Option<String>,
    timeout_config: Option<TimeoutConfig>,
    job_executions_retry_config: Option<RetryConfig>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

/// `PATCH /jobs/{jobId}`
pub(super) async fn update(call: Call<'_>, id: JobId) -> Answer {
    call.request.without(&["namespaceId"])?;
    let asked: UpdateJob = call.request.json()?;
    refuse(&asked.others, &["presignedUrlConfig", "jobExecutionsRolloutConfig", "abortConfig"])?;
    let update = JobUpdate {
        description: asked.description,
        in_progress_timeout_minutes: asked.timeout_config.map(|config| config.in_progress_timeout_in_minutes),
        retries: asked.job_executions_retry_config.as_ref().map(RetryConfig::retries).transpose()?,
    };
    call.core.update_job(id, update).await?;
    Ok(Reply::empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelJob {
    reason_code: Option<String>,
    comment: Option<String>,
}

/// `PUT /jobs/{jobId}/cancel?force={true|false}`. A job that is completed is a wrong request: `CancelJob` has no error of state.
pub(super) async fn cancel(call: Call<'_>, id: JobId) -> Answer {
    let CancelJob { reason_code, comment } = call.request.json()?;
    let cancellation = Cancellation { force: call.request.flag("force")?, reason_code, comment };
    call.core.cancel_job(id.clone(), cancellation).await.map_err(|error| match error {
        Error::InvalidState { .. } => ApiError::invalid(error.to_string()),
        error => error.into(),
    })?;
    let description = found(call, id.clone()).await?.spec.description;
    Ok(Reply::json(&without_nulls(json!({
        "jobArn": arn(&call.core.broker.config, "job", &id),
        "jobId": id,
        "description": (!description.is_empty()).then_some(description),
    }))))
}

/// `DELETE /jobs/{jobId}?force={true|false}`
pub(super) async fn delete(call: Call<'_>, id: JobId) -> Answer {
    call.request.without(&["namespaceId"])?;
    call.core.delete_job(id, call.request.flag("force")?).await?;
    Ok(Reply::empty())
}
