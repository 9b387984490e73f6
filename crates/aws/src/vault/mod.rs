//! The port `Vault` on S3 with Object Lock: an object is written under the condition that there is none, locked until a time,
//! and read back as it was first written.
//!
//! **What Object Lock gives, and what not.** A locked version cannot be deleted, nor its retention shortened (in mode
//! COMPLIANCE by nobody, see [`LockMode`]). But whoever may write to the bucket can put a *newer version* or a *delete marker*
//! over it, which hides the locked version from a plain read. So the object of a key is its **first** version, always: reads
//! list the versions of the key, the oldest of which S3 gives last, and get that one by its id. This is one cheap request
//! more (a LIST), and reads are rare: a hub reads when it starts and when it repeats a seal. Nothing has to be kept beside the
//! bucket, so a verifier needs no more than the bucket. What is over an object is told by [`BucketLog::overlaid`]. A bucket
//! policy should refuse both beforehand: `s3:PutObject` without the condition `s3:if-none-match`, and `s3:DeleteObject` (S3 User
//! Guide, "Enforce conditional writes on Amazon S3 buckets").
//!
//! A delete marker also makes `If-None-Match: *` succeed once more, so that a write looks whether it was the first.
//!
//! It does not know what objects say, nor the time: the clock is an argument.

mod check;
mod lock;
mod reader;
mod versions;

pub use check::{BucketFault, CheckError};
pub use lock::{LockMode, LockModeError};
pub use reader::{BucketLog, OVERLAID_MAX, Overlaid};

use crate::clock::{Clock, date_time};
use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::put_object::PutObjectError,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use marvain_domain::audit::store::OBJECT_BYTES_MAX;
use marvain_hub::port::{Cause, Put, Vault, VaultError, VaultKey};
use std::time::Duration;

/// How often a write is tried that S3 answers with a conflict.
const CONFLICTS_MAX: u32 = 6;
/// How long the first of them waits before the next, in milliseconds; each later one twice as long.
const CONFLICT_WAIT_MS: u64 = 25;
/// Most keys that a listing gives at once; [`BucketLog`] reads longer ones page by page.
pub const LIST_KEYS_MAX: usize = 1_000_000;
/// What objects are: tiles, bundles, signed notes.
const CONTENT_TYPE: &str = "application/octet-stream";

/// Which bucket, and how long what is written to it cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSettings {
    /// The bucket, which has Object Lock and holds one log and nothing else.
    pub bucket: String,
    /// Who may lift the lock.
    pub mode: LockMode,
    /// How long after it is written a version is locked.
    pub retention: Duration,
}

/// Write-once objects in a bucket.
#[derive(Clone)]
pub struct S3Vault {
    client: Client,
    settings: VaultSettings,
    clock: Clock,
}

/// Why the vault did not do it, beside what S3 itself says.
#[derive(Debug, thiserror::Error)]
enum S3VaultError {
    #[error("an object of {0} bytes; the vault takes {OBJECT_BYTES_MAX}")]
    TooLarge(u64),
    #[error("the bucket `{0}` keeps no versions, so it has no Object Lock")]
    NotVersioned(String),
    #[error("there are more than {LIST_KEYS_MAX} keys; list a narrower prefix, or verify from the bucket")]
    TooManyKeys,
    #[error("there are more than {0} versions of `{1}`: somebody writes over it")]
    TooManyVersions(usize, String),
    #[error("S3 answered {CONFLICTS_MAX} times that others write `{0}`")]
    Contended(String),
}

impl S3Vault {
    /// The vault in the settings' bucket. `client` needs `s3:PutObject`, `s3:PutObjectRetention`, `s3:GetObjectVersion` and
    /// `s3:ListBucketVersions`; [`Self::check`] two more.
    pub const fn new(client: Client, settings: VaultSettings, clock: Clock) -> Self {
        Self { client, settings, clock }
    }

