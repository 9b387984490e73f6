//! Packets of the server, written straight into the buffer that goes to the socket.
//!
//! By hand, because a PUBLISH goes to thousands of subscribers: nothing is allocated, copied twice or checked again, and
//! nothing can fail. The tests hold each against the parser of `mqtt-protocol-core`.

use bytes::{BufMut, BytesMut};

use super::packet::Version;
use super::reason::Reason;
use crate::message::Message;

const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBACK: u8 = 0x90;
const UNSUBACK: u8 = 0xB0;
const PINGRESP: u8 = 0xD0;
const DISCONNECT: u8 = 0xE0;

/// Identifiers of properties. MQTT 5.0 section 2.2.2.2.
mod property {
    pub(super) const MESSAGE_EXPIRY_INTERVAL: u8 = 2;
    pub(super) const SESSION_EXPIRY_INTERVAL: u8 = 17;
    pub(super) const ASSIGNED_CLIENT_IDENTIFIER: u8 = 18;
    pub(super) const SERVER_KEEP_ALIVE: u8 = 19;
    pub(super) const REASON_STRING: u8 = 31;
    pub(super) const RECEIVE_MAXIMUM: u8 = 33;
    pub(super) const TOPIC_ALIAS_MAXIMUM: u8 = 34;
    pub(super) const MAXIMUM_QOS: u8 = 36;
    pub(super) const RETAIN_AVAILABLE: u8 = 37;
    pub(super) const MAXIMUM_PACKET_SIZE: u8 = 39;
    pub(super) const WILDCARD_SUBSCRIPTION_AVAILABLE: u8 = 40;
    pub(super) const SUBSCRIPTION_IDENTIFIER_AVAILABLE: u8 = 41;
    pub(super) const SHARED_SUBSCRIPTION_AVAILABLE: u8 = 42;
}

/// What a CONNACK says besides "accepted". Properties with `None` are as the client asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted<'a> {
    pub(crate) session_present: bool,
    pub(crate) session_expiry_s: Option<u32>,
    pub(crate) keep_alive_s: Option<u16>,
    pub(crate) assigned_client_id: Option<&'a str>,
    pub(crate) receive_max: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) topic_aliases_max: u16,
    pub(crate) shared_subscriptions: bool,
}

/// MQTT 5.0 section 3.2.
pub(super) fn connack_accepted(out: &mut BytesMut, version: Version, accepted: &Accepted<'_>) {
    let flags = u8::from(accepted.session_present);
    if version == Version::V3 {
        return out.put_slice(&[CONNACK, 2, flags, 0]);
    }
    let mut properties = BytesMut::new();
    if let Some(interval) = accepted.session_expiry_s {
        properties.put_u8(property::SESSION_EXPIRY_INTERVAL);
        properties.put_u32(interval);
    }
    properties.put_u8(property::RECEIVE_MAXIMUM);
    properties.put_u16(accepted.receive_max);
    properties.put_slice(&[property::MAXIMUM_QOS, 1, property::RETAIN_AVAILABLE, 1]);
    properties.put_u8(property::MAXIMUM_PACKET_SIZE);
    properties.put_u32(accepted.packet_bytes_max);
    if let Some(client_id) = accepted.assigned_client_id {
        properties.put_u8(property::ASSIGNED_CLIENT_IDENTIFIER);
        text(&mut properties, client_id);
    }
    properties.put_u8(property::TOPIC_ALIAS_MAXIMUM);
    properties.put_u16(accepted.topic_aliases_max);
    properties.put_slice(&[property::WILDCARD_SUBSCRIPTION_AVAILABLE, 1]);
    properties.put_slice(&[property::SUBSCRIPTION_IDENTIFIER_AVAILABLE, 0]);
    properties.put_slice(&[property::SHARED_SUBSCRIPTION_AVAILABLE, accepted.shared_subscriptions.into()]);
    if let Some(keep_alive) = accepted.keep_alive_s {
        properties.put_u8(property::SERVER_KEEP_ALIVE);
        properties.put_u16(keep_alive);
    }
    with_properties(out, CONNACK, &[flags, Reason::Success.code()], &properties, &[]);
}

pub(super) fn connack_refused(out: &mut BytesMut, version: Version, reason: Reason, why: Option<&str>) {
    match version {
        Version::V3 => out.put_slice(&[CONNACK, 2, 0, reason.connack3()]),
        Version::V5 => with_properties(out, CONNACK, &[0, reason.code()], &reason_string(why), &[]),
    }
}

/// MQTT 5.0 section 3.4. In 3.1.1 there is no PUBACK for what was refused.
pub(super) fn puback(out: &mut BytesMut, version: Version, packet_id: u16, reason: Reason, why: Option<&str>) {
    let [high, low] = packet_id.to_be_bytes();
    match (version, reason) {
        (Version::V3, _) | (_, Reason::Success) => out.put_slice(&[PUBACK, 2, high, low]),
        (Version::V5, refused) => {
            with_properties(out, PUBACK, &[high, low, refused.code()], &reason_string(why), &[]);
        }
    }
}

