//! From accepted socket to CONNACK: handshake, certificate, CONNECT, permission, session.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::{Packet, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::connection::Connection;
use super::grants::Grants;
use super::live::Connected;
use super::mailbox::Mailbox;
use super::reader::Reader;
use super::router::Session;
use super::wire::{Wire, WireError};
use super::{Broker, sessions};
use crate::ids::{CertificateId, Status};
use crate::lifecycle;
use crate::limits::{CLIENT_ID_BYTES_MAX, CONNECT_TIMEOUT, KEEP_ALIVE_MAX, KEEP_ALIVE_MIN, PAYLOAD_BYTES_MAX};
use crate::message::{Message, QoS};
use crate::policy::{Action, Resource};
use crate::registry::principal::status;
use crate::store::{StoreError, Tx};
use crate::topic::{TopicError, TopicName};

/// Why a peer did not reach CONNACK.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("nothing complete was heard in time")]
    Timeout,
    #[error("no client certificate")]
    NoCertificate,
    #[error("certificate `{0}` is not registered and active")]
    Certificate(CertificateId),
    #[error("the first packet is not CONNECT")]
    NoConnect,
    #[error("protocol version {0} is not spoken here")]
    Version(u8),
    #[error("the client id has {0} bytes; 1 to {CLIENT_ID_BYTES_MAX} are allowed")]
    ClientId(usize),
    #[error("certificate `{0}` may not connect as `{1}`")]
    Connect(CertificateId, Arc<str>),
    #[error("the will of `{0}` is not allowed")]
    WillForbidden(Arc<str>),
    #[error("the will's topic is not valid: {0}")]
    WillTopic(#[from] TopicError),
    #[error("the will's QoS or payload is over the limit")]
    Will,
    #[error("another connection has taken the client id")]
    TakenOver,
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    #[error("cannot keep the session: {0}")]
    Store(#[from] StoreError),
}

impl Refusal {
    /// The code of the CONNACK, if there is to be one. MQTT 3.1.1 section 3.2.2.3.
    fn return_code(&self) -> Option<ConnectReturnCode> {
        match self {
            Self::ClientId(_) => Some(ConnectReturnCode::IdentifierRejected),
            Self::Certificate(_) | Self::Connect(..) | Self::WillForbidden(_) => Some(ConnectReturnCode::NotAuthorized),
            Self::Store(_) => Some(ConnectReturnCode::ServerUnavailable),
            _ => None,
        }
    }
}

/// A peer that has shown a certificate and sent its CONNECT.
pub(crate) struct Established {
    certificate_id: CertificateId,
    connect: v3_1_1::Connect,
    wire: Wire,
    reader: Reader<ReadHalf<TlsStream<TcpStream>>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
}

/// Nothing here outlives a cancellation.
pub(crate) async fn establish(broker: &Arc<Broker>, stream: TcpStream) -> Result<Established, Refusal> {
    stream.set_nodelay(true)?;
    let stream = match timeout(CONNECT_TIMEOUT, broker.tls.accept(stream)).await {
        Ok(accepted) => accepted.map_err(Refusal::Handshake)?,
        Err(_) => return Err(Refusal::Timeout),
    };
    // A client with Nagle's algorithm on holds its CONNECT back until its last handshake message is acknowledged: at once,
    // for nothing else is sent to it now.
    #[cfg(target_os = "linux")]
    stream.get_ref().0.set_quickack(true)?;
    let certificate_id = match stream.get_ref().1.peer_certificates() {
        Some([certificate, ..]) => CertificateId::of_der(certificate),
        _ => return Err(Refusal::NoCertificate),
    };
    match broker.store.read(move |connection| status(connection, certificate_id)).await? {
        Some(Status::Active) => {}
        _ => return Err(Refusal::Certificate(certificate_id)),
    }
    let (reader, mut writer) = split(stream);
    let (mut wire, mut reader) = (Wire::new(), Reader::new(reader));
    let read = async {
        loop {
            if let Some(packet) = reader.next(&mut wire)? {
                return Ok(packet);
            }
            reader.fill().await?;
        }
    };
    let refusal = match timeout(CONNECT_TIMEOUT, read).await {
        Ok(Ok(Packet::V3_1_1Connect(connect))) => {
            return Ok(Established { certificate_id, connect, wire, reader, writer });
        }
        Ok(Ok(Packet::V5_0Connect(_))) => {
            wire.refuse_version(mqtt_protocol_core::mqtt::Version::V5_0)?;
            Refusal::Version(5)
        }
        Ok(Ok(_)) => Refusal::NoConnect,
        Ok(Err(Refusal::Wire(WireError(MqttError::UnsupportedProtocolVersion)))) => {
            wire.refuse_version(mqtt_protocol_core::mqtt::Version::Undetermined)?;
            Refusal::Version(0)
        }
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::Timeout,
    };
    say_goodbye(&mut wire, &mut writer).await;
    Err(refusal)
}

/// Gives the connection its session. Must not be cancelled: presence is durable from here on.
pub(crate) async fn begin(broker: &Arc<Broker>, established: Established, ip: IpAddr) -> Result<Connection, Refusal> {
    let Established { certificate_id, connect, mut wire, reader, mut writer } = established;
    match prepare(broker, certificate_id, &connect, ip).await {
        Ok(Prepared { connected, session, session_present, grants }) => {
            wire.connack(ConnectReturnCode::Accepted, session_present)?;
            let silence_max = silence_max(connect.keep_alive());
            Ok(Connection::new(Arc::clone(broker), connected, session, grants, wire, reader, writer, silence_max))
        }
        Err(refusal) => {
            if let Some(code) = refusal.return_code() {
                wire.connack(code, false)?;
            }
            say_goodbye(&mut wire, &mut writer).await;
            Err(refusal)
        }
    }
}

struct Prepared {
    connected: Arc<Connected>,
    session: Arc<Session>,
    session_present: bool,
    grants: Grants,
}

async fn prepare(
    broker: &Arc<Broker>,
    certificate_id: CertificateId,
    connect: &v3_1_1::Connect,
    ip: IpAddr,
) -> Result<Prepared, Refusal> {
    let client_id: Arc<str> = connect.client_id().into();
    if !(1..=CLIENT_ID_BYTES_MAX).contains(&client_id.len()) {
        return Err(Refusal::ClientId(client_id.len()));
    }
    let grants = Grants::load(broker, certificate_id, &client_id).await?;
    if !grants.allow(broker, &client_id, Action::Connect, Resource::Client(&client_id)) {
        return Err(Refusal::Connect(certificate_id, client_id));
    }
    if broker.config.exclusive_client_ids && grants.are_under_anothers_name() {
        return Err(Refusal::Connect(certificate_id, client_id));
    }
    let will = will(broker, &grants, &client_id, connect)?;
    let mut session_identifier = [0; 16];
    broker.entropy.fill(&mut session_identifier);
    let connected = Arc::new(Connected {
        client_id,
        certificate_id,
        ip,
        since_ms: broker.clock.now_ms(),
        session_identifier: hex::encode(session_identifier),
        mailbox: Arc::new(Mailbox::new(!connect.clean_session())),
    });
    // Before the commit that marks it connected, so that a revocation finds it either there or here.
    broker.live.insert(&connected);
    let job = {
        let (broker, connected, clean) = (Arc::clone(broker), Arc::clone(&connected), connect.clean_session());
        move |tx: &mut Tx<'_>| mark_connected(tx, &broker, &connected, clean, will.as_ref())
    };
    let (session_present, session) = match broker.store.write(job).await {
        Ok(marked) => marked,
        Err(refusal) => {
            broker.live.remove(&connected);
            return Err(refusal);
        }
    };
    let session = session.get().cloned().ok_or(StoreError::Closed)?;
    Ok(Prepared { connected, session, session_present, grants })
}

fn mark_connected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Arc<Connected>,
    clean: bool,
    will: Option<&Message>,
) -> Result<(bool, sessions::SessionSlot), Refusal> {
    if status(tx.connection, connected.certificate_id)? != Some(Status::Active) {
        return Err(Refusal::Certificate(connected.certificate_id));
    }
    if !broker.live.is_current(connected) {
        return Err(Refusal::TakenOver);
    }
    let (client_id, mailbox) = (&connected.client_id, Arc::clone(&connected.mailbox));
    let session = if clean {
        sessions::discard(tx, broker, client_id)?;
        let session = broker.router.volatile_session();
        session.attach(mailbox);
        (false, Arc::new(session.into()))
    } else {
        sessions::resume(tx, broker, client_id, mailbox, broker.clock.now_ms())?
    };
    lifecycle::connected(tx, broker, connected, will)?;
    Ok(session)
}

