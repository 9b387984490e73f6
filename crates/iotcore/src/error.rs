//! What the control operations report.

use crate::ca::CaError;
use crate::ids::CertificateId;
use crate::jobs::JobSpecError;
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::names::NameError;
use crate::policy::PolicyError;
use crate::store::StoreError;
use crate::template::TemplateError;
use crate::tls::TlsError;

/// Why a control operation was refused. The variants follow the exceptions of the AWS IoT API Reference.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `ResourceNotFoundException`.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// The kind of thing that was looked for.
        kind: &'static str,
        /// Its name or id.
        name: String,
    },
    /// `ResourceAlreadyExistsException`.
    #[error("the {kind} `{name}` exists already and is different")]
    AlreadyExists {
        /// The kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// `DeleteConflictException`.
    #[error("the {kind} `{name}` cannot be deleted: {hint}")]
    DeleteConflict {
        /// The kind of thing.
        kind: &'static str,
        /// Its name or id.
        name: String,
        /// What to do first.
        hint: &'static str,
    },
    /// `CertificateStateException`: an active certificate is to be deleted.
    #[error("the certificate `{id}` is active: set it to INACTIVE or REVOKED first")]
    CertificateActive {
        /// The certificate.
        id: CertificateId,
    },
    /// `LimitExceededException`.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// What there would be too many of.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// `VersionsLimitExceededException`.
    #[error("the {kind} `{name}` has {max} versions already: delete one of them first")]
    VersionsLimitExceeded {
        /// The kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
        /// How many versions it may have.
        max: u64,
    },
    /// `InvalidRequestException`: a thing is in one group of a hierarchy at most. Developer Guide, "Static thing groups".
    #[error("the thing `{thing}` is in the group `{group}` of the same hierarchy: remove it from there first")]
    SameHierarchy {
        /// The thing.
        thing: String,
        /// The group that it is in.
        group: String,
    },
    /// The name of a policy or template has another form.
    #[error("`{name}` is not a {kind} name: use {allowed}")]
    Name {
        /// Policy or template.
        kind: &'static str,
        /// What was given.
        name: String,
        /// The allowed form.
        allowed: &'static str,
    },
    /// The name of a thing or shadow has another form.
    #[error(transparent)]
    ThingName(#[from] NameError),
    /// The policy document is not valid.
    #[error("the policy document is not valid")]
    Policy(#[from] PolicyError),
    /// The provisioning template is not valid.
    #[error("the provisioning template is not valid")]
    Template(#[from] TemplateError),
    /// A certificate status that only fleet provisioning sets.
    #[error("a certificate cannot be set to PENDING_ACTIVATION")]
    Status,
    /// The job is not valid. `InvalidRequestException`.
    #[error(transparent)]
    Job(#[from] JobSpecError),
    /// The status details of a job execution are not valid. `InvalidRequestException`.
    #[error("{0}")]
    StatusDetails(String),
    /// `InvalidStateTransitionException`; `CancelJob` has `InvalidRequestException`.
    #[error("the {kind} `{name}` is {state}: that cannot be done any more, or not without force")]
    InvalidState {
        /// Job or job execution.
        kind: &'static str,
        /// Its id.
        name: String,
        /// The state it is in.
        state: &'static str,
    },
    /// `VersionConflictException`.
    #[error("the {kind} `{name}` has version {version}")]
    VersionConflict {
        /// The kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its version.
        version: u64,
    },
    /// `CertificateValidationException`: what is to be registered is no certificate that a peer could show.
    #[error(
        "the certificate is not valid: use one X.509 certificate of version 3 in PEM, of at most {CERTIFICATE_BYTES_MAX} bytes"
    )]
    Certificate,
    /// The certificate authority refused or failed.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The durable state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    pub(crate) fn no_certificate(id: &CertificateId) -> Self {
        Self::NotFound { kind: "certificate", name: id.to_string() }
    }

    pub(crate) fn not_found(kind: &'static str, name: &str) -> Self {
        Self::NotFound { kind, name: name.into() }
    }
}
