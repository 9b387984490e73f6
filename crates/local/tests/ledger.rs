//! The ledger passes the port's suite, from a file and in memory.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_local::SqliteLedger;
use tempfile::TempDir;

struct File(TempDir);

#[async_trait]
impl Storage for File {
    type Adapter = SqliteLedger;
    async fn open(&self) -> SqliteLedger {
        SqliteLedger::open(&self.0.path().join("ledger.db")).unwrap()
    }
}

#[tokio::test]
async fn conforms() {
    conformance::ledger(async || File(tempfile::tempdir().unwrap())).await;
}