/// The will must be what the client may publish; reserved topics are not allowed (Developer Guide, "MQTT", Last Will).
fn will(
    broker: &Broker,
    grants: &Grants,
    client_id: &Arc<str>,
    connect: &v3_1_1::Connect,
) -> Result<Option<Message>, Refusal> {
    let Some(topic) = connect.will_topic() else { return Ok(None) };
    let payload = connect.will_payload().unwrap_or_default();
    let topic = TopicName::parse(topic)?;
    let qos = match connect.will_qos() {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => return Err(Refusal::Will),
    };
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Refusal::Will);
    }
    let may = |action| grants.allow(broker, client_id, action, Resource::Topic(topic.as_str()));
    if topic.is_reserved() || !may(Action::Publish) || (connect.will_retain() && !may(Action::RetainPublish)) {
        return Err(Refusal::WillForbidden(Arc::clone(client_id)));
    }
    Ok(Some(Message { retain: connect.will_retain(), ..Message::new(topic, payload, qos) }))
}

/// How long the client may be silent: one and a half times its keep-alive, within AWS's bounds. MQTT 3.1.1 section 3.1.2.10.
fn silence_max(keep_alive_s: u16) -> Duration {
    let keep_alive = match Duration::from_secs(keep_alive_s.into()) {
        Duration::ZERO => KEEP_ALIVE_MAX,
        asked => asked.clamp(KEEP_ALIVE_MIN, KEEP_ALIVE_MAX),
    };
    keep_alive * 3 / 2
}

/// Sends what is left to send, and the end of TLS; the peer may be gone already.
pub(crate) async fn say_goodbye(wire: &mut Wire, writer: &mut WriteHalf<TlsStream<TcpStream>>) {
    let goodbye = async {
        writer.write_all_buf(&mut wire.out).await?;
        writer.shutdown().await
    };
    if let Ok(Err(error)) = timeout(GOODBYE_TIMEOUT, goodbye).await {
        tracing::debug!(%error, "goodbye");
    }
}

const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
