//! Keys of objects in the vault: one alphabet for file systems and buckets.
//!
//! It does not know what a key names.

use super::VaultError;

/// Longest key in bytes: S3's limit.
pub const VAULT_KEY_BYTES_MAX: usize = 1024;
/// Longest segment in bytes: a file name's limit.
const SEGMENT_BYTES_MAX: usize = 255;

/// A key: segments of `[A-Za-z0-9._-]` joined by `/`, none of them `.` or `..`. As a path, nothing leads out of where it is
/// joined to; in a URL, nothing has to be escaped.
///
/// ```
/// use marvain_hub::port::VaultKey;
/// assert_eq!(VaultKey::parse("tile/0/000.p/7").unwrap().as_str(), "tile/0/000.p/7");
/// assert!(VaultKey::parse("../tile").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VaultKey<'a>(&'a str);

impl<'a> VaultKey<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// [`VaultError::Key`] with its first 80 characters.
    pub fn parse(text: &'a str) -> Result<Self, VaultError> {
        if text.len() <= VAULT_KEY_BYTES_MAX && text.split('/').all(is_vault_segment) {
            Ok(Self(text))
        } else {
            Err(VaultError::Key(text.chars().take(80).collect()))
        }
    }

    /// The key as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// May a key have this segment?
pub fn is_vault_segment(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=SEGMENT_BYTES_MAX).contains(&segment.len()) && !matches!(segment, "." | "..") && segment.bytes().all(is_plain)
}
