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
use aws_sdk_timestreamquery::{Client as QueryClient, config::timeout::TimeoutConfig};
use aws_sdk_timestreamwrite::Client as WriteClient;
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, Point, Sample, SeriesQuery, Telemetry, TelemetryError};
use query::Source;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a query may take to answer, in seconds: a day's series of a large household is no point read.
const QUERY_S: u64 = 60;

/// Which table.
#[derive(Clone, Debug)]
pub struct TimestreamSettings {
    /// Name of the database.
    pub database: String,
    /// Name of the table.
    pub table: String,
    /// Whether endpoints are asked for, as AWS's service wants it ("The Endpoint Discovery Pattern" in Timestream's developer
    /// guide): it has none that is fixed. Not where the clients are told of one.
    pub discover: bool,
}

/// Readings in a Timestream table, which is there.
pub struct Timestream {
    write: WriteClient,
    query: QueryClient,
    discover: bool,
    /// The clients, once they know whom to ask: when they are first needed, because few processes need either.
    writing: OnceCell<WriteClient>,
    querying: OnceCell<QueryClient>,
    source: Source,
}

impl Timestream {
    /// Telemetry in one table. Queries have a time limit of their own.
    ///
    /// # Errors
    /// If a name is not one that Timestream allows, or the clients cannot do what the settings ask.
    pub fn new(write: WriteClient, query: QueryClient, settings: &TimestreamSettings) -> Result<Self, Cause> {
        // The SDK would panic.
        let (writing, querying) = (write.config(), query.config());
        let is_timed = writing.sleep_impl().is_some() && writing.time_source().is_some();
        if settings.discover && !(is_timed && querying.sleep_impl().is_some() && querying.time_source().is_some()) {
            return Err(
                "the clients cannot wait, which asking for endpoints takes: make them from AWS's configuration".into(),
            );
        }
        let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(QUERY_S)).build();
        let query = QueryClient::from_conf(query.config().to_builder().timeout_config(patience).build());
        let source = Source::new(&settings.database, &settings.table)?;
        let (writing, querying) = (OnceCell::new(), OnceCell::new());
        Ok(Self { write, query, discover: settings.discover, writing, querying, source })
    }

    async fn writing(&self) -> Result<&WriteClient, Cause> {
        let find = async || {
            let client = self.write.clone();
            if !self.discover {
                return Ok(client);
            }
            let (client, reload) = client.with_endpoint_discovery_enabled().await?;
            // Ends with the client.
            tokio::spawn(reload.reload_task());
            Ok(client)
        };
        self.writing.get_or_try_init(find).await
    }

    async fn querying(&self) -> Result<&QueryClient, Cause> {
        let find = async || {
            let client = self.query.clone();
            if !self.discover {
                return Ok(client);
            }
            let (client, reload) = client.with_endpoint_discovery_enabled().await?;
            // Ends with the client.
            tokio::spawn(reload.reload_task());
            Ok(client)
        };
        self.querying.get_or_try_init(find).await
    }
}

#[async_trait]
impl Telemetry for Timestream {
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        let client = self.writing().await.map_err(TelemetryError::Unavailable)?;
        write::append(client, &self.source, &samples).await.map_err(TelemetryError::Unavailable)
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError> {
        let client = self.querying().await.map_err(TelemetryError::Unavailable)?;
        query::series(client, &self.source, query).await.map_err(TelemetryError::Unavailable)
    }

    /// The table's retention drops what is old.
    async fn purge(&self, _: Timestamp) -> Result<u64, TelemetryError> {
        Ok(0)
    }
}
