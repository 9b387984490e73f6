//! From accepted socket to CONNACK: handshake, certificate, CONNECT, permission, session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::codec::{Accepted, Connect, Expiry, Inbound, Version, Wire};
use super::connection::{Connection, Terms};
use super::grants::Grants;
use super::live::Connected;
use super::mailbox::Mailbox;
use super::reader::Reader;
use super::refusal::Refusal;
use super::router::Session;
use super::sessions::Asked;
use super::{Broker, ending, sessions};
use crate::ids::{CertificateId, Status};
use crate::lifecycle;
use crate::limits::{
    CLIENT_ID_BYTES_MAX, CONNECT_TIMEOUT, INBOUND_UNACKED_MAX, KEEP_ALIVE_MAX, KEEP_ALIVE_MIN, OUTBOUND_UNACKED_MAX,
    PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX, TOPIC_ALIASES_MAX,
};
use crate::message::{LastWill, Message};
use crate::policy::{Action, ConnectFacts, Resource};
use crate::registry::principal::status;
use crate::store::{StoreError, Tx};

/// A peer that has shown a certificate and sent its CONNECT.
pub(crate) struct Established {
    certificate_id: CertificateId,
    local: Option<SocketAddr>,
    connect: Box<Connect>,
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
    let local = stream.get_ref().0.local_addr().ok();
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
        Ok(Ok(Inbound::Connect(connect))) => {
            return Ok(Established { certificate_id, local, connect, wire, reader, writer });
        }
        Ok(Ok(_)) => Refusal::NoConnect,
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::Timeout,
    };
    refusal.tell(&mut wire);
    say_goodbye(&mut wire, &mut writer).await;
    Err(refusal)
}

/// Gives the connection its session. Must not be cancelled: presence is durable from here on.
pub(crate) async fn begin(
    broker: &Arc<Broker>,
    established: Established,
    peer: SocketAddr,
) -> Result<Connection, Refusal> {
    let Established { certificate_id, local, connect, mut wire, reader, mut writer } = established;
    match prepare(broker, certificate_id, &connect, peer, local).await {
        Ok(Prepared { connected, session, session_present, grants, expiry_s }) => {
            let keep_alive = keep_alive(connect.keep_alive_s);
            let keep_alive_s = u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX);
            wire.connack_accepted(&Accepted {
                session_present,
                session_expiry_s: (Expiry::Seconds(expiry_s) != connect.expiry).then_some(expiry_s),
                keep_alive_s: (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s),
                assigned_client_id: connect.client_id.is_empty().then_some(&connected.client_id),
                receive_max: u16::try_from(INBOUND_UNACKED_MAX).unwrap_or(u16::MAX),
                packet_bytes_max: PACKET_BYTES_MAX,
                topic_aliases_max: TOPIC_ALIASES_MAX,
                shared_subscriptions: true,
            });
            let terms = Terms {
                // MQTT 5.0 section 3.1.2.10.
                silence_max: keep_alive * 3 / 2,
                outbound_max: OUTBOUND_UNACKED_MAX.min(connect.receive_max.into()),
                expiry_s,
            };
            Ok(Connection::new(Arc::clone(broker), connected, session, grants, wire, reader, writer, terms))
        }
        Err(refusal) => {
            refusal.tell(&mut wire);
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
    expiry_s: u32,
}

async fn prepare(
    broker: &Arc<Broker>,
    certificate_id: CertificateId,
    connect: &Connect,
    peer: SocketAddr,
    local: Option<SocketAddr>,
) -> Result<Prepared, Refusal> {
    if connect.wants_authentication {
        return Err(Refusal::Authentication);
    }
    let client_id = client_id(broker, connect)?;
    // Only now, with all else there is to know: one read of the store for a connection.
    let grants = Grants::load(broker, certificate_id, &client_id).await?.seen_from(peer.ip());
    if !grants.are_active() {
        return Err(Refusal::Certificate(certificate_id));
    }
    if !grants.allow_connect(broker, &client_id, connect_facts(broker, connect)) {
        return Err(Refusal::Connect(certificate_id, client_id));
    }
    if broker.config.exclusive_client_ids && grants.are_under_anothers_name() {
        return Err(Refusal::Connect(certificate_id, client_id));
    }
    let will = will(broker, &grants, &client_id, connect)?;
    let mut session_identifier = [0; 16];
    broker.entropy.fill(&mut session_identifier);
    let asked = Asked {
        version: connect.version,
        clean_start: connect.clean_start,
        expiry_s: expiry_s(broker, connect.expiry),
    };
    let connected = Arc::new(Connected {
        client_id,
        certificate_id,
        ip: peer.ip(),
        port: peer.port(),
        local,
        keep_alive_s: connect.keep_alive_s,
        session_expiry_s: asked.expiry_s,
        since_ms: broker.clock.now_ms(),
        session_identifier: hex::encode(session_identifier),
        mailbox: Arc::new(Mailbox::new(!asked.is_volatile())),
    });
    // Before the commit that marks it connected, so that a revocation finds it either there or here.
    broker.live.announce(&connected);
    let job = {
        let (broker, connected) = (Arc::clone(broker), Arc::clone(&connected));
        move |tx: &mut Tx<'_>| mark_connected(tx, &broker, &connected, asked, will.as_ref())
    };
    let marked = broker.store.write(job).await.and_then(|(session_present, session)| {
        let session = session.get().cloned().ok_or(StoreError::Closed)?;
        Ok((session_present, session))
    });
    match marked {
        Ok((session_present, session)) => {
            Ok(Prepared { connected, session, session_present, grants, expiry_s: asked.expiry_s })
        }
        Err(refusal) => {
            broker.live.remove(&connected);
            Err(refusal)
        }
    }
}

fn mark_connected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Arc<Connected>,
    asked: Asked,
    will: Option<&LastWill>,
) -> Result<(bool, sessions::SessionSlot), Refusal> {
    if status(tx.connection, connected.certificate_id)? != Some(Status::Active) {
        return Err(Refusal::Certificate(connected.certificate_id));
    }
    ending::apply_owed(tx, broker, &connected.client_id)?;
    let mailbox = Arc::clone(&connected.mailbox);
    let (resumed, session) = sessions::begin(tx, broker, &connected.client_id, mailbox, asked)?;
    lifecycle::connected(tx, broker, connected, will, resumed)?;
    // In the order of the commits: the last one has the client id.
    let (broker, connected) = (Arc::clone(broker), Arc::clone(connected));
    tx.after_commit(move || broker.live.arrive(&connected));
    Ok((resumed, session))
}

