//! What follows from a change: another try, the end of a job, and notifications. Developer Guide, "Jobs notifications" and "How
//! job configurations work".

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;

use super::execution::End;
use super::reply::Form;
use super::{Execution, Job, JobStatus, JobsTopic, JobsTopicKind, job_rows, reply, rows};
use crate::broker::Broker;
use crate::limits::JOBS_PENDING_LISTED_MAX;
use crate::message::{Message, QoS};
use crate::names::ThingName;
use crate::rules::Origin;
use crate::store::{StoreError, Tx};

/// Ends an execution from outside of its thing.
pub(super) fn end(tx: &mut Tx<'_>, broker: &Arc<Broker>, execution: Execution, end: End) -> Result<(), StoreError> {
    let thing = execution.thing.clone();
    let before = rows::next(tx.connection, &thing)?;
    end_quietly(tx.connection, execution, end, broker.clock.now_ms())?;
    notify(tx, broker, &thing, before.as_ref(), true)
}

/// The same, but its thing is yet to be told.
pub(super) fn end_quietly(
    connection: &Connection,
    execution: Execution,
    end: End,
    now_ms: u64,
) -> Result<(), StoreError> {
    let job = job_of(connection, &execution)?;
    let ended = execution.end(end, now_ms);
    rows::save(connection, &ended)?;
    settle(connection, &job, &ended, now_ms)
}

pub(super) fn job_of(connection: &Connection, execution: &Execution) -> Result<Job, StoreError> {
    let lost = || StoreError::Value(format!("the job `{}` is missing", execution.job));
    job_rows::get(connection, &execution.job)?.ok_or_else(lost)
}

pub(super) fn document(job: &Job, form: Form) -> Result<Value, StoreError> {
    match form {
        Form::Mqtt => serde_json::from_str(&job.spec.document).map_err(|error| StoreError::Value(error.to_string())),
        Form::Https => Ok(job.spec.document.clone().into()),
    }
}

/// What follows when an execution has ended: another try, or the end of its job.
pub(super) fn settle(connection: &Connection, job: &Job, execution: &Execution, now_ms: u64) -> Result<(), StoreError> {
    if !execution.status.is_terminal() {
        return Ok(());
    }
    let Execution { thing, number, .. } = execution;
    let (failed, timed_out) = rows::failures(connection, &job.spec.id, thing)?;
    if job.status == JobStatus::InProgress && job.spec.retries.allow(execution.status, failed, timed_out) {
        return rows::insert(connection, &Execution::queued(job.spec.id.clone(), thing.clone(), number + 1, now_ms));
    }
    job_rows::complete(connection, &job.spec.id, now_ms)
}

/// Publishes what has changed for a thing: the list of what is pending, if it `is_listed`, and the next execution, if it is
/// another one than `before`.
pub(super) fn notify(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    thing: &ThingName,
    before: Option<&Execution>,
    is_listed: bool,
) -> Result<(), StoreError> {
    let now_s = broker.clock.now_ms() / 1000;
    if is_listed {
        let pending = rows::pending(tx.connection, thing, JOBS_PENDING_LISTED_MAX)?;
        publish(tx, broker, thing, JobsTopicKind::Notify, &reply::notify(&pending, now_s))?;
    }
    let next = rows::next(tx.connection, thing)?;
    if next.as_ref().map(Execution::key) == before.map(Execution::key) {
        return Ok(());
    }
    let told = match &next {
        Some(next) => Some((next, document(&job_of(tx.connection, next)?, Form::Mqtt)?)),
        None => None,
    };
    publish(tx, broker, thing, JobsTopicKind::NotifyNext, &reply::notify_next(told, now_s))
}

fn publish(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    thing: &ThingName,
    kind: JobsTopicKind,
    payload: &Value,
) -> Result<(), StoreError> {
    let topic = JobsTopic { thing: thing.clone(), kind }.to_name();
    let message = Message::new(topic, payload.to_string().into_bytes(), QoS::AtLeastOnce);
    let origin = Origin { principal: None, client_id: None, received_at_ms: broker.clock.now_ms() };
    broker.publish_in(tx, message, &origin)
}
