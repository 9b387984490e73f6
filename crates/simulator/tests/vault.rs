//! The simulator's one store of its own keeps the port's contract.

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_simulator::MemoryVault;

/// A vault that is still there when somebody opens it again.
struct Kept(MemoryVault);

#[async_trait]
impl Storage for Kept {
    type Adapter = MemoryVault;
    async fn open(&self) -> MemoryVault {
        self.0.clone()
    }
}

#[tokio::test]
async fn conforms() {
    conformance::vault(async || Kept(MemoryVault::default())).await;
}
