//! Why a provisioning request is rejected, and what the device is told.

use serde_json::json;

use crate::ca::CaError;
use crate::error::Error;
use crate::ports::HookError;
use crate::store::StoreError;
use crate::template::TemplateError;

/// Everything but [`Rejection::Store`] is told to the device.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    #[error("the payload is not the JSON of this operation: {0}")]
    Payload(serde_json::Error),
    #[error(transparent)]
    Csr(CaError),
    #[error("too many certificates of this claim are not provisioned yet")]
    TooMany,
    #[error("there is no provisioning template `{0}`")]
    NoTemplate(String),
    #[error("the provisioning template `{0}` is not enabled")]
    Disabled(String),
    #[error("the certificate ownership token is unknown, used or expired")]
    Token,
    #[error("the claim is no longer active")]
    Claim,
    #[error("the device is not allowed")]
    Denied,
    #[error("the pre-provisioning hook failed")]
    Hook(#[source] HookError),
    #[error("the pre-provisioning hook did not answer in time")]
    HookTimeout,
    #[error("the template does not fit the parameters: {0}")]
    Template(#[from] TemplateError),
    #[error("the thing `{0}` exists and differs")]
    Conflict(String),
    #[error("the template's resources cannot be made: {0}")]
    Resources(Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Store(error),
            error => Self::Resources(error),
        }
    }
}

impl From<rusqlite::Error> for Rejection {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Rejection {
    /// `statusCode`, `errorCode`, `errorMessage`: Developer Guide, "Device provisioning MQTT API", error payloads. The page
    /// leaves the codes open; devices should go by `statusCode`.
    pub(super) fn payload(&self) -> Vec<u8> {
        let (status, code) = match self {
            Self::Payload(_) => (400, "InvalidPayload"),
            Self::Csr(_) => (400, "InvalidCertificateSigningRequest"),
            Self::TooMany => (429, "TooManyRequests"),
            Self::NoTemplate(_) => (404, "ResourceNotFound"),
            Self::Token => (400, "InvalidCertificateOwnershipToken"),
            Self::Claim | Self::Denied => (403, "AccessDenied"),
            Self::Hook(_) | Self::HookTimeout => (500, "PreProvisioningHookError"),
            Self::Template(_) => (400, "InvalidParameters"),
            Self::Conflict(_) => (409, "Conflict"),
            Self::Resources(_) | Self::Disabled(_) => (400, "InvalidTemplate"),
            Self::Store(_) => (500, "InternalFailure"),
        };
        json!({"statusCode": status, "errorCode": code, "errorMessage": self.to_string()}).to_string().into_bytes()
    }
}
