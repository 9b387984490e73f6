//! What devices ask about their jobs. API Reference, jobs data plane, `GetPendingJobExecutions`,
//! `StartNextPendingJobExecution`, `DescribeJobExecution`, `UpdateJobExecution`; Developer Guide, "Jobs device HTTP API".

use serde_json::{Map, Value};

use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::jobs::{self, JobId, JobsOperation, Request, Which};
use crate::names::ThingName;
use crate::policy::{Action, Resource};

/// The answer, if it is an operation on `/things/{thingName}/jobs` or on `/things/{thingName}/jobs/{jobId}`.
pub(super) async fn route(call: Call<'_>, method: &str, thing: &str, job: &[&str]) -> Option<Answer> {
    let action = match (method, job) {
        ("GET", []) => Action::GetPendingJobExecutions,
        ("PUT", ["$next"]) => Action::StartNextPendingJobExecution,
        ("GET", [_]) => Action::DescribeJobExecution,
        ("POST", [_]) => Action::UpdateJobExecution,
        _ => return None,
    };
    Some(answer(call, action, thing, job).await)
}

/// Asks what a message on the reserved topic would ask.
async fn answer(call: Call<'_>, action: Action, thing: &str, job: &[&str]) -> Answer {
    call.caller.must_be_allowed(&call.core.broker, action, Resource::Thing(thing))?;
    let thing = ThingName::parse(thing)?;
    let (operation, members) = match (action, job) {
        (Action::StartNextPendingJobExecution, _) => (JobsOperation::StartNext, call.request.json()?),
        (Action::DescribeJobExecution, [job]) => (JobsOperation::Describe(which(job)?), of_query(call)?),
        (Action::UpdateJobExecution, [job]) => (JobsOperation::Update(JobId::parse(job)?), call.request.json()?),
        _ => (JobsOperation::GetPending, Map::new()),
    };
    let outcome = jobs::ask(&call.core.broker, Request::new(thing, operation), members).await?;
    Ok(Reply::json(&outcome?.into()))
}

fn which(job: &str) -> Result<Which, ApiError> {
    if job == "$next" { Ok(Which::Next) } else { Ok(Which::Job(JobId::parse(job)?)) }
}

/// What the query of `DescribeJobExecution` says; what it does not say is left to the defaults of messages, which are the same.
fn of_query(call: Call<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut members = Map::new();
    if call.request.query("includeJobDocument").is_some() {
        members.insert("includeJobDocument".into(), call.request.flag("includeJobDocument")?.into());
    }
    if let Some(number) = call.request.number("executionNumber")? {
        members.insert("executionNumber".into(), number.into());
    }
    Ok(members)
}
