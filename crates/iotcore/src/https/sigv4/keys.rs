//! The access keys that requests may be signed with.

use std::collections::HashMap;
use std::fmt;

/// An access key, as `aws configure` takes it. Whoever has one may do everything: there is no IAM here.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    id: String,
    secret: String,
}

/// The id or the secret has another form than AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an access key has an id of 16 to 128 letters and digits and a secret of 16 to 128 characters without white space"
)]
pub struct AccessKeyError;

impl AccessKey {
    /// Checks id and secret. IAM API Reference, `AccessKey`: an id is 16 to 128 word characters; the bounds of the secret are ours.
    ///
    /// # Errors
    /// [`AccessKeyError`].
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Self, AccessKeyError> {
        let (id, secret) = (id.into(), secret.into());
        let lengths = 16..=128;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if lengths.contains(&id.len())
            && id.bytes().all(is_word)
            && lengths.contains(&secret.len())
            && secret.bytes().all(|byte| byte.is_ascii_graphic())
        {
            Ok(Self { id, secret })
        } else {
            Err(AccessKeyError)
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Access keys by their ids.
#[derive(Debug)]
pub(in crate::https) struct Keys(HashMap<String, AccessKey>);

impl Keys {
    pub(in crate::https) fn new(keys: Vec<AccessKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.id.clone(), key)).collect())
    }

    pub(super) fn secret(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|key| key.secret.as_str())
    }
}
