//! The port `Signer` on a seed that the hub has been given.
//!
//! It does not know where the seed is kept.

use async_trait::async_trait;
use marvain_domain::audit::LogKey;
use marvain_hub::port::{SIGNED_BYTES_MAX, Signer, SignerError};

/// A key in memory. It gives the same signature for the same text.
pub struct SeedSigner(LogKey);

impl SeedSigner {
    /// The key of 32 bytes of seed (RFC 8032 §5.1.5).
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(LogKey::from_seed(seed))
    }
}

#[async_trait]
impl Signer for SeedSigner {
    async fn public_key(&self) -> Result<[u8; 32], SignerError> {
        Ok(self.0.public_key())
    }

    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        if text.len() > SIGNED_BYTES_MAX {
            return Err(SignerError::Long(text.len()));
        }
        Ok(self.0.sign(text))
    }
}
