//! Tokens and codes: made from random bytes that the caller brings, kept only as hashes.

use sha2::{Digest, Sha256};

/// Random bytes that a secret is made of: 160 bits.
pub const SECRET_BYTES: usize = 20;

/// A secret to hand out once.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// As text: 40 hex digits.
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(hex::encode(bytes))
    }

    /// What somebody presents.
    pub fn presented(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text, for whoever it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Hex SHA-256, which is what is kept. The secret has 160 random bits, so that nothing slower is needed.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
