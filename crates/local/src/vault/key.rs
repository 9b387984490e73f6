//! Keys of objects, and the paths that they are in the vault's directory.

use marvain_hub::port::VaultError;
use std::path::PathBuf;

/// Longest key in bytes: S3's limit.
const KEY_BYTES_MAX: usize = 1024;
/// Longest segment in bytes: a file name's limit.
const SEGMENT_BYTES_MAX: usize = 255;

/// The path of an object below the vault's root. What is no key has none, so that nothing leads out of it.
pub(super) fn path(key: &str) -> Result<PathBuf, VaultError> {
    if key.len() <= KEY_BYTES_MAX && key.split('/').all(is_segment) {
        Ok(PathBuf::from(key))
    } else {
        Err(VaultError::Key(key.chars().take(80).collect()))
    }
}

/// May a key have this segment?
pub(super) fn is_segment(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=SEGMENT_BYTES_MAX).contains(&segment.len()) && !matches!(segment, "." | "..") && segment.bytes().all(is_plain)
}
