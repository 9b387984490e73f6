//! Jobs as they are created, called off and deleted, and the time-outs of their executions. AWS IoT API Reference, `CreateJob`,
//! `UpdateJob`, `CancelJob`, `DeleteJob`, `CancelJobExecution`, `DeleteJobExecution`.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::changes::{end, notify};
use super::execution::End;
use super::request::check_details;
use super::{
    Cancellation, Execution, ExecutionStatus, Job, JobId, JobStatus, JobUpdate, NewJob, job_rows, rows, targets,
};
use crate::broker::Broker;
use crate::error::Error;
use crate::limits::JOBS_MAX;
use crate::names::ThingName;
use crate::store::{StoreError, Tx};

/// Creates a job and queues it for its targets; one that exists and is the same is left as it is.
pub(crate) fn create(tx: &mut Tx<'_>, broker: &Arc<Broker>, spec: &NewJob) -> Result<(), Error> {
    if let Some(job) = job_rows::get(tx.connection, &spec.id)? {
        let exists = || Error::AlreadyExists { kind: "job", name: spec.id.to_string() };
        return if job.spec == *spec { Ok(()) } else { Err(exists()) };
    }
    if job_rows::count(tx.connection)? >= JOBS_MAX {
        return Err(Error::LimitExceeded { what: "jobs", max: JOBS_MAX });
    }
    let now_ms = broker.clock.now_ms();
    targets::require(tx.connection, &spec.targets)?;
    job_rows::insert(tx.connection, spec, now_ms)?;
    for thing in targets::things_of(tx.connection, &spec.targets)? {
        targets::join(tx, broker, spec, thing)?;
    }
    // A group may be empty.
    Ok(job_rows::complete(tx.connection, &spec.id, now_ms)?)
}

/// Changes what may be changed of a job.
pub(crate) fn update(connection: &Connection, id: &JobId, update: JobUpdate, now_ms: u64) -> Result<(), Error> {
    let spec = update.apply_to(require_job(connection, id)?.spec);
    spec.check()?;
    Ok(job_rows::update(connection, &spec, now_ms)?)
}

/// Calls a job off where it is queued, and with force where it is in progress, too.
pub(crate) fn cancel(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    id: &JobId,
    cancellation: &Cancellation,
) -> Result<(), Error> {
    cancellation.check()?;
    let job = require_job(tx.connection, id)?;
    if job.status == JobStatus::Completed {
        return Err(Error::InvalidState { kind: "job", name: id.to_string(), state: job.status.as_str() });
    }
    job_rows::cancel(tx.connection, id, cancellation, broker.clock.now_ms())?;
    let force = cancellation.force;
    for execution in rows::pending_of_job(tx.connection, id)? {
        if force || execution.status == ExecutionStatus::Queued {
            end(tx, broker, execution, End::Canceled { force, details: None })?;
        }
    }
    Ok(())
}

/// Deletes a job that is done, and with `force` any.
pub(crate) fn delete(tx: &mut Tx<'_>, broker: &Arc<Broker>, id: &JobId, force: bool) -> Result<(), Error> {
    let job = require_job(tx.connection, id)?;
    if job.status == JobStatus::InProgress && !force {
        return Err(Error::InvalidState { kind: "job", name: id.to_string(), state: job.status.as_str() });
    }
    let pending = rows::pending_of_job(tx.connection, id)?;
    let mut before = Vec::new();
    for Execution { thing, .. } in pending {
        before.push((rows::next(tx.connection, &thing)?, thing));
    }
    job_rows::delete(tx.connection, id)?;
    for (before, thing) in before {
        notify(tx, broker, &thing, before.as_ref(), true)?;
    }
    Ok(())
}

/// Calls one execution off; one that is in progress only with `force`.
pub(crate) fn cancel_execution(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    (id, thing): (&JobId, &ThingName),
    force: bool,
    expected_version: Option<u64>,
    details: Option<BTreeMap<String, String>>,
) -> Result<(), Error> {
    if let Some(details) = &details {
        check_details(details).map_err(Error::StatusDetails)?;
    }
    let execution = execution_or_error(tx.connection, id, thing, None)?;
    if expected_version.is_some_and(|expected| expected != execution.version) {
        let name = execution_name(&execution);
        return Err(Error::VersionConflict { kind: "job execution", name, version: execution.version });
    }
    let is_allowed = execution.status == ExecutionStatus::Queued || force && !execution.status.is_terminal();
    if !is_allowed {
        return Err(wrong_state(&execution));
    }
    Ok(end(tx, broker, execution, End::Canceled { force, details })?)
}

/// Deletes one execution that has ended, and with `force` any.
pub(crate) fn delete_execution(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    (id, thing): (&JobId, &ThingName),
    number: u64,
    force: bool,
) -> Result<(), Error> {
    let execution = execution_or_error(tx.connection, id, thing, Some(number))?;
    let is_pending = !execution.status.is_terminal();
    if is_pending && !force {
        return Err(wrong_state(&execution));
    }
    let before = rows::next(tx.connection, thing)?;
    rows::delete(tx.connection, &execution)?;
    job_rows::complete(tx.connection, id, broker.clock.now_ms())?;
    Ok(notify(tx, broker, thing, before.as_ref(), is_pending)?)
}

/// Ends executions that were in progress for too long, at most `max`.
pub(crate) fn sweep(tx: &mut Tx<'_>, broker: &Arc<Broker>, now_ms: u64, max: u64) -> Result<(), StoreError> {
    for execution in rows::due(tx.connection, now_ms, max)? {
        end(tx, broker, execution, End::TimedOut)?;
    }
    Ok(())
}

fn require_job(connection: &Connection, id: &JobId) -> Result<Job, Error> {
    job_rows::get(connection, id)?.ok_or_else(|| Error::not_found("job", id.as_str()))
}

fn execution_or_error(
    connection: &Connection,
    id: &JobId,
    thing: &ThingName,
    number: Option<u64>,
) -> Result<Execution, Error> {
    let missing = || Error::not_found("job execution", &format!("{id} on {thing}"));
    rows::execution(connection, id, thing, number)?.ok_or_else(missing)
}

fn execution_name(execution: &Execution) -> String {
    format!("{} on {}", execution.job, execution.thing)
}

fn wrong_state(execution: &Execution) -> Error {
    Error::InvalidState { kind: "job execution", name: execution_name(execution), state: execution.status.as_str() }
}
