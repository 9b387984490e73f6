//! The port `Telemetry` on Timestream for LiveAnalytics.
//!
//! A reading is a multi-measure record: dimension `satellite`, measure name = the reading's name in a closed alphabet, measures
//! `value` and, if it has one, `unit`. All of it has one version, so that a repetition is accepted and a different value is not.
//! What is dropped and when is the table's own setting (memory and magnetic store); there are no summaries by the hour,
//! because the magnetic store keeps the values themselves for that long.
//!
//! Neither AWS's service nor its query language can be had in a test. That the requests are as its API reference has them is
//! checked by its own SDK; that its queries mean what they should, by PostgreSQL, which understands the same part of SQL.

mod name;
mod query;
mod write;

use async_trait::async_trait;
use aws_sdk_timestreamquery::Client as QueryClient;
use aws_sdk_timestreamwrite::Client as WriteClient;
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, Point, Sample, SeriesQuery, Telemetry, TelemetryError};
use query::Source;

/// Which table.
#[derive(Clone, Debug)]
pub struct TimestreamSettings {
    /// Name of the database.
    pub database: String,
    /// Name of the table.
    pub table: String,
}

/// Readings in a Timestream table, which is there.
pub struct Timestream {
    write: WriteClient,
    query: QueryClient,
    source: Source,
}

impl Timestream {
    /// Telemetry in one table. The clients have endpoint discovery enabled, unless their endpoint is given: AWS's service has
    /// none that is fixed.
    ///
    /// # Errors
    /// If a name is not one that Timestream allows.
    pub fn new(write: WriteClient, query: QueryClient, settings: &TimestreamSettings) -> Result<Self, Cause> {
        Ok(Self { write, query, source: Source::new(&settings.database, &settings.table)? })
    }
}

#[async_trait]
impl Telemetry for Timestream {
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        write::append(&self.write, &self.source, &samples).await.map_err(TelemetryError::Unavailable)
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError> {
        query::series(&self.query, &self.source, query).await.map_err(TelemetryError::Unavailable)
    }

    /// The table's retention drops what is old.
    async fn purge(&self, _: Timestamp) -> Result<u64, TelemetryError> {
        Ok(0)
    }
}
