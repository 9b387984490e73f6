//! The statements on the table of jobs.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Cancellation, Job, JobFilter, JobId, JobStatus, NewJob};
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::StoreError;

const COLUMNS: &str = "id, targets, document, description, timeout_minutes, retries, status, force_canceled, created_ms, \
                       updated_ms, completed_ms, continuous, reason_code, comment";

pub(super) fn insert(connection: &Connection, spec: &NewJob, now_ms: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO jobs (id, targets, document, description, timeout_minutes, retries, status, force_canceled,
                 created_ms, updated_ms, continuous)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8, ?9)",
        )?
        .execute(params![
            spec.id.as_str(),
            json(&spec.targets)?,
            spec.document,
            spec.description,
            spec.in_progress_timeout_minutes.map(|minutes| minutes as i64),
            json(&spec.retries)?,
            JobStatus::InProgress.as_str(),
            now_ms as i64,
            spec.continuous,
        ])?;
    Ok(())
}

pub(crate) fn get(connection: &Connection, id: &JobId) -> Result<Option<Job>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"))?
        .query_row([id.as_str()], |row| Ok(job(row)))
        .optional()?
        .transpose()
}

/// Jobs after the id `after`, in the order of their ids, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list(connection: &Connection, filter: &JobFilter, after: &str) -> Result<Vec<Job>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE id > ?1 AND status = coalesce(?3, status) AND continuous = coalesce(?4, continuous) AND (?5 IS NULL OR EXISTS
             (SELECT 1 FROM json_each(targets) AS target WHERE target.value ->> '$.group' = ?5))
         ORDER BY id LIMIT ?2"
    );
    let JobFilter { status, continuous, group } = filter;
    connection
        .prepare_cached(&sql)?
        .query_map(params![after, PAGE_ITEMS_MAX as i64, status.map(JobStatus::as_str), continuous, group], |row| {
            Ok(job(row))
        })?
        .map(|row| row?)
        .collect()
}

/// The continuous jobs that are in progress.
pub(super) fn continuous(connection: &Connection) -> Result<Vec<NewJob>, StoreError> {
    let jobs = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE continuous AND status = 'IN_PROGRESS' ORDER BY id"))?
        .query_map([], |row| Ok(job(row)))?
        .map(|row| row?)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(jobs.into_iter().map(|job| job.spec).collect())
}

pub(super) fn count(connection: &Connection) -> Result<u64, StoreError> {
    let count: i64 = connection.prepare_cached("SELECT count(*) FROM jobs")?.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Marks a job that is in progress completed, if nothing of it is pending any more; a continuous one never is.
pub(super) fn complete(connection: &Connection, id: &JobId, now_ms: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE jobs SET status = 'COMPLETED', updated_ms = ?2, completed_ms = ?2
             WHERE id = ?1 AND status = 'IN_PROGRESS' AND NOT continuous AND NOT EXISTS
                 (SELECT 1 FROM job_executions WHERE job = ?1 AND status IN ('QUEUED', 'IN_PROGRESS'))",
        )?
        .execute(params![id.as_str(), now_ms as i64])?;
    Ok(())
}

/// Saves what may change of a job: description, time-out and retries.
pub(super) fn update(connection: &Connection, spec: &NewJob, now_ms: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE jobs SET description = ?2, timeout_minutes = ?3, retries = ?4, updated_ms = ?5 WHERE id = ?1",
        )?
        .execute(params![
            spec.id.as_str(),
            spec.description,
            spec.in_progress_timeout_minutes.map(|minutes| minutes as i64),
            json(&spec.retries)?,
            now_ms as i64,
        ])?;
    Ok(())
}

pub(super) fn cancel(
    connection: &Connection,
    id: &JobId,
    Cancellation { force, reason_code, comment }: &Cancellation,
    now_ms: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE jobs SET status = 'CANCELED', force_canceled = force_canceled OR ?2, updated_ms = ?3,
                 completed_ms = coalesce(completed_ms, ?3), reason_code = coalesce(?4, reason_code),
                 comment = coalesce(?5, comment)
             WHERE id = ?1",
        )?
        .execute(params![id.as_str(), force, now_ms as i64, reason_code, comment])?;
    Ok(())
}

/// Deletes a job with all its executions.
pub(super) fn delete(connection: &Connection, id: &JobId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM jobs WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Value(error.to_string()))
}

fn job(row: &Row<'_>) -> Result<Job, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    let text = |column: usize| row.get::<_, String>(column);
    let status = text(6)?;
    Ok(Job {
        spec: NewJob {
            id: JobId::parse(&text(0)?).map_err(|error| value(&error))?,
            targets: serde_json::from_str(&text(1)?).map_err(|error| value(&error))?,
            document: text(2)?,
            description: text(3)?,
            in_progress_timeout_minutes: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
            retries: serde_json::from_str(&text(5)?).map_err(|error| value(&error))?,
            continuous: row.get(11)?,
        },
        status: JobStatus::parse(&status).ok_or_else(|| StoreError::Value(status))?,
        force_canceled: row.get(7)?,
        reason_code: row.get(12)?,
        comment: row.get(13)?,
        created_ms: row.get::<_, i64>(8)?.unsigned_abs(),
        updated_ms: row.get::<_, i64>(9)?.unsigned_abs(),
        completed_ms: row.get::<_, Option<i64>>(10)?.map(i64::unsigned_abs),
    })
}