    /// The settings.
    pub const fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// The first `limit` keys that come after `after`, and the place to go on from if there are more.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`], if the bucket cannot be listed.
    pub async fn page(&self, limit: usize, after: Option<&str>) -> Result<(Vec<String>, Option<String>), VaultError> {
        let mut keys: Vec<String> = Vec::new();
        let mut listing = self.listing("", after);
        while keys.len() <= limit
            && let Some(page) = listing.next().await?
        {
            // Some servers begin with the place itself.
            let beyond = page.into_iter().map(|first| first.key).filter(|key| after.is_none_or(|after| **key > *after));
            keys.extend(beyond);
        }
        let is_more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| is_more).cloned();
        Ok((keys, next))
    }

    /// Writes a version if there is none; its id.
    ///
    /// The SDK sends a SHA-256 of the body, which S3 compares and keeps: S3 wants a checksum with every locked object (API
    /// reference of `PutObject`, "ChecksumAlgorithm").
    async fn put(&self, key: VaultKey<'_>, bytes: &[u8]) -> Result<Option<String>, SdkError<PutObjectError>> {
        let until = (self.clock)().plus_ms(u64::try_from(self.settings.retention.as_millis()).unwrap_or(u64::MAX));
        let put = self.client.put_object().bucket(&self.settings.bucket).key(key.as_str());
        let put = put.if_none_match("*").content_type(CONTENT_TYPE).checksum_algorithm(ChecksumAlgorithm::Sha256);
        let put = put.object_lock_mode(self.settings.mode.for_object());
        let put = put.object_lock_retain_until_date(date_time(until)).body(ByteStream::from(bytes.to_vec()));
        Ok(put.send().await?.version_id)
    }

    /// What the object is beside bytes that should be it.
    async fn compare(&self, key: VaultKey<'_>, bytes: &[u8]) -> Result<Option<Put>, VaultError> {
        match self.first(key).await? {
            Some(there) if there == bytes => Ok(Some(Put::Same)),
            Some(_) => Err(VaultError::Different(key.as_str().to_owned())),
            None => Ok(None),
        }
    }

    /// The bytes of the first version.
    async fn first(&self, key: VaultKey<'_>) -> Result<Option<Vec<u8>>, VaultError> {
        match self.first_version(key).await? {
            Some(first) => self.version(key.as_str(), &first.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of a version. The SDK compares them with the checksum that S3 keeps.
    async fn version(&self, key: &str, id: &str) -> Result<Vec<u8>, VaultError> {
        let get = self.client.get_object().bucket(&self.settings.bucket).key(key).version_id(id);
        let got = get.checksum_mode(ChecksumMode::Enabled).send().await.map_err(unavailable)?;
        let length = u64::try_from(got.content_length.unwrap_or_default()).unwrap_or_default();
        if length > OBJECT_BYTES_MAX as u64 {
            return Err(unavailable(S3VaultError::TooLarge(length)));
        }
        let mut body = got.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(unavailable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > OBJECT_BYTES_MAX {
                return Err(unavailable(S3VaultError::TooLarge(bytes.len() as u64)));
            }
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Vault for S3Vault {
    async fn put_once(&self, key: &str, bytes: &[u8]) -> Result<Put, VaultError> {
        let key = VaultKey::parse(key)?;
        if bytes.len() > OBJECT_BYTES_MAX {
            return Err(unavailable(S3VaultError::TooLarge(bytes.len() as u64)));
        }
        for attempt in 0..CONFLICTS_MAX {
            match self.put(key, bytes).await {
                Ok(None) => return Err(unavailable(S3VaultError::NotVersioned(self.settings.bucket.clone()))),
                Ok(Some(written)) => match self.first_version(key).await? {
                    Some(first) if first.id == written => return Ok(Put::Written),
                    _ => {
                        tracing::warn!(key = key.as_str(), "a delete marker was over an object of the vault");
                        if let Some(put) = self.compare(key, bytes).await? {
                            return Ok(put);
                        }
                    }
                },
                // Also when S3 had done it, the answer was lost, and the SDK tried again: then it is the same.
                Err(error) if is(&error, 412, "PreconditionFailed") => {
                    if let Some(put) = self.compare(key, bytes).await? {
                        return Ok(put);
                    }
                }
                // "If a conflicting operation occurs during the upload S3 returns a 409": try again (API reference of `PutObject`,
                // "If-None-Match").
                Err(error) if is(&error, 409, "ConditionalRequestConflict") => {}
                Err(error) => return Err(unavailable(error)),
            }
            tokio::time::sleep(Duration::from_millis(CONFLICT_WAIT_MS << attempt)).await;
        }
        Err(unavailable(S3VaultError::Contended(key.as_str().to_owned())))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        self.first(VaultKey::parse(key)?).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        let mut keys = Vec::new();
        let mut listing = self.listing(prefix, None);
        while let Some(page) = listing.next().await? {
            keys.extend(page.into_iter().map(|first| first.key));
            if keys.len() > LIST_KEYS_MAX {
                return Err(unavailable(S3VaultError::TooManyKeys));
            }
        }
        Ok(keys)
    }
}

/// Did S3 refuse with this status and code?
fn is<E: aws_sdk_s3::error::ProvideErrorMetadata>(error: &SdkError<E>, status: u16, code: &str) -> bool {
    let answered = error.raw_response().is_some_and(|response| response.status().as_u16() == status);
    answered && error.code().is_none_or(|found| found == code)
}

fn unavailable(error: impl Into<Cause>) -> VaultError {
    VaultError::Unavailable(error.into())
}
