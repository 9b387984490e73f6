//! What both versions demand and the parsers of `mqtt-protocol-core` let pass.

use mqtt_protocol_core::mqtt::connection::RawPacket;
use mqtt_protocol_core::mqtt::packet::Qos;

use super::packet::Broken;
use super::reason::Reason;
use crate::message::QoS;

/// Types of packets, in the upper half of their first byte. MQTT 5.0 section 2.1.2.
pub(super) mod kind {
    pub(in super::super) const CONNECT: u8 = 1;
    pub(in super::super) const PUBLISH: u8 = 3;
    pub(in super::super) const PUBACK: u8 = 4;
    pub(in super::super) const PUBREC: u8 = 5;
    pub(in super::super) const PUBREL: u8 = 6;
    pub(in super::super) const PUBCOMP: u8 = 7;
    pub(in super::super) const SUBSCRIBE: u8 = 8;
    pub(in super::super) const UNSUBSCRIBE: u8 = 10;
    pub(in super::super) const PINGREQ: u8 = 12;
    pub(in super::super) const DISCONNECT: u8 = 14;
    pub(in super::super) const AUTH: u8 = 15;
}

/// The lower half of the first byte. MQTT 5.0 section 2.1.3, MQTT 3.1.1 section 2.2.2.
pub(super) fn flags(raw: &RawPacket) -> Result<(), Broken> {
    let required = match raw.packet_type() {
        kind::PUBLISH => {
            // [MQTT-3.3.1-2]
            return match raw.flags() & 0b1110 {
                0b1000 => Err(Broken::malformed("a PUBLISH with QoS 0 and the DUP flag")),
                _ => Ok(()),
            };
        }
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => 0b0010,
        _ => 0,
    };
    if raw.flags() == required { Ok(()) } else { Err(Broken::malformed("reserved flags of the first byte are wrong")) }
}

/// The flags of a CONNECT, at the same place in both versions. MQTT 5.0 section 3.1.2.3 and following.
pub(super) fn connect_flags(raw: &RawPacket) -> Result<(), Broken> {
    const FLAGS_AT: usize = 7;
    let flags = raw.data_as_slice().get(FLAGS_AT).copied().unwrap_or_default();
    let (has_will, will_qos, will_retain) = (flags & 0b100 != 0, flags >> 3 & 0b11, flags & 0b10_0000 != 0);
    if flags & 1 != 0 {
        return Err(Broken::malformed("CONNECT with its reserved flag"));
    }
    if will_qos == 3 {
        return Err(Broken::malformed("CONNECT with a will of QoS 3"));
    }
    if !has_will && (will_qos != 0 || will_retain) {
        return Err(Broken::malformed("CONNECT with flags of a will and no will"));
    }
    Ok(())
}

/// [MQTT-2.2.1-3], [MQTT-2.3.1-1]
pub(super) fn packet_id(id: u16) -> Result<u16, Broken> {
    if id == 0 { Err(Broken::protocol("packet id 0")) } else { Ok(id) }
}

/// [MQTT-1.5.4-2], [MQTT-1.5.3-2]
pub(super) fn text(text: &str) -> Result<&str, Broken> {
    if text.contains('\0') { Err(Broken::malformed("a text with a NUL")) } else { Ok(text) }
}

/// The quality of service of a PUBLISH or a subscription. Developer Guide, "AWS IoT differences from MQTT specifications":
/// neither PUBACK nor SUBACK is sent when QoS 2 is requested.
pub(super) fn qos(qos: Qos) -> Result<QoS, Broken> {
    supported(qos).ok_or_else(|| Broken::new(Reason::QosNotSupported, "QoS 2 is not supported"))
}

pub(super) fn supported(qos: Qos) -> Option<QoS> {
    match qos {
        Qos::AtMostOnce => Some(QoS::AtMostOnce),
        Qos::AtLeastOnce => Some(QoS::AtLeastOnce),
        Qos::ExactlyOnce => None,
    }
}

/// [MQTT-3.1.0-1]
pub(super) fn not_connect() -> Broken {
    Broken::protocol("the first packet is not CONNECT")
}

/// A packet that a client may not send, now or ever.
pub(super) fn unexpected(kind: u8) -> Broken {
    match kind {
        kind::CONNECT => Broken::protocol("a second CONNECT"),
        // Developer Guide, same section.
        kind::PUBREC | kind::PUBREL | kind::PUBCOMP => Broken::protocol("a packet of QoS 2"),
        kind::AUTH => Broken::protocol("AUTH is not supported"),
        _ => Broken::protocol("a packet that only servers send"),
    }
}
