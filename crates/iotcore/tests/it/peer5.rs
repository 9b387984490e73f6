//! A client of MQTT 5 that sends and receives single packets, so that a test says and sees all there is in them.

use std::collections::VecDeque;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, RawPacket};
use mqtt_protocol_core::mqtt::packet::{
    GenericPacketTrait, Property, Qos, RetainHandling, SubEntry, SubOpts, UserProperty, v5_0,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::common::{Identity, PATIENCE};
use crate::limits::raw;

pub(crate) struct Peer {
    stream: TlsStream<TcpStream>,
    frames: PacketBuilder,
    received: Vec<u8>,
    /// Messages that came before the answer that was waited for.
    early: VecDeque<RawPacket>,
    last_id: u16,
}

/// A message, as a subscriber sees it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) packet_id: Option<u16>,
    pub(crate) retain: bool,
    pub(crate) props: Vec<Property>,
}

impl Received {
    pub(crate) fn text(&self) -> (&str, &str) {
        (&self.topic, std::str::from_utf8(&self.payload).unwrap())
    }

    pub(crate) fn expiry_s(&self) -> Option<u32> {
        self.props.iter().find_map(|property| match property {
            Property::MessageExpiryInterval(interval) => Some(interval.val()),
            _ => None,
        })
    }
}

/// What a CONNECT says.
#[derive(Clone)]
pub(crate) struct Asking {
    client_id: String,
    clean_start: bool,
    keep_alive_s: u16,
    props: Vec<Property>,
    will: Option<(&'static str, Qos, Vec<Property>)>,
}

/// A clean start without a session.
pub(crate) fn connect(client_id: &str) -> Asking {
    Asking { client_id: client_id.into(), clean_start: true, keep_alive_s: 60, props: Vec::new(), will: None }
}

/// Goes on with a session, and keeps it for so long.
pub(crate) fn resume(client_id: &str, expiry_s: u32) -> Asking {
    Asking { clean_start: false, ..connect(client_id) }.props(vec![expiry(expiry_s)])
}

impl Asking {
    pub(crate) fn props(self, props: Vec<Property>) -> Self {
        Self { props, ..self }
    }

    pub(crate) fn keep_alive(self, keep_alive_s: u16) -> Self {
        Self { keep_alive_s, ..self }
    }

    /// With the payload `gone`.
    pub(crate) fn will(self, topic: &'static str, qos: Qos, props: Vec<Property>) -> Self {
        Self { will: Some((topic, qos, props)), ..self }
    }

    fn build(self) -> v5_0::Connect {
        let builder = v5_0::Connect::builder()
            .client_id(self.client_id)
            .unwrap()
            .clean_start(self.clean_start)
            .keep_alive(self.keep_alive_s)
            .props(self.props);
        match self.will {
            None => builder.build().unwrap(),
            Some((topic, qos, props)) => {
                builder.will_message(topic, "gone", qos, false).unwrap().will_props(props).build().unwrap()
            }
        }
    }
}

pub(crate) fn expiry(seconds: u32) -> Property {
    mqtt_protocol_core::mqtt::packet::SessionExpiryInterval::new(seconds).unwrap().into()
}

pub(crate) fn message_expiry(seconds: u32) -> Property {
    mqtt_protocol_core::mqtt::packet::MessageExpiryInterval::new(seconds).unwrap().into()
}

pub(crate) fn user(key: &str, value: &str) -> Property {
    UserProperty::new(key, value).unwrap().into()
}

/// A PUBLISH, with QoS 1 if it has a packet id.
pub(crate) fn publish(
    topic: &str,
    payload: &str,
    packet_id: Option<u16>,
    props: Vec<Property>,
    retain: bool,
) -> v5_0::Publish {
    let qos = if packet_id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    let mut builder = v5_0::Publish::builder().qos(qos).retain(retain).payload(payload).props(props);
    if let Some(packet_id) = packet_id {
        builder = builder.packet_id(packet_id);
    }
    builder.topic_name(topic).unwrap().build().unwrap()
}

impl Peer {
    /// Connects, whatever the answer.
    pub(crate) async fn ask(identity: &Identity, connect: Asking) -> (Self, v5_0::Connack) {
        let mut peer = Self {
            stream: raw(identity).await,
            frames: PacketBuilder::new(),
            received: Vec::new(),
            early: VecDeque::new(),
            last_id: 0,
        };
        peer.send(&connect.build()).await;
        let connack = peer.next().await.unwrap().parse_exact(v5_0::Connack::parse).unwrap();
        (peer, connack)
    }

