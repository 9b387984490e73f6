//! AWS's limits, and what is refused: each seen from the client's side.

use std::sync::Arc;

use rumqttc::{PublishOptions, QoS, SubscribeFilterInput, SubscribeReasonCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::common::{Client, Identity, World};

pub(crate) async fn raw(identity: &Identity) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity.root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
        )
        .unwrap();
    let tcp = TcpStream::connect(identity.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// CONNECT of MQTT 3.1.1, clean session, keep-alive 60 s.
pub(crate) fn connect_packet(client_id: &str) -> Vec<u8> {
    let mut packet = vec![0x10, 12 + client_id.len() as u8, 0, 4];
    packet.extend(b"MQTT\x04\x02\x00\x3c");
    packet.extend([0, client_id.len() as u8]);
    packet.extend(client_id.as_bytes());
    packet
}

/// What the broker answers before it closes.
async fn answer(identity: &Identity, bytes: &[u8]) -> Vec<u8> {
    let mut stream = raw(identity).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(crate::common::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_versions_and_broken_packets_are_refused() {
    let world = World::start().await;
    let device = world.device("a").await;
    let v6 = b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a";
    assert_eq!(answer(&device, v6).await, [0x20, 2, 0, 1]);
    assert_eq!(answer(&device, b"\x30\x03\x00\x01a").await, b"", "PUBLISH before CONNECT");
    assert_eq!(answer(&device, b"GET / HTTP/1.1\r\n\r\n").await, b"");
    let twice = [connect_packet("a"), connect_packet("a")].concat();
    assert_eq!(answer(&device, &twice).await, [0x20, 2, 0, 0]);
    // A length beyond the limit is refused before its bytes are there.
    let huge = [connect_packet("a"), b"\x30\xff\xff\xff\x7f".to_vec()].concat();
    assert_eq!(answer(&device, &huge).await, [0x20, 2, 0, 0]);
    assert_eq!(answer(&device, &connect_packet("")).await, [0x20, 2, 0, 2]);
    // A will of QoS 2, and one on a reserved topic: refused, and said so.
    let will =
        |flags: u8| [b"\x10\x12\x00\x04MQTT\x04".as_slice(), &[flags], b"\x00\x3c\x00\x01a\x00\x01w\x00\x00"].concat();
    assert_eq!(answer(&device, &will(0b0001_0110)).await, [0x20, 2, 0, 5]);
    let reserved = b"\x10\x14\x00\x04MQTT\x04\x06\x00\x3c\x00\x01a\x00\x03$aw\x00\x00";
    assert_eq!(answer(&device, reserved).await, [0x20, 2, 0, 5]);
    // What is malformed has no answer. MQTT 3.1.1 section 3.1.4.
    assert_eq!(answer(&device, &will(0b0001_1110)).await, b"");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_2_ends_the_connection() {
    let world = World::start().await;
    let device = world.device("a").await;
    let client = device.connect().await;
    client.mqtt.publish("x", "", PublishOptions::exactly_once()).await.unwrap();
    client.closed().await;
    let client = device.connect().await;
    client.mqtt.subscribe("x", QoS::ExactlyOnce).await.unwrap();
    client.closed().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_topics_and_client_ids_have_their_sizes() {
    let world = World::start().await;
    let device = world.device("a").await;
    let mut client = device.connect().await;
    client.subscribe("big", QoS::AtLeastOnce).await;
    client.publish("big", vec![b'x'; 128 * 1024], QoS::AtLeastOnce).await;
    assert_eq!(client.receive().await.payload.len(), 128 * 1024);
    client.mqtt.publish("big", vec![b'x'; 128 * 1024 + 1], PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    let client = device.connect().await;
    client.mqtt.publish("1/2/3/4/5/6/7/8/9", "", PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    let mut options = device.options();
    options.set_client_id("x".repeat(128));
    Client::connect(options).await.unwrap();
    let mut options = device.options();
    options.set_client_id("x".repeat(129));
    assert!(Client::connect(options).await.is_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_are_counted() {
    let world = World::start().await;
    let device = world.device("a").await;
    let client = device.connect().await;
    for number in 0..50 {
        let codes = client.subscribe(&format!("t/{number}"), QoS::AtMostOnce).await;
        assert_eq!(codes, [SubscribeReasonCode::Success(QoS::AtMostOnce)]);
    }
    assert_eq!(client.subscribe("t/50", QoS::AtMostOnce).await, [SubscribeReasonCode::Failure]);
    assert_eq!(client.subscribe("t/0", QoS::AtLeastOnce).await, [SubscribeReasonCode::Success(QoS::AtLeastOnce)]);
    client.mqtt.unsubscribe_tracked("t/0").await.unwrap().wait_async().await.unwrap();
    assert_eq!(client.subscribe("t/50", QoS::AtMostOnce).await, [SubscribeReasonCode::Success(QoS::AtMostOnce)]);
    let nine = (0..9).map(|number| SubscribeFilterInput::new(format!("n/{number}"), QoS::AtMostOnce));
    client.mqtt.subscribe_many(nine).await.unwrap();
    client.closed().await;
    world.stop().await;
}
