//! Signers that are not like the seed's.

use async_trait::async_trait;
use ed25519_dalek::{
    SigningKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use marvain_hub::port::{Signer, SignerError};
use marvain_local::SeedSigner;
use sha2::Sha512;
use std::sync::atomic::{AtomicU8, Ordering};

const SEED: [u8; 32] = [7; 32];

/// Signs the same text otherwise each time, as a signer may that draws its nonces: each signature is good.
#[derive(Default)]
pub(crate) struct Hedged(AtomicU8);

#[async_trait]
impl Signer for Hedged {
    async fn public_key(&self) -> Result<[u8; 32], SignerError> {
        SeedSigner::new(&SEED).public_key().await
    }

    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        let mut secret = ExpandedSecretKey::from(&SEED);
        secret.hash_prefix = [self.0.fetch_add(1, Ordering::Relaxed); 32];
        Ok(raw_sign::<Sha512>(&secret, text, &SigningKey::from_bytes(&SEED).verifying_key()).to_bytes())
    }
}

/// Signs with another key, the first time.
#[derive(Default)]
pub(crate) struct Forger(AtomicU8);

#[async_trait]
impl Signer for Forger {
    async fn public_key(&self) -> Result<[u8; 32], SignerError> {
        SeedSigner::new(&SEED).public_key().await
    }

    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        let seed = if self.0.fetch_add(1, Ordering::Relaxed) == 0 { [8; 32] } else { SEED };
        SeedSigner::new(&seed).sign(text).await
    }
}
