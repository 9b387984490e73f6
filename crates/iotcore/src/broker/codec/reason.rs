//! Reason codes. MQTT 5.0 section 2.4; what 3.1.1 has of them: MQTT 3.1.1 sections 3.2.2.3 and 3.9.3. Developer Guide, "MQTT
//! reason codes", lists those that AWS sends "including but not limited to".

use mqtt_protocol_core::mqtt::result_code::MqttError;

/// Why something was refused or ended, or that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// Also: subscribed with QoS 0, disconnected normally.
    Success = 0x00,
    GrantedQos1 = 0x01,
    NoSubscriptionExisted = 0x11,
    Unspecified = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    UnsupportedProtocolVersion = 0x84,
    ClientIdentifierNotValid = 0x85,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerShuttingDown = 0x8B,
    BadAuthenticationMethod = 0x8C,
    KeepAliveTimeout = 0x8D,
    SessionTakenOver = 0x8E,
    TopicFilterInvalid = 0x8F,
    TopicNameInvalid = 0x90,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    QuotaExceeded = 0x97,
    AdministrativeAction = 0x98,
    QosNotSupported = 0x9B,
    SubscriptionIdentifiersNotSupported = 0xA1,
}

impl Reason {
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The return code of a 3.1.1 CONNACK, which knows five refusals.
    pub(super) const fn connack3(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::Unspecified | Self::ServerUnavailable | Self::ServerShuttingDown | Self::QuotaExceeded => 3,
            _ => 5,
        }
    }

    /// The return code of a 3.1.1 SUBACK, which knows one refusal.
    pub(super) const fn suback3(self) -> u8 {
        match self {
            Self::Success | Self::GrantedQos1 => self.code(),
            _ => 0x80,
        }
    }
}

impl From<MqttError> for Reason {
    fn from(error: MqttError) -> Self {
        match error {
            MqttError::ProtocolError => Self::ProtocolError,
            MqttError::UnsupportedProtocolVersion => Self::UnsupportedProtocolVersion,
            MqttError::ClientIdentifierNotValid => Self::ClientIdentifierNotValid,
            MqttError::TopicAliasInvalid => Self::TopicAliasInvalid,
            MqttError::PacketTooLarge => Self::PacketTooLarge,
            _ => Self::MalformedPacket,
        }
    }
}