/// The client's own id, or one that nobody else has. MQTT 5.0 section 3.1.3.1; Developer Guide, "MQTT 5 properties", assigned
/// client identifier. 3.1.1 has no way to tell it.
fn client_id(broker: &Broker, connect: &Connect) -> Result<Arc<str>, Refusal> {
    match (connect.client_id.len(), connect.version) {
        (0, Version::V5) => {
            let mut random = [0; 16];
            broker.entropy.fill(&mut random);
            Ok(URL_SAFE_NO_PAD.encode(random).into())
        }
        (1..=CLIENT_ID_BYTES_MAX, _) => Ok(connect.client_id.as_str().into()),
        (bytes, _) => Err(Refusal::ClientId(bytes)),
    }
}

/// How long the session stays: what is asked, up to what the broker allows. Developer Guide, "MQTT 5 properties", session
/// expiry interval.
fn expiry_s(broker: &Broker, asked: Expiry) -> u32 {
    let most = u32::try_from(broker.config.session_expiry_s).unwrap_or(u32::MAX);
    match asked {
        Expiry::Default => most,
        Expiry::Seconds(seconds) => seconds.min(most),
    }
}

/// What policies can ask about a CONNECT.
fn connect_facts<'a>(broker: &Broker, connect: &'a Connect) -> ConnectFacts<'a> {
    let will = connect.will.as_ref().and_then(|will| will.topic.as_ref().ok());
    ConnectFacts {
        persistent: !connect.clean_start || expiry_s(broker, connect.expiry) > 0,
        last_will_topic: will.map(|topic| topic.as_str()),
    }
}

/// The will must be what the client may publish; reserved topics are not allowed (Developer Guide, "MQTT", Last Will).
fn will(
    broker: &Broker,
    grants: &Grants,
    client_id: &Arc<str>,
    connect: &Connect,
) -> Result<Option<LastWill>, Refusal> {
    let Some(will) = &connect.will else { return Ok(None) };
    let topic = will.topic.clone()?;
    let qos = will.qos.ok_or(Refusal::WillQos)?;
    if will.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Refusal::WillPayload(will.payload.len()));
    }
    let may = |action| grants.allow(broker, client_id, action, Resource::Topic(topic.as_str()));
    if topic.is_reserved() || !may(Action::Publish) || (will.retain && !may(Action::RetainPublish)) {
        return Err(Refusal::WillForbidden(Arc::clone(client_id)));
    }
    let properties = will.properties.clone();
    let message = Message { retain: will.retain, properties, ..Message::new(topic, will.payload.clone(), qos) };
    Ok(Some(LastWill { message, delay_s: will.delay_s, expiry_s: will.expiry_s }))
}

/// The keep-alive that counts: the client's, within AWS's bounds; without one, the longest. MQTT 5.0 section 3.2.2.3.14.
fn keep_alive(asked_s: u16) -> Duration {
    match Duration::from_secs(asked_s.into()) {
        Duration::ZERO => KEEP_ALIVE_MAX,
        asked => asked.clamp(KEEP_ALIVE_MIN, KEEP_ALIVE_MAX),
    }
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
