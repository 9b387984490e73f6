//! Why a shadow request is rejected, and the message that says so on a `rejected` topic.

use serde_json::json;
use thiserror::Error;

use super::request::token_of;
use crate::limits::SHADOW_LEVELS_MAX;

/// Why a shadow request is rejected. The texts are AWS's, since clients see them ("Device Shadow error messages").
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShadowError {
    /// 400: no JSON object.
    #[error("Invalid JSON")]
    InvalidJson,
    /// 400: an update without `state`.
    #[error("Missing required node: state")]
    MissingState,
    /// 400: `state` is no object.
    #[error("State node must be an object")]
    StateNotObject,
    /// 400: `desired` is neither an object nor null.
    #[error("Desired node must be an object")]
    DesiredNotObject,
    /// 400: `reported` is neither an object nor null.
    #[error("Reported node must be an object")]
    ReportedNotObject,
    /// 400: `version` is no whole number.
    #[error("Invalid version")]
    InvalidVersion,
    /// 400: `clientToken` is no string, or over 64 bytes.
    #[error("Invalid clientToken")]
    InvalidClientToken,
    /// 400: over [`SHADOW_LEVELS_MAX`].
    #[error("JSON contains too many levels of nesting; maximum is {SHADOW_LEVELS_MAX}")]
    TooDeep,
    /// 400: something else than `desired` and `reported` in `state`, or null in an array.
    #[error("State contains an invalid node")]
    InvalidNode,
    /// 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// 403.
    #[error("Forbidden")]
    Forbidden,
    /// 404: no such thing.
    #[error("Thing not found")]
    ThingNotFound,
    /// 404: the thing has no such shadow; with the shadow's name, or the thing's name for its classic shadow.
    #[error("No shadow exists with name: '{0}'")]
    NotFound(String),
    /// 409: the request's `version` is not the stored one.
    #[error("Version conflict")]
    VersionConflict,
    /// 413: over [`SHADOW_BYTES_MAX`](crate::limits::SHADOW_BYTES_MAX), the request or the state that would result.
    #[error("The payload exceeds the maximum size allowed")]
    TooLarge,
    /// 415: no UTF-8.
    #[error("Unsupported documented encoding; supported encoding is UTF-8")]
    NotUtf8,
    /// 429: too many requests in flight on the connection.
    #[error("Too Many Requests")]
    TooManyRequests,
    /// 500.
    #[error("Internal service failure")]
    Internal,
}

impl ShadowError {
    /// The HTTP status that AWS gives it, 4xx or 5xx.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::InvalidJson
            | Self::MissingState
            | Self::StateNotObject
            | Self::DesiredNotObject
            | Self::ReportedNotObject
            | Self::InvalidVersion
            | Self::InvalidClientToken
            | Self::TooDeep
            | Self::InvalidNode => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::ThingNotFound | Self::NotFound(_) => 404,
            Self::VersionConflict => 409,
            Self::TooLarge => 413,
            Self::NotUtf8 => 415,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
        }
    }
}

/// A rejected request: why, and the token to answer with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("shadow request rejected")]
pub struct Rejected {
    /// Why.
    #[source]
    pub error: ShadowError,
    /// The request's `clientToken`, if it could be read.
    pub client_token: Option<String>,
}

impl Rejected {
    /// `error`, to be answered with the token of the request that `payload` is.
    pub(crate) fn of(error: ShadowError, payload: &[u8]) -> Self {
        Self { error, client_token: token_of(payload).ok().flatten() }
    }

    /// The payload for the `rejected` topic: `code`, `message`, `timestamp`, and the `clientToken` if there is one.
    #[must_use]
    pub fn payload(&self, now_s: u64) -> Vec<u8> {
        let mut document = json!({"code": self.error.code(), "message": self.error.to_string(), "timestamp": now_s});
        if let (Some(members), Some(token)) = (document.as_object_mut(), &self.client_token) {
            members.insert("clientToken".into(), token.as_str().into());
        }
        document.to_string().into_bytes()
    }
}

impl From<ShadowError> for Rejected {
    fn from(error: ShadowError) -> Self {
        Self { error, client_token: None }
    }
}
