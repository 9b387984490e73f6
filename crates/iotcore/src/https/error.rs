//! Why a request was not carried out: HTTP status, error type and text. API Reference, the errors of each operation and
//! "Common errors"; statuses as in botocore's models.

use std::error::Error as StdError;

use serde_json::Value;

use super::sigv4::SignatureError;
use crate::ca::CaError;
use crate::control::ShadowRequestError;
use crate::error::Error;
use crate::jobs::{JobIdError, Refusal};
use crate::names::NameError;
use crate::shadow::ShadowError;
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub(super) struct ApiError {
    status: u16,
    kind: &'static str,
    message: String,
    /// What a refused job execution is like.
    execution_state: Option<Value>,
}

impl ApiError {
    const fn new(status: u16, kind: &'static str, message: String) -> Self {
        Self { status, kind, message, execution_state: None }
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

    pub(super) fn execution_state(&self) -> Option<&Value> {
        self.execution_state.as_ref()
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
            | Error::Job(_)
            | Error::StatusDetails(_)
            | Error::Status => (400, "InvalidRequestException"),
            Error::Certificate => (400, "CertificateValidationException"),
            Error::InvalidState { .. } => (409, "InvalidStateTransitionException"),
            Error::Ca(CaError::Csr(_) | CaError::KeyType) => (400, "InvalidRequestException"),
            _ => return Self::internal(&error),
        };
        Self::new(status, kind, chain(&error))
    }
}

impl From<JobIdError> for ApiError {
    fn from(error: JobIdError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// API Reference, jobs data plane, the errors of each operation; that of state has the execution's state in its body. That a wrong
/// version is one of state could not be verified: no other fits.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match &refusal {
            Refusal::InvalidTopic | Refusal::InvalidJson | Refusal::InvalidRequest(_) => {
                (400, "InvalidRequestException")
            }
            Refusal::ResourceNotFound(_) => (404, "ResourceNotFoundException"),
            Refusal::InvalidStateTransition { .. } | Refusal::VersionMismatch(_) => {
                (409, "InvalidStateTransitionException")
            }
            Refusal::TerminalStateReached => (410, "TerminalStateException"),
            Refusal::Store(error) => return Self::internal(error),
        };
        Self { execution_state: refusal.execution_state(), ..Self::new(status, kind, refusal.to_string()) }
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
