//! The audit log's key behind a line that fails with the vault's.

use super::simulated;
use crate::shared::Shared;
use async_trait::async_trait;
use marvain_hub::port::{Signer, SignerError};
use marvain_local::SeedSigner;

pub(crate) struct SimSigner {
    pub(crate) inner: SeedSigner,
    pub(crate) shared: Shared,
}

impl SimSigner {
    async fn reach(&self) -> Result<(), SignerError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.vault_down) {
            return Err(SignerError::Unavailable(simulated("away")));
        }
        Ok(())
    }
}

#[async_trait]
impl Signer for SimSigner {
    async fn public_key(&self) -> Result<[u8; 32], SignerError> {
        self.reach().await?;
        self.inner.public_key().await
    }

    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        self.reach().await?;
        self.inner.sign(text).await
    }
}
