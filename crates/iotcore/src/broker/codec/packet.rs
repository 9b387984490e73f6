//! What clients say, in either version of MQTT. What 3.1.1 cannot say has the value that MQTT 5 gives to its absence.

use mqtt_protocol_core::mqtt::common::ArcPayload;
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::reason::Reason;
use crate::message::{Properties, QoS};
use crate::topic::{TopicError, TopicName};

/// The protocol version of a connection: its CONNECT decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V3,
    V5,
}

#[derive(Debug)]
pub(crate) enum Inbound {
    Connect(Box<Connect>),
    Publish(Publish),
    Puback(u16),
    Subscribe(Subscribe),
    Unsubscribe { packet_id: u16, filters: Vec<String> },
    Ping,
    Disconnect(Disconnect),
}

/// MQTT 3.1.1 section 3.1, MQTT 5.0 section 3.1.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    /// Whether an earlier session of the client is discarded.
    pub(crate) clean_start: bool,
    pub(crate) expiry: Expiry,
    pub(crate) keep_alive_s: u16,
    pub(crate) will: Option<Will>,
    /// QoS 1 messages that the client takes without having acknowledged them.
    pub(crate) receive_max: u16,
    /// Whether it wants an exchange of AUTH packets.
    pub(crate) wants_authentication: bool,
}

/// How long a session outlives its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// As long as the broker says: 3.1.1 without a clean session.
    Default,
    Seconds(u32),
}

/// MQTT 5.0 section 3.1.3.2.
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) topic: Result<TopicName, TopicError>,
    pub(crate) payload: ArcPayload,
    /// `None` is QoS 2.
    pub(crate) qos: Option<QoS>,
    pub(crate) retain: bool,
    pub(crate) delay_s: u32,
    pub(crate) properties: Option<Properties>,
    pub(crate) expiry_s: Option<u32>,
}

/// MQTT 5.0 section 3.3. The topic is there, alias or not.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) topic: Result<TopicName, TopicError>,
    pub(crate) payload: ArcPayload,
    pub(crate) qos: QoS,
    /// There if and only if it is to be acknowledged.
    pub(crate) packet_id: Option<u16>,
    pub(crate) retain: bool,
    pub(crate) properties: Option<Properties>,
    pub(crate) expiry_s: Option<u32>,
}

/// MQTT 5.0 section 3.8.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) packet_id: u16,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) filter: String,
    pub(crate) qos: QoS,
    pub(crate) options: SubscriptionOptions,
    pub(crate) retain_handling: RetainHandling,
}

/// What a subscription says of each message. MQTT 5.0 section 3.8.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SubscriptionOptions {
    /// The client does not get what it publishes itself.
    pub(crate) no_local: bool,
    /// Messages keep the RETAIN flag that they were published with.
    pub(crate) retain_as_published: bool,
}

/// When a SUBSCRIBE is answered with retained messages. MQTT 5.0 section 3.8.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetainHandling {
    Always,
    IfNew,
    Never,
}

/// MQTT 5.0 section 3.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disconnect {
    /// Whether the will is to be published.
    pub(crate) with_will: bool,
    /// How long the session is to stay instead.
    pub(crate) expiry_s: Option<u32>,
}

/// The client broke the protocol; the connection must be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Broken {
    pub(crate) reason: Reason,
    pub(crate) why: String,
}

impl Broken {
    pub(super) fn new(reason: Reason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }

    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::new(Reason::MalformedPacket, why)
    }

    pub(super) fn protocol(why: impl Into<String>) -> Self {
        Self::new(Reason::ProtocolError, why)
    }
}

impl From<MqttError> for Broken {
    fn from(error: MqttError) -> Self {
        Self::new(error.into(), format!("protocol error: {error}"))
    }
}
