//! The seed's signer passes the port's suite.

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_local::SeedSigner;
use std::sync::atomic::{AtomicU8, Ordering};

struct Seed([u8; 32]);

#[async_trait]
impl Storage for Seed {
    type Adapter = SeedSigner;
    async fn open(&self) -> SeedSigner {
        SeedSigner::new(&self.0)
    }
}

#[tokio::test]
async fn conforms() {
    let next = AtomicU8::new(1);
    conformance::signer(async || Seed([next.fetch_add(1, Ordering::Relaxed); 32])).await;
}
