//! What devices are told of jobs, as JSON. Developer Guide, "Jobs device MQTT API operations and data types": all times are whole
//! seconds since 1970.

use serde_json::{Map, Value, json};

use super::error::State;
use super::{Execution, ExecutionStatus};

/// The two forms of a reply: botocore's model `iot-jobs-data` differs from the messages that the guide shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The job document is JSON.
    Mqtt,
    /// The job document is a text that holds JSON, and what is left until a time-out is told.
    #[cfg_attr(not(feature = "https"), expect(dead_code, reason = "nobody asks over HTTPS without it"))]
    Https,
}

/// `JobExecutionState`.
pub(super) fn state(state: &State) -> Value {
    json!({"status": state.status.as_str(), "statusDetails": state.details, "versionNumber": state.version})
}

/// `JobExecutionSummary`.
fn summary(execution: &Execution) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("jobId".into(), execution.job.as_str().into());
    members.insert("queuedAt".into(), (execution.queued_ms / 1000).into());
    if let Some(started_ms) = execution.started_ms {
        members.insert("startedAt".into(), (started_ms / 1000).into());
    }
    members.insert("lastUpdatedAt".into(), (execution.updated_ms / 1000).into());
    members.insert("executionNumber".into(), execution.number.into());
    members.insert("versionNumber".into(), execution.version.into());
    members
}

/// `JobExecution`, without the thing's name.
fn data(execution: &Execution, document: Option<Value>) -> Map<String, Value> {
    let mut members = summary(execution);
    members.insert("status".into(), execution.status.as_str().into());
    if !execution.status_details.is_empty() {
        members.insert("statusDetails".into(), json!(execution.status_details));
    }
    if let Some(document) = document {
        members.insert("jobDocument".into(), document);
    }
    members
}

/// `JobExecution`.
pub(super) fn execution(execution: &Execution, document: Option<Value>, form: Form, now_ms: u64) -> Value {
    let mut members = data(execution, document);
    if let (Form::Https, Some(seconds)) = (form, execution.seconds_left(now_ms)) {
        members.insert("approximateSecondsBeforeTimedOut".into(), seconds.into());
    }
    members.insert("thingName".into(), execution.thing.as_str().into());
    members.into()
}

fn summaries(pending: &[Execution], status: ExecutionStatus) -> Vec<Value> {
    pending.iter().filter(|execution| execution.status == status).map(|execution| summary(execution).into()).collect()
}

/// The members of `get/accepted`.
pub(super) fn pending(pending: &[Execution]) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("inProgressJobs".into(), summaries(pending, ExecutionStatus::InProgress).into());
    members.insert("queuedJobs".into(), summaries(pending, ExecutionStatus::Queued).into());
    members
}

/// The payload of `notify`. Developer Guide, "Jobs notifications": a status that no execution has is not named.
pub(super) fn notify(pending: &[Execution], now_s: u64) -> Value {
    let mut jobs = Map::new();
    for status in [ExecutionStatus::InProgress, ExecutionStatus::Queued] {
        let summaries = summaries(pending, status);
        if !summaries.is_empty() {
            jobs.insert(status.as_str().into(), summaries.into());
        }
    }
    json!({"timestamp": now_s, "jobs": jobs})
}

/// The payload of `notify-next`. Developer Guide, "Jobs notifications": only the time when nothing is pending.
pub(super) fn notify_next(next: Option<(&Execution, Value)>, now_s: u64) -> Value {
    match next {
        Some((execution, document)) => json!({"timestamp": now_s, "execution": data(execution, Some(document))}),
        None => json!({"timestamp": now_s}),
    }
}
