//! What people ask of the hub. Every request comes from an authenticated person, is put to policy under one
//! [`Operation`] name, and leaves an audit entry when it changes something or is refused.

mod actions;
mod audit;
mod credential;
mod devices;
mod household;
mod memories;
mod policy;
mod readings;
mod reminders;
mod satellites;
mod secret;
mod speak;
mod waiting;

pub use actions::{ActionQuery, Proposal};
pub use audit::AuditEntry;
pub use credential::Credential;
pub use devices::NewDevice;
pub use household::NewConsent;
pub use memories::{MemoryQuery, RecallRequest};
pub use readings::ReadingQuery;
pub use reminders::ReminderQuery;
pub use satellites::{Enrolment, EnrolmentRequest, SatelliteView, Standing};
pub use secret::{SECRET_BYTES, Secret};
pub use speak::Speech;
pub use waiting::{WAITING_MAX, Waiting};

use crate::{
    changes::Changes,
    deliver::{CONFLICTS_MAX, StepError},
    hub::Hub,
    port::{Cause, Committed, LedgerError, RecallError, SignerError, TelemetryError},
};
use marvain_domain::{
    Principal, Timestamp,
    id::DeliveryId,
    identity::Person,
    policy::{Operation, Ruling},
};
use serde_json::json;

/// Most pages that are looked through for one that is not empty.
const PAGES_MAX: usize = 10;

/// Who asks, when, and under which id: the same request repeated is one request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who, by their credential.
    pub person: Person,
    /// Idempotency key of the request.
    pub request: DeliveryId,
    /// Now.
    pub now: Timestamp,
}

impl Caller {
    pub(crate) fn principal(&self) -> Principal {
        Principal::Person(self.person.id.clone())
    }
}

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody, or somebody without a valid credential.
    #[error("no valid credential")]
    Unauthenticated,
    /// Policy says no.
    #[error("`{person}` may not {operation} here{}", reasons(.policies))]
    Refused {
        /// Who asked.
        person: String,
        /// For what.
        operation: &'static str,
        /// Policies that forbid it; none if no policy permits it.
        policies: Vec<String>,
    },
    /// There is no such thing.
    #[error("no {what} `{id}`")]
    NotFound {
        /// What sort.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// The request does not fit.
    #[error("{0}")]
    Invalid(String),
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// It cannot be done now; it may be later.
    #[error("the hub cannot do this now")]
    Unavailable(#[source] Cause),
    /// What it takes was at rest and wakes up: it can be done within a minute or so. Nothing was done.
    #[error("the hub's memory was at rest and wakes up")]
    Waking(#[source] Cause),
}

fn reasons(policies: &[String]) -> String {
    if policies.is_empty() { String::new() } else { format!(" (policy {})", policies.join(", ")) }
}

impl From<SignerError> for RequestError {
    fn from(error: SignerError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<LedgerError> for RequestError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Cursor => {
                Self::Invalid("`after` must be the `next` of an earlier page of this list".to_owned())
            }
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

impl From<StepError> for RequestError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Reject(why) => Self::Invalid(why),
            StepError::Ledger(e) => e.into(),
            StepError::Recall(e @ RecallError::Waking(_)) => Self::Waking(Box::new(e)),
            StepError::Telemetry(e @ TelemetryError::Waking(_)) => Self::Waking(Box::new(e)),
            StepError::Recall(e) => Self::Unavailable(Box::new(e)),
            StepError::Model(e) => Self::Unavailable(Box::new(e)),
            StepError::Telemetry(e) => Self::Unavailable(Box::new(e)),
        }
    }
}

impl Hub {
    /// May they? A refusal is put into the audit log.
    pub async fn authorise(&self, caller: &Caller, operation: &Operation<'_>) -> Result<(), RequestError> {
        let Ruling { allowed, policies, errors } = self.people_policies().await?.may(&caller.person, operation);
        if allowed {
            return Ok(());
        }
        let mut changes = Changes::default();
        let data = json!({"operation": operation.name(), "policies": policies, "errors": errors});
        changes.audit(caller.now, &caller.principal(), "request.refused", data);
        let id = DeliveryId::derive(&["refused", caller.request.as_str(), operation.name()]);
        self.apply(changes, id, caller.now).await?;
        Err(RequestError::Refused { person: caller.person.id.to_string(), operation: operation.name(), policies })
    }

    /// Decides and commits, and decides anew when somebody was faster. `decide` gathers its own facts. A request that
    /// was done before changes nothing: whoever asks reads the answer afresh.
    pub(crate) async fn request<F>(&self, caller: &Caller, decide: impl Fn() -> F) -> Result<(), RequestError>
    where
        F: Future<Output = Result<Changes, RequestError>> + Send,
    {
        for _ in 0..CONFLICTS_MAX {
            let changes = match decide().await {
                Ok(changes) => changes,
                // It cannot be done again because it is done.
                Err(_) if self.ports.ledger.is_applied(&caller.request).await? => return Ok(()),
                Err(e) => return Err(e),
            };
            match self.apply(changes, caller.request.clone(), caller.now).await {
                Ok(Committed::Applied | Committed::Repeated) => return Ok(()),
                Err(LedgerError::Conflict { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(RequestError::Unavailable(format!("others were faster {CONFLICTS_MAX} times").into()))
    }
}

/// `value`, or that there is none.
pub(crate) fn found<T>(value: Option<T>, what: &'static str, id: &impl std::fmt::Display) -> Result<T, RequestError> {
    value.ok_or_else(|| RequestError::NotFound { what, id: id.to_string() })
}

/// A refusal of the domain as the caller's mistake.
pub(crate) fn conflict(error: impl std::fmt::Display) -> RequestError {
    RequestError::Conflict(error.to_string())
}
