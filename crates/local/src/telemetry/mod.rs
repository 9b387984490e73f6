//! The port `Telemetry` on SQLite: a table of values, and a table of hours for the values that are gone.
//!
//! It has no clock and knows no satellite.

use crate::store::{OpenError, Schema, Store, StoreError};
use async_trait::async_trait;
use marvain_domain::Timestamp;
use marvain_hub::port::{
    POINTS_MAX, Point, SUMMARIES_KEPT_S, SUMMARY_MS, Sample, SeriesQuery, Telemetry, TelemetryError, VALUES_KEPT_S,
};
use rusqlite::{Connection, Row, params};
use std::path::Path;

const SCHEMA: Schema = Schema { migrations: &[include_str!("../../../../sql/local/telemetry.sql")], at_open: "" };
/// Hours of values that one purge sums up, so that other writes need not wait for all of them.
const PURGE_HOURS_MAX: usize = 48;
/// Summaries that one purge drops.
const PURGE_SUMMARIES_MAX: usize = 10_000;

/// Readings in a SQLite file.
pub struct SqliteTelemetry {
    store: Store,
}

impl SqliteTelemetry {
    /// Opens the file, creating it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`], with the file as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(path, SCHEMA)? })
    }

    /// An empty one that is gone when it is dropped.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory or thread for it.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Ok(Self { store: Store::open_in_memory(SCHEMA)? })
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }
}

#[async_trait]
impl Telemetry for SqliteTelemetry {
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        self.store.write(move |connection| append(connection, &samples)).await.map_err(unavailable)
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError> {
        let query = query.clone();
        self.store.read(move |connection| series(connection, &query)).await.map_err(unavailable)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        let ago = |s: u64| now.as_ms().saturating_sub(s * 1000);
        let (values_before, summaries_before) = (ago(VALUES_KEPT_S), ago(SUMMARIES_KEPT_S));
        let values_before = values_before - values_before % SUMMARY_MS;
        let mut gone = 0;
        for _ in 0..PURGE_HOURS_MAX {
            let rows =
                self.store.write(move |connection| sum_up(connection, values_before)).await.map_err(unavailable)?;
            gone += rows;
            if rows == 0 {
                break;
            }
        }
        let summaries = self.store.write(move |connection| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM hourly WHERE (satellite, name, hour) IN
                   (SELECT satellite, name, hour FROM hourly WHERE hour < ? ORDER BY hour LIMIT ?)",
            )?;
            Ok(delete.execute(params![summaries_before, PURGE_SUMMARIES_MAX])? as u64)
        });
        Ok(gone + summaries.await.map_err(unavailable)?)
    }
}

fn unavailable(error: StoreError) -> TelemetryError {
    TelemetryError::Unavailable(Box::new(error))
}

fn append(connection: &Connection, samples: &[Sample]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO samples (satellite, name, at, value, unit)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?3 >= (SELECT since FROM kept) ON CONFLICT DO NOTHING",
    )?;
    for Sample { satellite, name, at, value, unit } in samples {
        insert.execute(params![satellite.as_str(), name, at.as_ms(), value, unit])?;
    }
    Ok(())
}

fn series(connection: &Connection, query: &SeriesQuery) -> Result<Vec<Point>, StoreError> {
    let (from, to) = query.window_ms();
    let (satellite, name, limit) = (query.satellite.as_str(), &query.name, query.limit.clamp(1, POINTS_MAX));
    let Some(step) = query.step_ms() else {
        let mut select = connection.prepare_cached(
            "SELECT at, 1, value, value, value, unit FROM samples
             WHERE satellite = ? AND name = ? AND at >= ? AND at < ? ORDER BY at LIMIT ?",
        )?;
        let rows = select.query_map(params![satellite, name, from, to, limit], point)?;
        return Ok(rows.collect::<Result<_, _>>()?);
    };
    let mut select = connection.prepare_cached(
        "SELECT start, sum(count), min(min), max(max), sum(sum) / sum(count), max(unit) FROM (
           SELECT at - at % ?5 AS start, 1 AS count, value AS min, value AS max, value AS sum, unit FROM samples
           WHERE satellite = ?1 AND name = ?2 AND at >= ?3 AND at < ?4
           UNION ALL SELECT hour - hour % ?5, count, min, max, sum, unit FROM hourly
           WHERE ?6 AND satellite = ?1 AND name = ?2 AND hour >= ?3 AND hour < ?4)
         GROUP BY start ORDER BY start LIMIT ?7",
    )?;
    let rows = select.query_map(params![satellite, name, from, to, step, query.takes_summaries(), limit], point)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn point(row: &Row<'_>) -> rusqlite::Result<Point> {
    let at = Timestamp::from_ms(row.get(0)?);
    let (count, min, max, mean, unit) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
    Ok(Point { at, count, min, max, mean, unit })
}

/// Sums up the oldest hour of values, unless it is kept; says how many values it had.
fn sum_up(connection: &Connection, before: u64) -> Result<u64, StoreError> {
    let oldest: Option<u64> =
        connection.prepare_cached("SELECT min(at) FROM samples WHERE at < ?")?.query_row([before], |row| row.get(0))?;
    let Some(oldest) = oldest else {
        connection.prepare_cached("UPDATE kept SET since = max(since, ?)")?.execute([before])?;
        return Ok(0);
    };
    let hour = oldest - oldest % SUMMARY_MS;
    let next = hour + SUMMARY_MS;
    connection
        .prepare_cached(
            "INSERT INTO hourly (satellite, name, hour, count, min, max, sum, unit)
             SELECT satellite, name, ?1, count(*), min(value), max(value), sum(value), max(unit) FROM samples
             WHERE at >= ?1 AND at < ?2 GROUP BY satellite, name",
        )?
        .execute([hour, next])?;
    let gone = connection.prepare_cached("DELETE FROM samples WHERE at >= ? AND at < ?")?.execute([hour, next])?;
    connection.prepare_cached("UPDATE kept SET since = max(since, ?)")?.execute([next])?;
    Ok(gone as u64)
}
