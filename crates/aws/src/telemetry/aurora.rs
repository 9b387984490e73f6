//! The port `Telemetry` on Aurora PostgreSQL: values in a partition for each month, summaries by the hour of the months that were
//! dropped (`sql/aurora/0002_telemetry.sql`).

use crate::sql::{Row, Sql, SqlError, Statement};
use async_trait::async_trait;
use marvain_domain::Timestamp;
use marvain_hub::port::{
    POINTS_MAX, Point, SUMMARIES_KEPT_S, Sample, SeriesQuery, Telemetry, TelemetryError, VALUES_KEPT_S,
};
use serde_json::json;
use std::sync::Arc;

/// Samples of one statement: some 200 KB at most, in a request of at most 4 MiB.
const APPEND_SAMPLES_MAX: usize = 1000;

const APPEND: &str = "SELECT telemetry_append(CAST(:samples AS jsonb))";
const PURGE: &str = "SELECT telemetry_purge(CAST(:values_before AS bigint), CAST(:summaries_before AS bigint))";
const VALUES: &str = "SELECT at, CAST(1 AS bigint), value, value, value, unit FROM telemetry_samples
  WHERE satellite = CAST(:satellite AS text) AND name = CAST(:name AS text)
    AND at >= CAST(:from AS bigint) AND at < CAST(:to AS bigint)
  ORDER BY at LIMIT CAST(:most AS bigint)";
const STEPS: &str =
    "SELECT start, CAST(sum(count) AS bigint), min(min), max(max), sum(sum) / sum(count), max(unit) FROM (
    SELECT at - at % CAST(:step AS bigint) AS start, CAST(1 AS bigint) AS count,
           value AS min, value AS max, value AS sum, unit
    FROM telemetry_samples WHERE satellite = CAST(:satellite AS text) AND name = CAST(:name AS text)
      AND at >= CAST(:from AS bigint) AND at < CAST(:to AS bigint)
    UNION ALL SELECT hour - hour % CAST(:step AS bigint), count, min, max, sum, unit
    FROM telemetry_hourly WHERE CAST(:hours AS boolean)
      AND satellite = CAST(:satellite AS text) AND name = CAST(:name AS text)
      AND hour >= CAST(:from AS bigint) AND hour < CAST(:to AS bigint)) points
  GROUP BY start ORDER BY start LIMIT CAST(:most AS bigint)";

/// Readings in Aurora PostgreSQL. The schema is there: [`migrate`](fn@crate::sql::migrate) has made it.
#[derive(Clone)]
pub struct AuroraTelemetry {
    sql: Arc<dyn Sql>,
}

impl AuroraTelemetry {
    /// Telemetry by this executor.
    pub const fn new(sql: Arc<dyn Sql>) -> Self {
        Self { sql }
    }
}

#[async_trait]
impl Telemetry for AuroraTelemetry {
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        for part in samples.chunks(APPEND_SAMPLES_MAX) {
            let rows: Vec<_> = part
                .iter()
                .map(|Sample { satellite, name, at, value, unit }| {
                    json!({"satellite": satellite, "name": storable(name), "at": at.as_ms(), "value": value,
                           "unit": storable(unit)})
                })
                .collect();
            let statement = Statement::new(APPEND).bind("samples", json!(rows).to_string());
            self.sql.execute(statement).await.map_err(unavailable)?;
        }
        Ok(())
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError> {
        let (from, to) = query.window_ms();
        let statement = match query.step_ms() {
            None => Statement::new(VALUES),
            Some(step) => Statement::new(STEPS).bind("step", ms(step)).bind("hours", query.takes_summaries()),
        };
        let statement = statement
            .bind("satellite", query.satellite.as_str())
            .bind("name", storable(&query.name))
            .bind("from", ms(from))
            .bind("to", ms(to))
            .bind("most", ms(query.limit.clamp(1, POINTS_MAX) as u64));
        let rows = self.sql.execute(statement).await.map_err(unavailable)?;
        rows.iter().map(point).collect::<Result<_, _>>().map_err(unavailable)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        let ago = |s: u64| ms(now.as_ms().saturating_sub(s * 1000));
        let statement = Statement::new(PURGE).bind("values_before", ago(VALUES_KEPT_S));
        let statement = statement.bind("summaries_before", ago(SUMMARIES_KEPT_S));
        let rows = self.sql.execute(statement).await.map_err(unavailable)?;
        let row =
            rows.first().ok_or_else(|| unavailable(SqlError::Unexpected("a purge without a count".to_owned())))?;
        row.int(0).map(count).map_err(unavailable)
    }
}

/// PostgreSQL's text has no NUL; a name with one is told from others by a character that stands for it.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

fn point(row: &Row) -> Result<Point, SqlError> {
    Ok(Point {
        at: Timestamp::from_ms(count(row.int(0)?)),
        count: count(row.int(1)?),
        min: row.float(2)?,
        max: row.float(3)?,
        mean: row.float(4)?,
        unit: row.text(5)?.to_owned(),
    })
}

fn unavailable(error: SqlError) -> TelemetryError {
    match error {
        SqlError::Resuming { .. } => TelemetryError::Waking(Box::new(error)),
        _ => TelemetryError::Unavailable(Box::new(error)),
    }
}
