//! Why connections end.

use std::error::Error;
use std::{fmt, io};

use super::wire::WireError;
use crate::store::StoreError;

/// Developer Guide, "Lifecycle events", `disconnectReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client sent DISCONNECT.
    ClientInitiated,
    /// The client broke the protocol or a limit.
    ClientError,
    /// The socket was closed or failed.
    ConnectionLost,
    /// Another connection took the client id.
    DuplicateClientId,
    /// No policy allows what the client did, or its certificate is no longer active.
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

    /// Whether the will is published: always, except when the client said goodbye (same page, third column).
    pub(crate) fn publishes_will(self) -> bool {
        self != Self::ClientInitiated
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The end of a connection: the reason others are told, and the one for the log.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) reason: CloseReason,
    pub(crate) why: String,
}

impl End {
    pub(crate) fn new(reason: CloseReason, why: impl fmt::Display) -> Self {
        Self { reason, why: why.to_string() }
    }

    pub(crate) fn client_error(why: impl fmt::Display) -> Self {
        Self::new(CloseReason::ClientError, why)
    }

    pub(crate) fn forbidden(why: impl fmt::Display) -> Self {
        Self::new(CloseReason::ForbiddenAccess, why)
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
        Self { reason: CloseReason::ServerError, why }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::server_error(&error)
    }
}

impl From<WireError> for End {
    fn from(error: WireError) -> Self {
        Self::client_error(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::new(CloseReason::ConnectionLost, error)
    }
}
