//! Jobs and their executions.

mod create;
mod describe;
mod executions;
mod manage;
mod settings;

use serde_json::{Value, json};

use crate::https::error::ApiError;
use crate::https::request::Request;
use crate::https::route::{Answer, Call};
use crate::jobs::{ExecutionStatus, JobId};

/// Operations on `/jobs` and what is below.
pub(super) async fn route(call: Call<'_>, method: &str, job: &[&str]) -> Answer {
    let Some((id, rest)) = job.split_first() else {
        return if method == "GET" { describe::list(call).await } else { Err(ApiError::unknown_operation()) };
    };
    let id = || JobId::parse(id);
    match (method, rest) {
        ("PUT", []) => create::create(call, id()?).await,
        ("GET", []) => describe::describe(call, id()?).await,
        ("PATCH", []) => manage::update(call, id()?).await,
        ("DELETE", []) => manage::delete(call, id()?).await,
        ("GET", ["job-document"]) => describe::document(call, id()?).await,
        ("PUT", ["cancel"]) => manage::cancel(call, id()?).await,
        ("GET", ["things"]) => executions::list_of_job(call, id()?).await,
        _ => Err(ApiError::unknown_operation()),
    }
}

/// Operations on `/things/{thingName}/jobs` and what is below.
pub(super) async fn route_of_thing(call: Call<'_>, method: &str, thing: &str, job: &[&str]) -> Answer {
    match (method, job) {
        ("GET", []) => executions::list_of_thing(call, thing.parse()?).await,
        ("GET", [job]) => executions::describe(call, thing.parse()?, job.parse()?).await,
        ("PUT", [job, "cancel"]) => executions::cancel(call, thing.parse()?, job.parse()?).await,
        ("DELETE", [job, "executionNumber", number]) => {
            executions::delete(call, thing.parse()?, job.parse()?, number).await
        }
        _ => Err(ApiError::unknown_operation()),
    }
}

/// The execution status that the query asks for.
fn execution_status(request: &Request) -> Result<Option<ExecutionStatus>, ApiError> {
    let unknown = || ApiError::invalid("status is none that a job execution has");
    request.query("status").map(|text| ExecutionStatus::parse(text).ok_or_else(unknown)).transpose()
}

/// A JSON object without the members that have no value.
fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// `targetSelection`.
fn target_selection(continuous: bool) -> Value {
    json!(if continuous { "CONTINUOUS" } else { "SNAPSHOT" })
}
