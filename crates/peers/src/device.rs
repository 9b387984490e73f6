//! A device with a client certificate, by MQTT 3.1.1 over TLS, at a broker on the loopback interface.
//!
//! It reads when it is asked to, so that what the broker does is seen at that point; it sends no pings, and lives shorter than its
//! keep-alive.

use mqtt_protocol_core::mqtt::{
    Connection, Version,
    common::Cursor,
    connection::Event,
    packet::{GenericPacketTrait as _, Packet, Qos, v3_1_1},
    result_code::ConnectReturnCode,
    role::Client,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use std::{collections::VecDeque, io, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Everything that is waited for comes within this, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker waits for a sign of it, in seconds.
const KEEP_ALIVE_S: u16 = 600;

/// What a device has, as PEM.
#[derive(Clone, Copy)]
pub struct DeviceFiles<'a> {
    /// The broker's root certificate.
    pub root: &'a str,
    /// Its certificate.
    pub certificate: &'a str,
    /// Its private key.
    pub key: &'a str,
}

/// A device that is connected.
pub struct Device {
    stream: TlsStream<TcpStream>,
    mqtt: Connection<Client>,
    read: VecDeque<Packet>,
}

impl Device {
    /// Connects under a client id; none if the broker does not let it in.
    ///
    /// # Panics
    /// If nothing comes of it in half a minute.
    pub async fn connect(port: u16, files: DeviceFiles<'_>, client_id: &str) -> Option<Self> {
        let begin = async {
            let mut mqtt = Connection::<Client>::new(Version::V3_1_1);
            mqtt.set_auto_pub_response(true);
            let connect = v3_1_1::Connect::builder().client_id(client_id).unwrap();
            let connect = connect.clean_session(true).keep_alive(KEEP_ALIVE_S).build().unwrap();
            let mut device = Self { stream: open(port, files).await?, mqtt, read: VecDeque::new() };
            device.send(connect.into()).await?;
            match device.next().await? {
                Packet::V3_1_1Connack(ack) if ack.return_code() == ConnectReturnCode::Accepted => Ok(device),
                other => Err(io::Error::other(format!("{other:?}"))),
            }
        };
        timeout(PATIENCE, begin).await.expect("an answer of the broker").ok()
    }

    /// Publishes with QoS 1; false if the broker ends the connection instead of taking it.
    ///
    /// # Panics
    /// If nothing comes of it in half a minute.
    pub async fn publish(&mut self, topic: &str, payload: &str) -> bool {
        let taken = async {
            let id = self.mqtt.acquire_packet_id().unwrap();
            let publish = v3_1_1::Publish::builder().topic_name(topic).unwrap().qos(Qos::AtLeastOnce).packet_id(id);
            self.send(publish.payload(payload.as_bytes()).build().unwrap().into()).await?;
            let mut before = VecDeque::new();
            loop {
                match self.next().await? {
                    Packet::V3_1_1Puback(_) => break,
                    other => before.push_back(other),
                }
            }
            self.read.extend(before);
            io::Result::Ok(())
        };
        timeout(PATIENCE, taken).await.expect("an answer of the broker").is_ok()
    }

    /// The next message: topic and payload.
    ///
    /// # Panics
    /// If none comes in half a minute, or the connection ends.
    pub async fn receive(&mut self) -> (String, Vec<u8>) {
        let message = async {
            loop {
                if let Packet::V3_1_1Publish(publish) = self.next().await.expect("a connection") {
                    break (publish.topic_name().to_owned(), publish.payload().as_slice().to_vec());
                }
            }
        };
        timeout(PATIENCE, message).await.expect("a message")
    }

    /// Waits for the broker to end the connection.
    ///
    /// # Panics
    /// If it does not in half a minute.
    pub async fn closed(mut self) {
        let ended = async { while self.next().await.is_ok() {} };
        timeout(PATIENCE, ended).await.expect("an end of the connection");
    }

    async fn send(&mut self, packet: Packet) -> io::Result<()> {
        let events = self.mqtt.send(packet);
        self.act(events).await
    }

    /// The next packet that the broker has sent.
    async fn next(&mut self) -> io::Result<Packet> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(packet) = self.read.pop_front() {
                return Ok(packet);
            }
            let read = self.stream.read(&mut bytes).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut cursor = Cursor::new(&bytes[..read]);
            while cursor.position() < read as u64 {
                let events = self.mqtt.recv(&mut cursor);
                self.act(events).await?;
            }
        }
    }

    async fn act(&mut self, events: Vec<Event>) -> io::Result<()> {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.stream.write_all(&packet.to_continuous_buffer()).await?;
                    self.stream.flush().await?;
                }
                Event::NotifyPacketReceived(packet) => self.read.push_back(packet),
                Event::NotifyError(error) => return Err(io::Error::other(format!("{error:?}"))),
                Event::RequestClose => return Err(io::ErrorKind::ConnectionAborted.into()),
                Event::NotifyPacketIdReleased(_) | Event::RequestTimerReset { .. } | Event::RequestTimerCancel(_) => {}
            }
        }
        Ok(())
    }
}

/// A TLS connection that shows the device's certificate.
async fn open(port: u16, files: DeviceFiles<'_>) -> io::Result<TlsStream<TcpStream>> {
    // Another test may have installed it.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(files.root.as_bytes()).unwrap()).unwrap();
    let certificate = CertificateDer::from_pem_slice(files.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(files.key.as_bytes()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = config.with_client_auth_cert(vec![certificate], key).unwrap();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}
