//! Artifacts, such as speech and pictures, in a bucket of their own, which has no Object Lock: what is forgotten must be gone.
//!
//! Bytes do not pass through the hub: whoever has one gets a presigned URL, good for one object, one size, one type and a
//! short time. It does not know what an artifact belongs to, nor who may have it.

use crate::clock::Clock;
use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    presigning::{PresignedRequest, PresigningConfig},
};
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, VaultKey};
use std::time::{Duration, UNIX_EPOCH};

/// Largest artifact, in bytes.
pub const ARTIFACT_BYTES_MAX: u64 = 25 << 20;
/// Longest that a URL is good, in seconds. It ends sooner if the credentials that it was signed with do: a function's are good
/// for some hours.
pub const PRESIGNED_S_MAX: u64 = 3600;
/// Longest content type, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// A request that anybody can make who holds it, until it ends. Not to be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Presigned {
    /// `PUT` or `GET`.
    pub method: String,
    /// Where.
    pub url: String,
    /// Headers that are signed, and must be sent as they are.
    pub headers: Vec<(String, String)>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Presigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presigned")
            .field("method", &self.method)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why there is no URL.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// No key of the alphabet that [`VaultKey`] has.
    #[error("`{0}` is no key of an artifact")]
    Key(String),
    /// Neither speech nor a picture.
    #[error("`{0}` is no type of an artifact: it is `audio/…` or `image/…`")]
    ContentType(String),
    /// Empty, or more than [`ARTIFACT_BYTES_MAX`].
    #[error("an artifact has 1 to {ARTIFACT_BYTES_MAX} bytes, not {0}")]
    Size(u64),
    /// Longer than [`PRESIGNED_S_MAX`].
    #[error("a URL is good for 1 to {PRESIGNED_S_MAX} seconds, not {0}")]
    Validity(u64),
    /// It cannot be deleted now.
    #[error("the artifact cannot be deleted now")]
    Delete(#[source] Cause),
    /// It cannot be signed.
    #[error("the URL of an artifact cannot be signed")]
    Sign(#[source] Cause),
}

/// The bucket of artifacts.
#[derive(Clone)]
pub struct Artifacts {
    client: Client,
    bucket: String,
    clock: Clock,
}

impl Artifacts {
    /// Artifacts in `bucket`. A URL can do what `client` may: `s3:PutObject` and `s3:GetObject`.
    pub fn new(client: Client, bucket: impl Into<String>, clock: Clock) -> Self {
        Self { client, bucket: bucket.into(), clock }
    }

    /// A URL to which an artifact of exactly `bytes` bytes can be put for `valid_s` seconds. S3 refuses another length or type,
    /// because both headers are signed.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn upload(
        &self,
        key: &str,
        content_type: &str,
        bytes: u64,
        valid_s: u64,
    ) -> Result<Presigned, ArtifactError> {
        let key = parse_key(key)?;
        let length = i64::try_from(bytes).ok().filter(|_| (1..=ARTIFACT_BYTES_MAX).contains(&bytes));
        let length = length.ok_or(ArtifactError::Size(bytes))?;
        if !is_media(content_type) {
            return Err(ArtifactError::ContentType(content_type.chars().take(40).collect()));
        }
        let (config, expires_at) = self.config(valid_s)?;
        let put =
            self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type).content_length(length);
        // The body is not known here, and its checksum not either.
        let plain = aws_sdk_s3::config::Config::builder()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let signed = put.customize().config_override(plain).presigned(config).await;
        Ok(presigned(&signed.map_err(sign)?, expires_at))
    }

    /// A URL from which the artifact can be got for `valid_s` seconds. Whether it is there, S3 says.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn download(&self, key: &str, valid_s: u64) -> Result<Presigned, ArtifactError> {
        let key = parse_key(key)?;
        let (config, expires_at) = self.config(valid_s)?;
        let signed = self.client.get_object().bucket(&self.bucket).key(key).presigned(config).await;
        Ok(presigned(&signed.map_err(sign)?, expires_at))
    }

    /// Deletes an artifact, if it is there. Needs `s3:DeleteObject`.
    ///
    /// # Errors
    /// [`ArtifactError::Key`]; or S3's, as a cause.
    pub async fn delete(&self, key: &str) -> Result<(), ArtifactError> {
        let key = parse_key(key)?;
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map_err(|e| ArtifactError::Delete(e.into()))?;
        Ok(())
    }

    fn config(&self, valid_s: u64) -> Result<(PresigningConfig, Timestamp), ArtifactError> {
        if !(1..=PRESIGNED_S_MAX).contains(&valid_s) {
            return Err(ArtifactError::Validity(valid_s));
        }
        // Signatures know whole seconds.
        let now = Timestamp::from_ms((self.clock)().as_ms() / 1000 * 1000);
        let start = UNIX_EPOCH + Duration::from_millis(now.as_ms());
        let config = PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(valid_s)).build();
        Ok((config.map_err(sign)?, now.plus_s(valid_s)))
    }
}

fn parse_key(key: &str) -> Result<&str, ArtifactError> {
    VaultKey::parse(key).map(VaultKey::as_str).map_err(|_| ArtifactError::Key(key.chars().take(80).collect()))
}

/// `audio/…` or `image/…` with a subtype as RFC 6838 §4.2 writes it, and no parameters.
fn is_media(content_type: &str) -> bool {
    let subtype = content_type.strip_prefix("audio/").or_else(|| content_type.strip_prefix("image/"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
    content_type.len() <= CONTENT_TYPE_BYTES_MAX
        && subtype.is_some_and(|subtype| !subtype.is_empty() && subtype.bytes().all(is_plain))
}

fn presigned(request: &PresignedRequest, expires_at: Timestamp) -> Presigned {
    let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Presigned { method: request.method().to_owned(), url: request.uri().to_owned(), headers, expires_at }
}

fn sign(error: impl Into<Cause>) -> ArtifactError {
    ArtifactError::Sign(error.into())
}

#[cfg(test)]
mod tests {
    use super::is_media;

    #[test]
    fn artifacts_are_speech_and_pictures() {
        for right in ["audio/ogg", "audio/vnd.wave", "image/jpeg", "image/svg+xml"] {
            assert!(is_media(right), "{right}");
        }
        for wrong in
            ["", "audio", "audio/", "text/html", "audio/ogg; codecs=opus", "image/x y", "image/\r\n", "image/a/b"]
        {
            assert!(!is_media(wrong), "{wrong:?}");
        }
    }
}
