//! A message on its way through the broker. It does not know who published it or who will receive it.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::common::ArcPayload;
use mqtt_protocol_core::mqtt::prelude::IntoPayload;

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

/// Topic, payload and flags. The payload is shared, from the packet it came in to the packets it leaves in.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: TopicName,
    pub(crate) payload: ArcPayload,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

impl Message {
    pub(crate) fn new(topic: TopicName, payload: impl IntoPayload, qos: QoS) -> Self {
        Self { topic, payload: payload.into_payload(), qos, retain: false }
    }

    pub(crate) fn payload_bytes(&self) -> Bytes {
        Bytes::from_owner(SharedPayload(self.payload.clone()))
    }
}

struct SharedPayload(ArcPayload);

impl AsRef<[u8]> for SharedPayload {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}
