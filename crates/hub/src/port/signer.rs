//! Signing the audit log's checkpoints: a key in AWS KMS, or a seed in a file.

use super::Cause;
use async_trait::async_trait;

/// Longest text that is signed, in bytes: what AWS KMS takes at once (API reference of `Sign`, "Message").
pub const SIGNED_BYTES_MAX: usize = 4096;

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// It cannot be done now.
    #[error("the audit log's key cannot be reached now")]
    Unavailable(#[source] Cause),
    /// There is no such key, or it is none that a log can be signed with.
    #[error("the audit log's key does not fit")]
    Unfit(#[source] Cause),
    /// Longer than [`SIGNED_BYTES_MAX`].
    #[error("{0} bytes are more than is signed at once: {SIGNED_BYTES_MAX}")]
    Long(usize),
}

/// An Ed25519 key (RFC 8032, without prefix or context), which stays where it is.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The public key, the same as long as there is the log.
    async fn public_key(&self) -> Result<[u8; 32], SignerError>;
    /// Signs a text of 1 to [`SIGNED_BYTES_MAX`] bytes. The same text may be signed otherwise the next time.
    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError>;
}
