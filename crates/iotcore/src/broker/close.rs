//! Why connections end.

use std::error::Error;
use std::{fmt, io};

use super::codec::{Broken, Disconnect, Reason};
use crate::store::StoreError;

/// Developer Guide, "Lifecycle events", `disconnectReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// No policy allows what the client did.
    AuthError,
    /// The client sent DISCONNECT.
    ClientInitiated,
    /// The client broke the protocol or a limit.
    ClientError,
    /// The socket was closed or failed.
    ConnectionLost,
    /// Another connection took the client id.
    DuplicateClientId,
    /// The client may not be connected any more: its certificate is no longer active.
    ForbiddenAccess,
    /// Nothing was heard for one and a half keep-alive intervals.
    KeepAliveTimeout,
    /// Something failed here; a publish was not acknowledged, or this process was killed.
    ServerError,
    /// This process is stopping.
    ServerInitiated,
    /// `delete_connection` was called.
    ApiInitiated,
    /// The client does not take its QoS 1 messages fast enough, and has no persistent session to keep them in.
    Throttled,
}

impl CloseReason {
    /// The name AWS gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthError => "AUTH_ERROR",
            Self::ClientInitiated => "CLIENT_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateClientId => "DUPLICATE_CLIENTID",
            Self::ForbiddenAccess => "FORBIDDEN_ACCESS",
            Self::KeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerError => "SERVER_ERROR",
            Self::ServerInitiated => "SERVER_INITIATED_DISCONNECT",
            Self::ApiInitiated => "API_INITIATED_DISCONNECT",
            Self::Throttled => "THROTTLED",
        }
    }

    /// What a client of MQTT 5 is told, if there is anybody to tell. MQTT 5.0 section 3.14.2.1.
    const fn reason(self) -> Option<Reason> {
        match self {
            Self::ClientInitiated | Self::ConnectionLost => None,
            Self::ClientError => Some(Reason::ProtocolError),
            Self::DuplicateClientId => Some(Reason::SessionTakenOver),
            Self::AuthError | Self::ForbiddenAccess => Some(Reason::NotAuthorized),
            Self::KeepAliveTimeout => Some(Reason::KeepAliveTimeout),
            Self::ServerError => Some(Reason::Unspecified),
            Self::ServerInitiated => Some(Reason::ServerShuttingDown),
            Self::ApiInitiated => Some(Reason::AdministrativeAction),
            Self::Throttled => Some(Reason::QuotaExceeded),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The end of a connection: the reason others are told, the one the client is told, and the one for the log.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) reason: CloseReason,
    told: Option<Reason>,
    pub(crate) why: String,
    /// What the client said when it said goodbye.
    pub(crate) goodbye: Option<Disconnect>,
}

impl End {
    pub(crate) fn new(reason: CloseReason, why: impl fmt::Display) -> Self {
        Self { reason, told: reason.reason(), why: why.to_string(), goodbye: None }
    }

    /// The client said goodbye.
    pub(crate) fn goodbye(disconnect: Disconnect) -> Self {
        Self { goodbye: Some(disconnect), ..Self::new(CloseReason::ClientInitiated, "DISCONNECT") }
    }

    /// The same end, with a reason for the client that says more.
    pub(crate) fn telling(self, reason: Reason) -> Self {
        Self { told: Some(reason), ..self }
    }

    /// Whether the will is published: always, except when the client said goodbye and did not ask for it. Developer Guide,
    /// "Lifecycle events", third column of the reasons; MQTT 5.0 section 3.14.2.1.
    pub(crate) fn publishes_will(&self) -> bool {
        self.goodbye.map_or(self.reason != CloseReason::ClientInitiated, |goodbye| goodbye.with_will)
    }

    /// What a client of MQTT 5 is told: the reason and, unless it is about what is inside here, the words for it.
    pub(crate) fn told(&self) -> Option<(Reason, &str)> {
        let why = if self.reason == CloseReason::ServerError { "" } else { &self.why };
        self.told.map(|reason| (reason, why))
    }

    pub(crate) fn client_error(why: impl fmt::Display) -> Self {
        Self::new(CloseReason::ClientError, why)
    }

    /// No policy allows it.
    pub(crate) fn forbidden(why: impl fmt::Display) -> Self {
        Self::new(CloseReason::AuthError, why)
    }

    /// Something failed here; the chain of its causes goes to the log.
    pub(crate) fn server_error(error: &dyn Error) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            why.push_str(": ");
            why.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(CloseReason::ServerError, why)
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::server_error(&error)
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        Self::client_error(&broken).telling(broken.reason)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::new(CloseReason::ConnectionLost, error)
    }
}
