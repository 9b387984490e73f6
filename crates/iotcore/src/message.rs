//! A message on its way through the broker. It does not know who published it or who will receive it.

use std::sync::Arc;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::common::ArcPayload;
use mqtt_protocol_core::mqtt::prelude::IntoPayload;

use crate::limits::MESSAGE_EXPIRY_S_MAX;
use crate::properties::MessageProperties;
use crate::topic::TopicName;

/// Quality of service; AWS IoT Core has no QoS 2. Developer Guide, "MQTT", Quality of Service options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    /// Delivered at most once.
    AtMostOnce,
    /// Delivered at least once.
    AtLeastOnce,
}

impl QoS {
    pub(crate) const fn from_level(level: i64) -> Self {
        if level == 0 { Self::AtMostOnce } else { Self::AtLeastOnce }
    }

    pub(crate) const fn level(self) -> i64 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
        }
    }
}

/// The properties of MQTT 5 that a message keeps from its publisher to its subscribers: payload format indicator, content type,
/// response topic, correlation data, and user properties in their order. They are kept as the bytes of a packet, without
/// their length. MQTT 5.0 sections 2.2.2 and 3.3.2.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Properties(Arc<[u8]>);

impl Properties {
    /// `None`, if there are none.
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() { None } else { Some(Self(bytes.into())) }
    }

    /// From a row of the store.
    pub(crate) fn from_stored(bytes: Option<Vec<u8>>) -> Option<Self> {
        bytes.and_then(Self::new)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn read(&self) -> MessageProperties {
        MessageProperties::read(&self.0)
    }
}

/// Topic, payload, flags and properties. The payload is shared, from the packet it came in to the packets it leaves in.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: TopicName,
    pub(crate) payload: ArcPayload,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: Option<Properties>,
    /// From when on nobody gets it any more, in milliseconds since 1970.
    pub(crate) expires_ms: Option<u64>,
}

impl Message {
    pub(crate) fn new(topic: TopicName, payload: impl IntoPayload, qos: QoS) -> Self {
        Self { topic, payload: payload.into_payload(), qos, retain: false, properties: None, expires_ms: None }
    }

    /// The properties as a row of the store has them.
    pub(crate) fn stored_properties(&self) -> Option<&[u8]> {
        self.properties.as_ref().map(Properties::as_bytes)
    }

    /// How many bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len() + self.properties.as_ref().map_or(0, |properties| properties.as_bytes().len())
    }

    /// Whether it has expired, and otherwise the whole seconds until it does, if it ever does: the last one is 0. Developer
    /// Guide, "MQTT", message expiry.
    pub(crate) fn expiry(&self, now_ms: u64) -> Expiry {
        match self.expires_ms {
            None => Expiry::Never,
            Some(expires_ms) if expires_ms <= now_ms => Expiry::Expired,
            Some(expires_ms) => Expiry::In(u32::try_from((expires_ms - now_ms) / 1000).unwrap_or(u32::MAX)),
        }
    }

    pub(crate) fn payload_bytes(&self) -> Bytes {
        Bytes::from_owner(SharedPayload(self.payload.clone()))
    }
}

/// What is published when a client has gone without a goodbye. MQTT 5.0 section 3.1.2.5.
#[derive(Debug, Clone)]
pub(crate) struct LastWill {
    pub(crate) message: Message,
    /// How long it waits for the client to come back.
    pub(crate) delay_s: u32,
    /// When it expires, from its publication on.
    pub(crate) expiry_s: Option<u32>,
}

/// When a message expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It does not.
    Never,
    /// In so many seconds.
    In(u32),
    /// It has.
    Expired,
}

/// The time at which a message expires that was published at `now_ms` with this interval, in seconds. Developer Guide, "MQTT",
/// message expiry: 0 is read as 1, more than seven days as seven days.
pub(crate) fn expires_ms(now_ms: u64, interval_s: u32) -> u64 {
    now_ms.saturating_add(u64::from(interval_s.clamp(1, MESSAGE_EXPIRY_S_MAX)) * 1000)
}

struct SharedPayload(ArcPayload);

impl AsRef<[u8]> for SharedPayload {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}
