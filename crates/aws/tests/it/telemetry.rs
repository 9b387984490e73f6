//! Telemetry on Aurora passes the port's suites by both executors.

use crate::database::{By, Database, Server};
use async_trait::async_trait;
use marvain_aws::{AuroraTelemetry, sql::Statement};
use marvain_domain::Timestamp;
use marvain_hub::{
    conformance::{self, Storage},
    port::{Sample, Telemetry},
};

struct Store(Database);

#[async_trait]
impl Storage for Store {
    type Adapter = AuroraTelemetry;
    async fn open(&self) -> AuroraTelemetry {
        AuroraTelemetry::new(self.0.sql.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_by_the_data_api() {
    let server = Server::start().await;
    conformance::telemetry(async || Store(server.database(By::DataApi).await)).await;
    conformance::telemetry_retention(async || Store(server.database(By::DataApi).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_by_direct_connections() {
    let server = Server::start().await;
    conformance::telemetry(async || Store(server.database(By::Direct).await)).await;
    conformance::telemetry_retention(async || Store(server.database(By::Direct).await)).await;
}

/// Months begin in UTC, appends that make the same month meet, and a purge beside them loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn months_are_made_and_dropped_while_values_come() {
    let server = Server::start().await;
    let database = server.database(By::Direct).await;
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let times = ["2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00Z", "2026-10-31T23:30:00Z", "2026-11-01T00:00:00Z"];
    let writers = (0..6_usize).map(|writer| {
        let telemetry = AuroraTelemetry::new(database.sql.clone());
        tokio::spawn(async move {
            let sample = |at: &&str| Sample {
                satellite: "pi".parse().unwrap(),
                name: format!("r{writer}"),
                at: at.parse().unwrap(),
                value: 1.0,
                unit: String::new(),
            };
            telemetry.append(times.iter().map(sample).collect()).await.unwrap();
            telemetry.purge(now).await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let count = async |sql: &'static str| database.sql.execute(Statement::new(sql)).await.unwrap()[0].int(0).unwrap();
    let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = CAST('telemetry_samples' AS regclass)";
    assert_eq!(count(parts).await, 2, "October and November");
    assert_eq!(count("SELECT count(*) FROM telemetry_samples").await, 12);
    // Whoever came after the purge was too late for the months that it had dropped.
    let summed = count("SELECT CAST(sum(count) AS bigint) FROM telemetry_hourly").await;
    assert!((2..=12).contains(&summed) && summed % 2 == 0, "{summed}");
}
