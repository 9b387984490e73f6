//! The key of the model service: one that stays, or one that somebody keeps and may rotate.

use crate::port::Cause;
use async_trait::async_trait;
use secrecy::SecretString;
use std::{fmt, sync::Arc};

/// Who keeps a key that may be rotated.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The key, perhaps a copy that is some minutes old.
    async fn current(&self) -> Result<SecretString, Cause>;
    /// The key as it is now, for those who were refused with the other.
    async fn renewed(&self) -> Result<SecretString, Cause>;
}

/// A key of the API. Its `Debug` form shows none.
#[derive(Clone)]
pub enum ApiKey {
    /// It stays as long as the process.
    Fixed(SecretString),
    /// It is asked for with each call, and again when the service refuses it.
    Kept(Arc<dyn KeyStore>),
}

impl ApiKey {
    pub(super) async fn current(&self) -> Result<SecretString, Cause> {
        match self {
            Self::Fixed(key) => Ok(key.clone()),
            Self::Kept(store) => store.current().await,
        }
    }

    /// The key as it is now; none if it cannot have changed.
    pub(super) async fn renewed(&self) -> Result<Option<SecretString>, Cause> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::Kept(store) => store.renewed().await.map(Some),
        }
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self::Fixed(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Kept(_) => "Kept",
        })
    }
}
