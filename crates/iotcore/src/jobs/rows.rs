//! The statements on the table of job executions. Those that are pending have an order: what is in progress before what is
//! queued, then as they were queued. Developer Guide, "Jobs notifications".

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{Execution, ExecutionStatus, JobId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::names::ThingName;
use crate::store::StoreError;

const COLUMNS: &str = "job, thing, number, status, details, version, queued_ms, started_ms, updated_ms, deadline_ms, \
                       step_due_ms, force_canceled";

pub(super) fn insert(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO job_executions (job, thing, number, status, details, version, queued_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, '{}', ?5, ?6, ?6)",
        )?
        .execute(params![
            execution.job.as_str(),
            execution.thing.as_str(),
            execution.number as i64,
            execution.status.as_str(),
            execution.version as i64,
            execution.queued_ms as i64,
        ])?;
    Ok(())
}

pub(super) fn save(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    let details =
        serde_json::to_string(&execution.status_details).map_err(|error| StoreError::Value(error.to_string()))?;
    connection
        .prepare_cached(
            "UPDATE job_executions SET status = ?4, details = ?5, version = ?6, started_ms = ?7, updated_ms = ?8,
                 deadline_ms = ?9, step_due_ms = ?10, force_canceled = ?11
             WHERE job = ?1 AND thing = ?2 AND number = ?3",
        )?
        .execute(params![
            execution.job.as_str(),
            execution.thing.as_str(),
            execution.number as i64,
            execution.status.as_str(),
            details,
            execution.version as i64,
            execution.started_ms.map(|ms| ms as i64),
            execution.updated_ms as i64,
            execution.deadline_ms.map(|ms| ms as i64),
            execution.step_due_ms.map(|ms| ms as i64),
            execution.force_canceled,
        ])?;
    Ok(())
}

/// The run `number` of a job on a thing, or the last one.
pub(crate) fn execution(
    connection: &Connection,
    job: &JobId,
    thing: &ThingName,
    number: Option<u64>,
) -> Result<Option<Execution>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_executions WHERE job = ?1 AND thing = ?2 AND number = coalesce(?3, number)
         ORDER BY number DESC LIMIT 1"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![job.as_str(), thing.as_str(), number.map(|number| number as i64)], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// The first pending executions of a thing.
pub(super) fn pending(connection: &Connection, thing: &ThingName, max: usize) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_executions WHERE thing = ?1 AND status IN ('QUEUED', 'IN_PROGRESS')
         ORDER BY status = 'QUEUED', id LIMIT ?2"
    );
    all(connection, &sql, params![thing.as_str(), max as i64])
}

/// The execution that a thing is to work on.
pub(super) fn next(connection: &Connection, thing: &ThingName) -> Result<Option<Execution>, StoreError> {
    Ok(pending(connection, thing, 1)?.pop())
}

/// No continuous job follows a thing any more.
pub(super) fn remove_from_all(connection: &Connection, thing: &ThingName) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM job_members WHERE thing = ?1")?.execute([thing.as_str()])?;
    Ok(())
}

/// What is pending of a job.
pub(super) fn pending_of_job(connection: &Connection, job: &JobId) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_executions WHERE job = ?1 AND status IN ('QUEUED', 'IN_PROGRESS') ORDER BY id"
    );
    all(connection, &sql, [job.as_str()])
}

/// Executions of a job after a thing's, in the order of their things, at most [`PAGE_ITEMS_MAX`] things; of each thing the last,
/// if it has this `status`.
pub(crate) fn of_job(
    connection: &Connection,
    job: &JobId,
    status: Option<ExecutionStatus>,
    after: &str,
) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_executions AS last WHERE job = ?1 AND thing > ?2 AND status = coalesce(?4, status)
             AND number = (SELECT max(number) FROM job_executions WHERE job = last.job AND thing = last.thing)
         ORDER BY thing LIMIT ?3"
    );
    let status = status.map(ExecutionStatus::as_str);
    all(connection, &sql, params![job.as_str(), after, PAGE_ITEMS_MAX as i64, status])
}