/// MQTT 5.0 section 3.9.
pub(super) fn suback(out: &mut BytesMut, version: Version, packet_id: u16, reasons: &[Reason]) {
    let code = match version {
        Version::V3 => Reason::suback3,
        Version::V5 => Reason::code,
    };
    acknowledge(out, version, SUBACK, packet_id, reasons.iter().map(|reason| code(*reason)));
}

/// MQTT 5.0 section 3.11.
pub(super) fn unsuback(out: &mut BytesMut, version: Version, packet_id: u16, reasons: &[Reason]) {
    let reasons = if version == Version::V3 { &[] } else { reasons };
    acknowledge(out, version, UNSUBACK, packet_id, reasons.iter().map(|reason| reason.code()));
}

pub(super) fn pingresp(out: &mut BytesMut) {
    out.put_slice(&[PINGRESP, 0]);
}

/// MQTT 5.0 section 3.14. In 3.1.1 only clients say goodbye.
pub(super) fn disconnect(out: &mut BytesMut, version: Version, reason: Reason, why: Option<&str>) {
    if version == Version::V5 {
        with_properties(out, DISCONNECT, &[reason.code()], &reason_string(why), &[]);
    }
}

/// A PUBLISH, in pieces whose sizes are known. MQTT 5.0 section 3.3.
pub(super) struct Publish<'a> {
    message: &'a Message,
    packet_id: Option<u16>,
    properties: &'a [u8],
    /// Seconds until the message expires.
    left_s: Option<u32>,
    version: Version,
}

impl<'a> Publish<'a> {
    pub(super) fn new(message: &'a Message, packet_id: Option<u16>, left_s: Option<u32>, version: Version) -> Self {
        let properties = message.properties.as_ref().map(|properties| properties.as_bytes()).unwrap_or_default();
        Self { message, packet_id, properties, left_s, version }
    }

    fn properties_len(&self) -> usize {
        self.properties.len() + if self.left_s.is_some() { 5 } else { 0 }
    }

    fn remaining_len(&self) -> usize {
        let properties = match self.version {
            Version::V3 => 0,
            Version::V5 => length_len(self.properties_len()) + self.properties_len(),
        };
        let packet_id = if self.packet_id.is_some() { 2 } else { 0 };
        2 + self.message.topic.as_str().len() + packet_id + properties + self.message.payload.len()
    }

    /// Bytes of the whole packet.
    pub(super) fn packet_len(&self) -> usize {
        1 + length_len(self.remaining_len()) + self.remaining_len()
    }

    pub(super) fn put(&self, out: &mut BytesMut) {
        out.reserve(self.packet_len());
        let qos = if self.packet_id.is_some() { 0b10 } else { 0 };
        out.put_u8(PUBLISH | qos | u8::from(self.message.retain));
        length(out, self.remaining_len());
        text(out, self.message.topic.as_str());
        if let Some(packet_id) = self.packet_id {
            out.put_u16(packet_id);
        }
        if self.version == Version::V5 {
            length(out, self.properties_len());
            out.put_slice(self.properties);
            if let Some(left) = self.left_s {
                out.put_u8(property::MESSAGE_EXPIRY_INTERVAL);
                out.put_u32(left);
            }
        }
        out.put_slice(self.message.payload.as_slice());
    }
}

fn acknowledge(
    out: &mut BytesMut,
    version: Version,
    first: u8,
    packet_id: u16,
    codes: impl ExactSizeIterator<Item = u8>,
) {
    let no_properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    out.put_u8(first);
    length(out, 2 + no_properties.len() + codes.len());
    out.put_u16(packet_id);
    out.put_slice(no_properties);
    out.extend(codes);
}

fn with_properties(out: &mut BytesMut, first: u8, header: &[u8], properties: &[u8], payload: &[u8]) {
    out.put_u8(first);
    length(out, header.len() + length_len(properties.len()) + properties.len() + payload.len());
    out.put_slice(header);
    length(out, properties.len());
    out.put_slice(properties);
    out.put_slice(payload);
}

fn reason_string(why: Option<&str>) -> BytesMut {
    let mut properties = BytesMut::new();
    if let Some(why) = why {
        properties.put_u8(property::REASON_STRING);
        text(&mut properties, why);
    }
    properties
}

/// MQTT 5.0 section 1.5.4; all texts here are far below its limit, and cut if they are not.
fn text(out: &mut BytesMut, text: &str) {
    let text = text.get(..text.floor_char_boundary(usize::from(u16::MAX))).unwrap_or_default();
    out.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.put_slice(text.as_bytes());
}

/// A variable byte integer. MQTT 5.0 section 1.5.5.
fn length(out: &mut BytesMut, mut value: usize) {
    loop {
        let low = u8::try_from(value % 128).unwrap_or_default();
        value /= 128;
        if value == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

const fn length_len(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}
