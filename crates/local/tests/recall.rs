//! Recall passes the port's suite.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_local::SqliteRecall;
use tempfile::TempDir;

struct File(TempDir);

#[async_trait]
impl Storage for File {
    type Adapter = SqliteRecall;
    async fn open(&self) -> SqliteRecall {
        SqliteRecall::open(&self.0.path().join("recall.db")).unwrap()
    }
}

#[tokio::test]
async fn conforms() {
    conformance::recall(async || File(tempfile::tempdir().unwrap())).await;
}