/// Executions of a thing after a job's, in the order of their jobs, at most [`PAGE_ITEMS_MAX`] jobs; of each job the last, if it
/// has this `status`.
pub(crate) fn of_thing(
    connection: &Connection,
    thing: &ThingName,
    status: Option<ExecutionStatus>,
    after: &str,
) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_executions AS last WHERE thing = ?1 AND job > ?2 AND status = coalesce(?4, status)
             AND number = (SELECT max(number) FROM job_executions WHERE job = last.job AND thing = last.thing)
         ORDER BY job LIMIT ?3"
    );
    let status = status.map(ExecutionStatus::as_str);
    all(connection, &sql, params![thing.as_str(), after, PAGE_ITEMS_MAX as i64, status])
}

/// Executions whose time was over at `now_ms`, those that waited longest first, at most `max`.
pub(super) fn due(connection: &Connection, now_ms: u64, max: u64) -> Result<Vec<Execution>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM job_executions WHERE due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2");
    all(connection, &sql, params![now_ms as i64, max as i64])
}

/// How many executions of a job on a thing have failed, and how many have timed out, since it is a target.
pub(super) fn failures(connection: &Connection, job: &JobId, thing: &ThingName) -> Result<(u64, u64), StoreError> {
    let counts = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()));
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE status = 'FAILED'), count(*) FILTER (WHERE status = 'TIMED_OUT')
             FROM job_executions WHERE job = ?1 AND thing = ?2 AND number >=
                 coalesce((SELECT since FROM job_members WHERE job = ?1 AND thing = ?2), 0)",
        )?
        .query_row([job.as_str(), thing.as_str()], counts)?)
}

/// The things that a continuous job follows.
pub(super) fn members(connection: &Connection, job: &JobId) -> Result<BTreeSet<ThingName>, StoreError> {
    connection
        .prepare_cached("SELECT thing FROM job_members WHERE job = ?1")?
        .query_map([job.as_str()], |row| row.get::<_, String>(0))?
        .map(|name| ThingName::parse(&name?).map_err(|error| StoreError::Value(error.to_string())))
        .collect()
}

/// A continuous job follows a thing, from its execution `since` on.
pub(super) fn add_member(
    connection: &Connection,
    job: &JobId,
    thing: &ThingName,
    since: u64,
) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT INTO job_members (job, thing, since) VALUES (?1, ?2, ?3)")?.execute(params![
        job.as_str(),
        thing.as_str(),
        since as i64
    ])?;
    Ok(())
}

pub(super) fn remove_member(connection: &Connection, job: &JobId, thing: &ThingName) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM job_members WHERE job = ?1 AND thing = ?2")?
        .execute([job.as_str(), thing.as_str()])?;
    Ok(())
}

/// How many things a job has in each status, by the last execution of each.
pub(crate) fn counts(connection: &Connection, job: &JobId) -> Result<BTreeMap<ExecutionStatus, u64>, StoreError> {
    connection
        .prepare_cached(
            "SELECT status, count(*) FROM job_executions AS last WHERE job = ?1 AND number =
                 (SELECT max(number) FROM job_executions WHERE job = last.job AND thing = last.thing)
             GROUP BY status",
        )?
        .query_map([job.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
        .map(|row| {
            let (status, count) = row?;
            Ok((self::status(status)?, count.unsigned_abs()))
        })
        .collect()
}

pub(super) fn delete(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM job_executions WHERE job = ?1 AND thing = ?2 AND number = ?3")?
        .execute(params![execution.job.as_str(), execution.thing.as_str(), execution.number as i64])?;
    Ok(())
}

fn all(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Execution>, StoreError> {
    connection.prepare_cached(sql)?.query_map(params, |row| Ok(read(row)))?.map(|row| row?).collect()
}

fn status(text: String) -> Result<ExecutionStatus, StoreError> {
    ExecutionStatus::parse(&text).ok_or(StoreError::Value(text))
}

fn read(row: &Row<'_>) -> Result<Execution, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    let text = |column: usize| row.get::<_, String>(column);
    let whole = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let time = |column: usize| row.get::<_, Option<i64>>(column).map(|ms| ms.map(i64::unsigned_abs));
    Ok(Execution {
        job: JobId::parse(&text(0)?).map_err(|error| value(&error))?,
        thing: ThingName::parse(&text(1)?).map_err(|error| value(&error))?,
        number: whole(2)?,
        status: status(text(3)?)?,
        status_details: serde_json::from_str(&text(4)?).map_err(|error| value(&error))?,
        version: whole(5)?,
        queued_ms: whole(6)?,
        started_ms: time(7)?,
        updated_ms: whole(8)?,
        deadline_ms: time(9)?,
        step_due_ms: time(10)?,
        force_canceled: row.get(11)?,
    })
}
