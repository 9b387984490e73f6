//! Write-once objects: S3 Object Lock, or read-only files.

use super::Cause;
use async_trait::async_trait;

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It is there now, durably.
    Written,
    /// It was there already with the same bytes.
    Same,
}

/// Why the vault did not do it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is another object under that key. Nothing was changed.
    #[error("object `{0}` is there already, with other bytes")]
    Different(String),
    /// No key of the vault's alphabet: segments of `[A-Za-z0-9._-]` joined by `/`, none of them `.` or `..`.
    #[error("`{0}` is no key of the vault")]
    Key(String),
    /// It cannot be done now.
    #[error("the vault cannot be reached or written now")]
    Unavailable(#[source] Cause),
}

/// Write-once objects.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Writes an object that never changes again.
    async fn put_once(&self, key: &str, bytes: &[u8]) -> Result<Put, VaultError>;
    /// Reads one.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError>;
    /// Keys that begin with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError>;
}
