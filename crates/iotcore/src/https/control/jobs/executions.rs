//! Job executions. API Reference, `DescribeJobExecution`, `ListJobExecutionsForJob`, `ListJobExecutionsForThing`,
//! `CancelJobExecution`, `DeleteJobExecution`. Lists have the last execution of each job on each thing.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::describe::found;
use super::{execution_status, without_nulls};
use crate::error::Error;
use crate::https::control::names::{arn, timestamp};
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::jobs::{self, Execution, JobId};
use crate::names::ThingName;

/// `GET /jobs/{jobId}/things`
pub(super) async fn list_of_job(call: Call<'_>, id: JobId) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (status, after) = (execution_status(call.request)?, page.after().to_owned());
    let id = found(call, id).await?.spec.id;
    let read = move |connection: &Connection| jobs::of_job(connection, &id, status, &after);
    let (executions, next) = page.cut(call.core.broker.store.read(read).await?, |execution| execution.thing.as_str());
    let summary = |execution: &Execution| {
        let arn = arn(&call.core.broker.config, "thing", &execution.thing);
        json!({"thingArn": arn, "jobExecutionSummary": summary(execution)})
    };
    let summaries: Vec<_> = executions.iter().map(summary).collect();
    Ok(Reply::json(&json!({"executionSummaries": summaries, "nextToken": next})))
}

/// `GET /things/{thingName}/jobs`
pub(super) async fn list_of_thing(call: Call<'_>, thing: ThingName) -> Answer {
    call.request.without(&["namespaceId"])?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (status, after) = (execution_status(call.request)?, page.after().to_owned());
    if call.core.describe_thing(thing.clone()).await?.is_none() {
        return Err(Error::not_found("thing", thing.as_str()).into());
    }
    let executions = match call.request.query("jobId").map(JobId::parse).transpose()? {
        None => {
            let read = move |connection: &Connection| jobs::of_thing(connection, &thing, status, &after);
            call.core.broker.store.read(read).await?
        }
        Some(job) => {
            let last = call.core.describe_job_execution(job, thing, None).await?;
            last.filter(|last| status.is_none_or(|status| last.status == status)).into_iter().collect()
        }
    };
    let (executions, next) = page.cut(executions, |execution| execution.job.as_str());
    let summary = |execution: &Execution| json!({"jobId": execution.job, "jobExecutionSummary": summary(execution)});
    let summaries: Vec<_> = executions.iter().map(summary).collect();
    Ok(Reply::json(&json!({"executionSummaries": summaries, "nextToken": next})))
}

/// `GET /things/{thingName}/jobs/{jobId}?executionNumber={executionNumber}`
pub(super) async fn describe(call: Call<'_>, thing: ThingName, id: JobId) -> Answer {
    let number = call.request.number("executionNumber")?;
    let missing = || Error::not_found("job execution", &format!("{id} on {thing}"));
    let found = call.core.describe_job_execution(id.clone(), thing.clone(), number).await?.ok_or_else(missing)?;
    let mut described = summary(&found);
    let details = (!found.status_details.is_empty()).then(|| json!({"detailsMap": found.status_details}));
    let more = json!({
        "jobId": id,
        "thingArn": arn(&call.core.broker.config, "thing", &thing),
        "forceCanceled": found.force_canceled,
        "statusDetails": details,
        "versionNumber": found.version,
        "approximateSecondsBeforeTimedOut": found.seconds_left(call.core.broker.clock.now_ms()),
    });
    if let (Some(members), Value::Object(more)) = (described.as_object_mut(), without_nulls(more)) {
        members.extend(more);
    }
    Ok(Reply::json(&json!({"execution": described})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelExecution {
    expected_version: Option<u64>,
    status_details: Option<BTreeMap<String, String>>,
}

/// `PUT /things/{thingName}/jobs/{jobId}/cancel?force={true|false}`
pub(super) async fn cancel(call: Call<'_>, thing: ThingName, id: JobId) -> Answer {
    let asked: CancelExecution = call.request.json()?;
    let force = call.request.flag("force")?;
    call.core.cancel_job_execution(id, thing, force, asked.expected_version, asked.status_details).await?;
    Ok(Reply::empty())
}

/// `DELETE /things/{thingName}/jobs/{jobId}/executionNumber/{executionNumber}?force={true|false}`
pub(super) async fn delete(call: Call<'_>, thing: ThingName, id: JobId, number: &str) -> Answer {
    call.request.without(&["namespaceId"])?;
    let number = number.parse().map_err(|_| ApiError::invalid("executionNumber is a whole number"))?;
    call.core.delete_job_execution(id, thing, number, call.request.flag("force")?).await?;
    Ok(Reply::empty())
}

/// `JobExecutionSummary`, which a `JobExecution` begins with.
fn summary(execution: &Execution) -> Value {
    without_nulls(json!({
        "status": execution.status.as_str(),
        "queuedAt": timestamp(execution.queued_ms),
        "startedAt": execution.started_ms.map(timestamp),
        "lastUpdatedAt": timestamp(execution.updated_ms),
        "executionNumber": execution.number,
    }))
}
