//! Telemetry passes the port's suites.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_local::SqliteTelemetry;
use tempfile::TempDir;

struct File(TempDir);

#[async_trait]
impl Storage for File {
    type Adapter = SqliteTelemetry;
    async fn open(&self) -> SqliteTelemetry {
        SqliteTelemetry::open(&self.0.path().join("telemetry.db")).unwrap()
    }
}

#[tokio::test]
async fn conforms() {
    conformance::telemetry(async || File(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn drops_what_is_old() {
    conformance::telemetry_retention(async || File(tempfile::tempdir().unwrap())).await;
}
