//! The name of a log, which is the first line of its checkpoints and the name of the key that signs them.
//!
//! It does not know whose name it is.

use std::{fmt, str::FromStr};

/// Longest name, in bytes: checkpoints stay far below what a signer takes at once (4096 bytes, AWS KMS's `Sign`).
pub const ORIGIN_BYTES_MAX: usize = 255;

/// The name of a log, such as `marvain.local/{hub id}` (C2SP tlog-checkpoint, "origin"; C2SP signed-note, "key name").
///
/// ```
/// use marvain_domain::audit::Origin;
/// assert!("marvain.aws/household".parse::<Origin>().is_ok());
/// assert!("my log".parse::<Origin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// The text is no name of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin of a log: it must have 1 to {ORIGIN_BYTES_MAX} bytes and no `+`, spaces or control characters"
)]
pub struct OriginError(String);

impl Origin {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let is_name = signed_note::is_key_name_valid(text) && !text.chars().any(char::is_control);
        if is_name && text.len() <= ORIGIN_BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(OriginError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
