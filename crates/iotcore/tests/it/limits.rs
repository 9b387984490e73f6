//! AWS's limits, and what is refused: each seen from the client's side.

use std::sync::Arc;

use marvain_iotcore::Status;
use mqtt_protocol_core::mqtt::packet::SubOpts;
use rumqttc::{PublishOptions, QoS, SubscribeFilterInput, SubscribeReasonCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::common::{Client, Identity, Setup, World};
use crate::peer5::{self, Peer};

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
    assert_eq!(answer(&device, b"\x10\x0b\x00\x02hj\x04\x02\x00\x3c\x00\x01a").await, [0x20, 2, 0, 1]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_longer_trusted_is_told_nothing() {
    let world = World::start().await;
    let device = world.device("a").await;
    world.core.update_certificate(device.id, Status::Inactive).await.unwrap();
    assert_eq!(answer(&device, &connect_packet("a")).await, b"");
    let core = world.core.clone();
    world.stop().await;
    assert_eq!(core.stats().refused, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_connection_says_whether_it_or_what_it_did_was_not_allowed() {
    let world = World::start().await;
    let mut watcher = world.device("watcher").await.connect().await;
    watcher.subscribe("$aws/events/presence/disconnected/pi", QoS::AtLeastOnce).await;
    let connect_only =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}}"#;
    let device = world.device_with("pi", connect_only).await;
    for reason in ["AUTH_ERROR", "FORBIDDEN_ACCESS"] {
        let client = device.connect().await;
        if reason == "AUTH_ERROR" {
            client.mqtt.publish("not/mine", "", PublishOptions::at_most_once()).await.unwrap();
        } else {
            world.core.update_certificate(device.id, Status::Revoked).await.unwrap();
        }
        client.closed().await;
        let event = watcher.receive_json("$aws/events/presence/disconnected/pi").await;
        assert_eq!(event["disconnectReason"], reason);
    }
    world.stop().await;
}

/// A PUBLISH of MQTT 3.1.1 with QoS 1.
fn publish_packet(topic: &str, payload: &[u8], packet_id: u16) -> Vec<u8> {
    let mut packet = vec![0x32];
    let mut left = 2 + topic.len() + 2 + payload.len();
    while left > 127 {
        packet.push(left as u8 | 0x80);
        left >>= 7;
    }
    packet.push(left as u8);
    packet.extend((topic.len() as u16).to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend(packet_id.to_be_bytes());
    packet.extend(payload);
    packet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_fast_waits_and_loses_nothing() {
    let world = World::with(Setup { aws_rates: true, ..Setup::default() }).await;
    let mut subscriber = world.device("subscriber").await.connect().await;
    subscriber.subscribe("fast", QoS::AtLeastOnce).await;
    let mut fast = raw(&world.device("fast").await).await;
    fast.write_all(&connect_packet("fast")).await.unwrap();
    // Many at once, then much at once.
    let small = (1..=150_u16).flat_map(|id| publish_packet("fast", id.to_string().as_bytes(), id));
    fast.write_all(&small.collect::<Vec<_>>()).await.unwrap();
    for id in 1..=150_u16 {
        assert_eq!(subscriber.receive_text().await.1, id.to_string());
    }
    assert!(world.core.stats().throttled > 0);
    let padding = "x".repeat(100 * 1024);
    let big = (151..=162_u16).flat_map(|id| publish_packet("fast", format!("{id}:{padding}").as_bytes(), id));
    let big: Vec<_> = big.collect();
    let writing = tokio::spawn(async move {
        fast.write_all(&big).await.unwrap();
        fast
    });
    for id in 151..=162_u16 {
        assert_eq!(subscriber.receive_text().await.1.split(':').next(), Some(&*id.to_string()));
    }
    assert_eq!(world.core.stats().messages_in, 162);
    drop(writing.await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_has_ten_requests_of_a_connection_in_flight() {
    let world = World::with(Setup { aws_rates: true, ..Setup::default() }).await;
    let mut device = world.device("pi").await.connect().await;
    for reply in ["accepted", "rejected"] {
        device.subscribe(&format!("$aws/things/pi/shadow/update/{reply}"), QoS::AtLeastOnce).await;
    }
    let update = |token: u32| format!(r#"{{"state": {{"reported": {{"n": {token}}}}}, "clientToken": "t{token}"}}"#);
    // Nothing is answered while somebody else holds the database.
    let blocker = rusqlite::Connection::open(world.data.path().join("iot/iotcore.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (topic, options) = ("$aws/things/pi/shadow/update", PublishOptions::at_least_once());
    let mut notices = Vec::new();
    for token in 1..=11 {
        notices.push(device.mqtt.publish_tracked(topic, update(token), options).await.unwrap());
    }
    device.mqtt.publish("the/last", "", PublishOptions::at_most_once()).await.unwrap();
    while world.core.stats().messages_in < 12 {
        tokio::task::yield_now().await;
    }
    blocker.execute_batch("ROLLBACK").unwrap();
    for token in 1..=10 {
        let accepted = device.receive_json("$aws/things/pi/shadow/update/accepted").await;
        assert_eq!(accepted["clientToken"], format!("t{token}"));
    }
    let rejected = device.receive_json("$aws/things/pi/shadow/update/rejected").await;
    assert_eq!((rejected["code"].as_u64(), rejected["clientToken"].as_str()), (Some(429), Some("t11")));
    // Answered, all of them: there is room again.
    for notice in notices {
        notice.wait_completion_async().await.unwrap();
    }
    device.publish(topic, update(12), QoS::AtLeastOnce).await;
    assert_eq!(device.receive_json("$aws/things/pi/shadow/update/accepted").await["version"], 11);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_5_is_told_that_a_message_is_not_retained() {
    let world = World::start().await;
    let identity = world.device("a").await;
    let data = world.close().await;
    let full = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                INSERT INTO retained (topic, payload, qos, updated_ms) SELECT 'full/' || i, x'00', 0, 0 FROM n";
    rusqlite::Connection::open(data.path().join("iot/iotcore.db")).unwrap().execute_batch(full).unwrap();
    let world = World::at(data, Setup::default()).await;
    let (mut peer, _) = Peer::connect(&identity.at(world.address), peer5::connect("a")).await;
    peer.subscribe("one/more", peer5::qos1()).await;
    assert_eq!(peer.publish("one/more", "too many", Vec::new(), true).await, 0x97);
    assert_eq!(peer.take().await.text(), ("one/more", "too many"));
    assert_eq!(peer.publish("full/1", "replaced", Vec::new(), true).await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_qos_0_does_not_hold_up_qos_1() {
    let world = World::start().await;
    let (mut slow, _) = Peer::connect(&world.device("slow").await, peer5::connect("slow")).await;
    slow.subscribe("flood", SubOpts::new()).await;
    slow.subscribe("one", peer5::qos1()).await;
    let publisher = world.device("publisher").await.connect().await;
    // It does not read, until as many wait for it as may.
    while world.core.stats().dropped_qos0 == 0 {
        publisher.publish("flood", vec![b'x'; 100 * 1024], QoS::AtLeastOnce).await;
    }
    publisher.publish("one", "", QoS::AtLeastOnce).await;
    while slow.receive().await.topic != "one" {}
    assert_eq!(slow.receive().await.topic, "flood");
    world.stop().await;
}
