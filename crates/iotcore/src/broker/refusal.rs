//! Why a peer did not get through, and what it is told.

use std::io;
use std::sync::Arc;

use super::codec::{Broken, Reason, Version, Wire};
use crate::ids::CertificateId;
use crate::limits::{CLIENT_ID_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::store::StoreError;
use crate::topic::TopicError;

/// Why a peer did not reach CONNACK.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("nothing complete was heard in time")]
    Timeout,
    #[error("too many peers have not connected yet, most of them from its address")]
    Displaced,
    #[error("a bug: the handshake's task panicked")]
    Bug,
    #[error("no client certificate")]
    NoCertificate,
    #[error("certificate `{0}` is not registered and active")]
    Certificate(CertificateId),
    #[error("the first packet is not CONNECT")]
    NoConnect,
    #[error("authentication beyond the certificate is not supported")]
    Authentication,
    #[error("the client id has {0} bytes; 1 to {CLIENT_ID_BYTES_MAX} are allowed")]
    ClientId(usize),
    #[error("certificate `{0}` may not connect as {1:?}")]
    Connect(CertificateId, Arc<str>),
    #[error("the will of {0:?} is not allowed")]
    WillForbidden(Arc<str>),
    #[error("the will's topic is not valid: {0}")]
    WillTopic(#[from] TopicError),
    #[error("the will's QoS is not supported")]
    WillQos,
    #[error("the will's payload has {0} bytes; {PAYLOAD_BYTES_MAX} are allowed")]
    WillPayload(usize),
    #[error(transparent)]
    Wire(#[from] Broken),
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    #[error("cannot keep the session: {0}")]
    Store(#[from] StoreError),
}

impl Refusal {
    /// Answers the CONNECT, if there is one and it deserves an answer. MQTT 5.0 section 3.1.4; Developer Guide, "MQTT reason
    /// codes", CONNACK. To what is malformed there is no answer in 3.1.1, but for the version (MQTT 3.1.1 section 3.1.4).
    pub(super) fn tell(&self, wire: &mut Wire) {
        let Some(reason) = self.reason() else { return };
        let is_answered = match self {
            Self::Wire(_) => wire.version() == Version::V5 || reason == Reason::UnsupportedProtocolVersion,
            _ => true,
        };
        if wire.has_connect() && is_answered {
            // What failed in here is nobody's business.
            let why = if matches!(self, Self::Store(_)) { String::new() } else { self.to_string() };
            wire.connack_refused(reason, &why);
        }
    }

    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Connect(..) | Self::WillForbidden(_) => Some(Reason::NotAuthorized),
            Self::Authentication => Some(Reason::BadAuthenticationMethod),
            Self::ClientId(_) => Some(Reason::ClientIdentifierNotValid),
            Self::WillTopic(_) => Some(Reason::TopicNameInvalid),
            Self::WillQos => Some(Reason::QosNotSupported),
            Self::WillPayload(_) => Some(Reason::QuotaExceeded),
            Self::Store(_) => Some(Reason::ServerUnavailable),
            Self::Wire(broken) => Some(broken.reason),
            // Whoever has no certificate of ours is told nothing, as AWS ends such a connection within its handshake.
            Self::Certificate(_)
            | Self::Handshake(_)
            | Self::Timeout
            | Self::Displaced
            | Self::Bug
            | Self::NoCertificate
            | Self::NoConnect
            | Self::Lost(_) => None,
        }
    }
}
