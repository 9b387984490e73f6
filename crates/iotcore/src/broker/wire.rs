//! MQTT packets and bytes: wraps the sans-IO codec of `mqtt-protocol-core` in its server role.
//!
//! It does not know sockets, sessions or permissions.

use bytes::BytesMut;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::role::Server;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Sendable};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::prelude::Event;
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};
use mqtt_protocol_core::mqtt::{Connection, Version};

use crate::limits::PACKET_BYTES_MAX;
use crate::message::{Message, QoS};

/// The peer, or we ourselves, broke the protocol; the connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("protocol error: {0}")]
pub(crate) struct WireError(#[from] pub(crate) MqttError);

/// One peer's packets. Encoded ones wait in `out`.
pub(crate) struct Wire {
    codec: Connection<Server>,
    pub(crate) out: BytesMut,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(PACKET_BYTES_MAX);
        Self { codec: Connection::with_options(Version::Undetermined, options), out: BytesMut::new() }
    }

    /// Takes bytes off the front of `bytes` until a packet is complete or they are used up; says how many it took.
    /// A packet over the limit is an error before it is buffered.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> (usize, Result<Option<Packet>, WireError>) {
        let mut cursor = Cursor::new(bytes);
        let mut packet = None;
        while packet.is_none() && cursor.position() < bytes.len() as u64 {
            let events = self.codec.recv(&mut cursor);
            match self.apply(events) {
                Ok(received) => packet = received,
                Err(error) => return (bytes.len(), Err(error)),
            }
        }
        (usize::try_from(cursor.position()).unwrap_or(bytes.len()), Ok(packet))
    }

    pub(crate) fn connack(&mut self, code: ConnectReturnCode, session_present: bool) -> Result<(), WireError> {
        let packet = v3_1_1::Connack::builder().return_code(code).session_present(session_present).build()?;
        self.send(packet)
    }

    /// Tells a peer of another protocol version that 3.1.1 is spoken here: MQTT 5 section 3.1.2.2, MQTT 3.1.1 section 3.1.2.2.
    pub(crate) fn refuse_version(&mut self, version: Version) -> Result<(), WireError> {
        use mqtt_protocol_core::mqtt::packet::v5_0;
        use mqtt_protocol_core::mqtt::result_code::ConnectReasonCode;
        if version == Version::V5_0 {
            let reason = ConnectReasonCode::UnsupportedProtocolVersion;
            return self.send(v5_0::Connack::builder().reason_code(reason).session_present(false).build()?);
        }
        let code = ConnectReturnCode::UnacceptableProtocolVersion;
        let packet = v3_1_1::Connack::builder().return_code(code).session_present(false).build()?;
        self.out.extend_from_slice(&packet.to_continuous_buffer());
        Ok(())
    }

    pub(crate) fn puback(&mut self, packet_id: u16) -> Result<(), WireError> {
        self.send(v3_1_1::Puback::builder().packet_id(packet_id).build()?)
    }

    pub(crate) fn suback(&mut self, packet_id: u16, codes: Vec<SubackReturnCode>) -> Result<(), WireError> {
        self.send(v3_1_1::Suback::builder().packet_id(packet_id).return_codes(codes).build()?)
    }

    pub(crate) fn unsuback(&mut self, packet_id: u16) -> Result<(), WireError> {
        self.send(v3_1_1::Unsuback::builder().packet_id(packet_id).build()?)
    }

    pub(crate) fn pingresp(&mut self) -> Result<(), WireError> {
        self.send(v3_1_1::Pingresp::new())
    }

    /// Sends `message` with `qos`; gives the packet id that a QoS 1 message will be acknowledged by.
    ///
    /// A message that is sent again gets a new packet id and no DUP flag, as AWS does (Developer Guide, "MQTT",
    /// differences from the specification).
    pub(crate) fn publish(&mut self, message: &Message, qos: QoS) -> Result<Option<u16>, WireError> {
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(self.codec.acquire_packet_id()?),
        };
        let mut builder = v3_1_1::Publish::builder()
            .topic_name(message.topic.as_str())?
            .qos(if packet_id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce })
            .retain(message.retain)
            .payload(message.payload.clone());
        if let Some(packet_id) = packet_id {
            builder = builder.packet_id(packet_id);
        }
        self.send(builder.build()?)?;
        Ok(packet_id)
    }

    fn send(&mut self, packet: impl Sendable<Server, u16>) -> Result<(), WireError> {
        let events = self.codec.checked_send(packet);
        self.apply(events).map(drop)
    }

    /// Timers are the connection's own: AWS bounds the keep-alive otherwise than the codec does.
    fn apply(&mut self, events: Vec<Event>) -> Result<Option<Packet>, WireError> {
        let mut received = None;
        for event in events {
            match event {
                Event::NotifyPacketReceived(packet) => received = Some(packet),
                Event::RequestSendPacket { packet, .. } => {
                    packet.to_buffers().iter().for_each(|part| self.out.extend_from_slice(part));
                }
                Event::NotifyError(error) => return Err(error.into()),
                // An error or a refused CONNECT comes with it, and closes.
                Event::RequestClose => {}
                Event::NotifyPacketIdReleased(_) | Event::RequestTimerReset { .. } | Event::RequestTimerCancel(_) => {}
            }
        }
        Ok(received)
    }
}
