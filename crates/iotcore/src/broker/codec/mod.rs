//! MQTT packets and bytes, 3.1.1 and 5.0 on one port: the only place that knows which version a client speaks.
//!
//! Sources: MQTT 3.1.1 and MQTT 5.0 (OASIS); AWS IoT developer guide, "MQTT", sections "MQTT 5 supported features", "MQTT 5
//! properties", "MQTT reason codes" and "AWS IoT differences from MQTT specifications". Framing and parsing are
//! `mqtt-protocol-core`'s, what it lets pass is checked in `check`. It does not know sockets, sessions or permissions.

mod aliases;
mod check;
mod encode;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzzing;
mod packet;
mod reason;
#[cfg(test)]
mod tests;
mod v3;
mod v5;

pub(crate) use encode::Accepted;
#[cfg(all(feature = "https", any(test, feature = "fuzzing")))]
pub(crate) use fuzzing::check_properties;
#[cfg(any(test, feature = "fuzzing"))]
pub use fuzzing::fuzz;
pub(crate) use packet::{
    Broken, Connect, Disconnect, Entry, Expiry, Inbound, Publish, RetainHandling, Subscribe, SubscriptionOptions,
    Version,
};
pub(crate) use reason::Reason;

use bytes::BytesMut;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, RawPacket};

use crate::limits::PACKET_BYTES_MAX;
use crate::message::{Message, QoS};
use aliases::Aliases;
use check::kind;
use v5::Peer;

/// One peer's packets. Encoded ones wait in `out`.
pub(crate) struct Wire {
    frames: PacketBuilder,
    /// Whether anything has been heard.
    begun: bool,
    pub(crate) out: BytesMut,
    /// What its CONNECT said.
    version: Option<Version>,
    peer: Peer,
    aliases: Aliases,
    last_packet_id: u16,
}