    /// Connects; says whether a session was there.
    pub(crate) async fn connect(identity: &Identity, connect: Asking) -> (Self, bool) {
        let (peer, connack) = Self::ask(identity, connect).await;
        assert_eq!(connack.reason_code() as u8, 0, "{connack}");
        (peer, connack.session_present())
    }

    pub(crate) async fn send(&mut self, packet: &impl GenericPacketTrait) {
        self.send_bytes(&packet.to_continuous_buffer()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        // What the TLS session could not hand on at once would wait for the next write.
        self.stream.flush().await.unwrap();
    }

    /// The next packet; `None` when the broker has closed.
    pub(crate) async fn next(&mut self) -> Option<RawPacket> {
        match self.early.pop_front() {
            Some(packet) => Some(packet),
            None => self.read().await,
        }
    }

    /// The next packet that is no PUBLISH: those come when they come.
    async fn answer(&mut self) -> RawPacket {
        loop {
            let packet = self.read().await.unwrap();
            if !packet.is_publish() {
                return packet;
            }
            self.early.push_back(packet);
        }
    }

    async fn read(&mut self) -> Option<RawPacket> {
        loop {
            let mut cursor = Cursor::new(&self.received[..]);
            let built =
                if self.received.is_empty() { PacketBuildResult::Incomplete } else { self.frames.feed(&mut cursor) };
            let taken = cursor.position() as usize;
            self.received.drain(..taken);
            match built {
                PacketBuildResult::Complete(packet) => return Some(packet),
                incomplete => assert!(matches!(incomplete, PacketBuildResult::Incomplete), "{incomplete:?}"),
            }
            let mut more = [0; 4096];
            match timeout(PATIENCE, self.stream.read(&mut more)).await.unwrap() {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.received.extend(&more[..count]),
            }
        }
    }

    pub(crate) async fn receive(&mut self) -> Received {
        let raw = self.next().await.unwrap();
        assert_eq!(raw.packet_type(), 3, "{raw:?}");
        let (publish, _) = v5_0::Publish::parse(raw.flags(), raw.data_as_slice().into()).unwrap();
        Received {
            topic: publish.topic_name().into(),
            payload: publish.payload().as_slice().into(),
            packet_id: publish.packet_id(),
            retain: publish.retain(),
            props: publish.props().clone(),
        }
    }

    /// The next message, which is acknowledged.
    pub(crate) async fn take(&mut self) -> Received {
        let received = self.receive().await;
        if let Some(packet_id) = received.packet_id {
            self.acknowledge(packet_id).await;
        }
        received
    }

    pub(crate) async fn acknowledge(&mut self, packet_id: u16) {
        self.send(&v5_0::Puback::builder().packet_id(packet_id).build().unwrap()).await;
    }

    /// Publishes with QoS 1 and waits for the PUBACK; gives its reason.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, props: Vec<Property>, retain: bool) -> u8 {
        self.last_id += 1;
        self.send(&publish(topic, payload, Some(self.last_id), props, retain)).await;
        let puback = self.answer().await.parse_exact(v5_0::Puback::parse).unwrap();
        assert_eq!(puback.packet_id(), self.last_id);
        puback.reason_code().map_or(0, |code| code as u8)
    }

    /// The codes of the SUBACK.
    pub(crate) async fn subscribe(&mut self, filter: &str, options: SubOpts) -> Vec<u8> {
        self.last_id += 1;
        let entries = vec![SubEntry::new(filter, options).unwrap()];
        self.send(&v5_0::Subscribe::builder().packet_id(self.last_id).entries(entries).build().unwrap()).await;
        let suback = self.answer().await.parse_exact(v5_0::Suback::parse).unwrap();
        suback.reason_codes().into_iter().map(|code| code as u8).collect()
    }

    /// The code of the DISCONNECT that comes next and is the last.
    pub(crate) async fn told_goodbye(&mut self) -> u8 {
        let raw = self.next().await.unwrap();
        assert_eq!(raw.packet_type(), 14, "{raw:?}");
        let disconnect = raw.parse_exact(v5_0::Disconnect::parse).unwrap();
        assert!(self.next().await.is_none());
        disconnect.reason_code().unwrap() as u8
    }

    pub(crate) async fn disconnect(mut self, props: Vec<Property>) {
        let reason = mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode::NormalDisconnection;
        self.send(&v5_0::Disconnect::builder().reason_code(reason).props(props).build().unwrap()).await;
        assert!(self.next().await.is_none());
    }
}

pub(crate) fn qos1() -> SubOpts {
    SubOpts::new().set_qos(Qos::AtLeastOnce)
}

pub(crate) fn greeted(handling: RetainHandling) -> SubOpts {
    qos1().set_rh(handling)
}
