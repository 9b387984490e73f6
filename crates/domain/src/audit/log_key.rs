//! A log's private key, where the hub holds it itself.
//!
//! It knows neither the log's name nor what it signs.

use super::checkpoint::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES};
use ed25519_dalek::{Signer as _, SigningKey};

/// An Ed25519 key in memory, which is wiped when it is dropped.
pub struct LogKey(SigningKey);

impl LogKey {
    /// The key of 32 bytes of seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.0.verifying_key().to_bytes()
    }

    /// The signature of `text`: the same text gives the same bytes.
    pub fn sign(&self, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(text).to_bytes()
    }
}
