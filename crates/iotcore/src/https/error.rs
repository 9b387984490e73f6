//! Why a request was not carried out: HTTP status, error type and text. API Reference, the errors of each operation and
//! "Common errors"; statuses as in botocore's models.

use std::error::Error as StdError;

use super::sigv4::SignatureError;
use crate::ca::CaError;
use crate::control::ShadowRequestError;
use crate::error::Error;
use crate::names::NameError;
use crate::shadow::ShadowError;
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub(super) struct ApiError {
    status: u16,
    kind: &'static str,
    message: String,
}

impl ApiError {
    const fn new(status: u16, kind: &'static str, message: String) -> Self {
        Self { status, kind, message }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message.into())
    }

    /// What AWS has and this has not.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::invalid(format!("{what} is not supported by this IoT Core"))
    }

    pub(super) fn forbidden() -> Self {
        Self::new(403, "ForbiddenException", "Forbidden".into())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message.into())
    }

    pub(super) fn unknown_operation() -> Self {
        Self::new(404, "UnknownOperationException", "there is no such operation".into())
    }

    pub(super) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLargeException", "the body is larger than allowed".into())
    }

    /// Of operations on things and thing groups, which have neither `LimitExceededException` nor `DeleteConflictException`.
    pub(super) fn of_things(error: Error) -> Self {
        match error {
            Error::LimitExceeded { .. } | Error::DeleteConflict { .. } => Self::invalid(chain(&error)),
            error => error.into(),
        }
    }

    /// The client is told nothing of what is wrong here.
    pub(super) fn internal(error: &(dyn StdError + 'static)) -> Self {
        tracing::error!(error, "an HTTPS request failed");
        Self::new(500, "InternalFailureException", "Internal service failure".into())
    }
}

/// The error's text with those of its sources.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Missing => "MissingAuthenticationTokenException",
            SignatureError::Incomplete(_) => "IncompleteSignatureException",
            SignatureError::UnknownKey => "UnrecognizedClientException",
            SignatureError::Scope(_) | SignatureError::Skew(_) | SignatureError::Mismatch => {
                "InvalidSignatureException"
            }
        };
        Self::new(403, kind, error.to_string())
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, kind) = match &error {
            Error::NotFound { .. } => (404, "ResourceNotFoundException"),
            Error::AlreadyExists { .. } => (409, "ResourceAlreadyExistsException"),
            Error::DeleteConflict { .. } => (409, "DeleteConflictException"),
            Error::CertificateActive { .. } => (406, "CertificateStateException"),
            Error::VersionConflict { .. } => (409, "VersionConflictException"),
            Error::VersionsLimitExceeded { .. } => (409, "VersionsLimitExceededException"),
            Error::LimitExceeded { .. } => (410, "LimitExceededException"),
            Error::Policy(_) => (400, "MalformedPolicyException"),
            Error::Name { .. }
            | Error::ThingName(_)
            | Error::SameHierarchy { .. }
            | Error::Template(_)
            | Error::Status => (400, "InvalidRequestException"),
            Error::Ca(CaError::Csr(_) | CaError::KeyType) => (400, "InvalidRequestException"),
            _ => return Self::internal(&error),
        };
        Self::new(status, kind, chain(&error))
    }
}

/// API Reference, data plane, `GetThingShadow`, `UpdateThingShadow`, `DeleteThingShadow`.
impl From<ShadowRequestError> for ApiError {
    fn from(error: ShadowRequestError) -> Self {
        match error {
            ShadowRequestError::Rejected(rejected) => rejected.error.into(),
            ShadowRequestError::Store(error) => error.into(),
        }
    }
}

impl From<ShadowError> for ApiError {
    fn from(error: ShadowError) -> Self {
        let kind = match error.code() {
            400 => "InvalidRequestException",
            401 => "UnauthorizedException",
            403 => "ForbiddenException",
            404 => "ResourceNotFoundException",
            409 => "ConflictException",
            413 => "RequestEntityTooLargeException",
            415 => "UnsupportedDocumentEncodingException",
            429 => "ThrottlingException",
            _ => "InternalFailureException",
        };
        Self::new(error.code(), kind, error.to_string())
    }
}