/// A message does not fit what the client takes; it was not sent. MQTT 5.0 section 3.1.2.11.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Where a CONNECT has its protocol level, behind the name `MQTT`.
const LEVEL_AT: usize = 6;

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            frames: PacketBuilder::with_maximum_packet_size(PACKET_BYTES_MAX),
            begun: false,
            out: BytesMut::new(),
            version: None,
            peer: Peer::default(),
            aliases: Aliases::default(),
            last_packet_id: 0,
        }
    }

    /// Takes bytes off the front of `bytes` until a packet is complete or they are used up; says how many it took.
    /// A packet over the limit is an error before it is buffered, and so is a first packet that is no CONNECT.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> (usize, Result<Option<Inbound>, Broken>) {
        if !std::mem::replace(&mut self.begun, true) && bytes.first().is_none_or(|first| first >> 4 != kind::CONNECT) {
            return (bytes.len(), Err(check::not_connect()));
        }
        let mut cursor = Cursor::new(bytes);
        let decoded = match self.frames.feed(&mut cursor) {
            PacketBuildResult::Complete(raw) => self.packet(&raw).map(Some),
            PacketBuildResult::Incomplete => Ok(None),
            PacketBuildResult::Error(error) => Err(error.into()),
        };
        (usize::try_from(cursor.position()).unwrap_or(bytes.len()), decoded)
    }

    fn packet(&mut self, raw: &RawPacket) -> Result<Inbound, Broken> {
        match self.version {
            None => self.connect(raw),
            Some(Version::V3) => check::flags(raw).and_then(|()| v3::packet(raw)),
            Some(Version::V5) => check::flags(raw).and_then(|()| v5::packet(raw, &mut self.aliases)),
        }
    }

    /// MQTT 5.0 section 3.1.2.2, [MQTT-3.1.2-2].
    fn connect(&mut self, raw: &RawPacket) -> Result<Inbound, Broken> {
        let connect = match raw.data_as_slice().get(LEVEL_AT) {
            Some(4) => {
                self.version = Some(Version::V3);
                check::flags(raw)?;
                v3::connect(raw)?
            }
            Some(5) => {
                self.version = Some(Version::V5);
                check::flags(raw)?;
                let (connect, peer) = v5::connect(raw)?;
                self.peer = peer;
                connect
            }
            _ => {
                // Whatever it speaks, it may know the answer of 3.1.1.
                self.version = Some(Version::V3);
                let why = "this protocol version is not spoken here";
                return Err(Broken::new(Reason::UnsupportedProtocolVersion, why));
            }
        };
        Ok(Inbound::Connect(Box::new(connect)))
    }

    /// The version of the peer's CONNECT; 3.1.1 until there is one.
    pub(crate) fn version(&self) -> Version {
        self.version.unwrap_or(Version::V3)
    }

    /// Whether there was a CONNECT, so that a CONNACK may answer it.
    pub(crate) fn has_connect(&self) -> bool {
        self.version.is_some()
    }

    pub(crate) fn connack_accepted(&mut self, accepted: &Accepted<'_>) {
        let version = self.version();
        encode::connack_accepted(&mut self.out, version, accepted);
    }

    pub(crate) fn connack_refused(&mut self, reason: Reason, why: &str) {
        let (version, why) = (self.version(), self.told(why));
        encode::connack_refused(&mut self.out, version, reason, why);
    }

    /// Answers a QoS 1 PUBLISH; a refusal must not be told to a peer of 3.1.1, which would take it for success.
    pub(crate) fn puback(&mut self, packet_id: u16, reason: Reason, why: &str) {
        let (version, why) = (self.version(), self.told(why));
        encode::puback(&mut self.out, version, packet_id, reason, why);
    }

    pub(crate) fn suback(&mut self, packet_id: u16, reasons: &[Reason]) {
        let version = self.version();
        encode::suback(&mut self.out, version, packet_id, reasons);
    }

    pub(crate) fn unsuback(&mut self, packet_id: u16, reasons: &[Reason]) {
        let version = self.version();
        encode::unsuback(&mut self.out, version, packet_id, reasons);
    }

    pub(crate) fn pingresp(&mut self) {
        encode::pingresp(&mut self.out);
    }

    /// Says why the connection ends, to a peer that can be told.
    pub(crate) fn disconnect(&mut self, reason: Reason, why: &str) {
        let (version, why) = (self.version(), self.told(why));
        encode::disconnect(&mut self.out, version, reason, why);
    }

    /// Sends `message` with `qos`; gives the packet id that a QoS 1 message will be acknowledged by, one that is not `taken`.
    /// `left_s` is until it expires.
    ///
    /// A message that is sent again gets a new packet id and no DUP flag, as AWS does (Developer Guide, "AWS IoT differences
    /// from MQTT specifications").
    pub(crate) fn publish(
        &mut self,
        message: &Message,
        qos: QoS,
        left_s: Option<u32>,
        taken: impl Fn(u16) -> bool,
    ) -> Result<Option<u16>, TooLarge> {
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(self.free_packet_id(taken)),
        };
        let publish = encode::Publish::new(message, packet_id, left_s, self.version());
        if publish.packet_len() > self.peer.packet_bytes_max as usize {
            return Err(TooLarge);
        }
        publish.put(&mut self.out);
        Ok(packet_id)
    }

    /// So few are taken at once that one is found soon.
    fn free_packet_id(&mut self, taken: impl Fn(u16) -> bool) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !taken(self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }

    /// The reason string, for a peer that wants one and takes a packet of its size. MQTT 5.0 sections 3.1.2.11.7 and 3.14.2.2.3.
    fn told<'a>(&self, why: &'a str) -> Option<&'a str> {
        const OTHER_BYTES_MAX: usize = 16;
        let fits = why.len() + OTHER_BYTES_MAX <= self.peer.packet_bytes_max as usize;
        (self.peer.wants_problem_information && fits && !why.is_empty()).then_some(why)
    }
}
