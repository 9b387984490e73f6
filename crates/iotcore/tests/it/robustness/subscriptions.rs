//! Subscription bombs: as many filters as are allowed, as deep and as wild as they go, on many connections; and subscriptions that
//! come and go.

use rumqttc::{QoS, SubscribeFilterInput, SubscribeReasonCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Bystander, settled};
use crate::common::{Client, Identity, PATIENCE, World};
use crate::limits::{connect_packet, raw};

const CONNECTIONS: usize = 40;
const LEVELS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// One of the 2⁸ filters of eight levels that match the topic of all eight; the last of them are wild.
fn filter(number: usize) -> String {
    let level = |(at, name): (usize, &&'static str)| if number >> (7 - at) & 1 == 1 { "+" } else { *name };
    LEVELS.iter().enumerate().map(level).collect::<Vec<_>>().join("/")
}

/// A client with 50 subscriptions, all of which match.
async fn bomber(device: &Identity, number: usize) -> Client {
    let mut options = device.options();
    options.set_client_id(format!("bomber-{number}"));
    let client = Client::connect(options).await.unwrap();
    // Each begins elsewhere, so that together they have all 256.
    let filters: Vec<_> =
        (0..48).map(|at| filter((number * 48 + at) % 256)).chain(["+/+/+/+/+/+/+/#".into(), "#".into()]).collect();
    for some in filters.chunks(8) {
        let inputs = some.iter().map(|filter| SubscribeFilterInput::new(filter.clone(), QoS::AtLeastOnce));
        let notice = client.mqtt.subscribe_many_tracked(inputs).await.unwrap();
        let codes = timeout(PATIENCE, notice.wait_async()).await.unwrap().unwrap().return_codes;
        assert_eq!(codes, vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); some.len()]);
    }
    assert_eq!(client.subscribe("one/more", QoS::AtLeastOnce).await, [SubscribeReasonCode::Failure]);
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_wild_subscriptions_hold_up_nobody() {
    let world = World::start().await;
    // Not among those that `#` sends to the bombers: its own messages would reach them.
    let bystander = Bystander::start(&world).await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iot:Connect", "iot:Subscribe", "iot:Publish"], "Resource": "*"},
        {"Effect": "Allow", "Action": "iot:Receive", "Resource": "arn:aws:iot:*:*:topic/a/*"}]}"#;
    let device = world.device_with("bomber", policy).await;
    let mut bombers = Vec::new();
    for number in 0..CONNECTIONS {
        bombers.push(bomber(&device, number).await);
    }
    bystander.is_joined().await;
    let publisher = device.connect().await;
    let topic = LEVELS.join("/");
    for round in 0..50_u32 {
        publisher.publish(&topic, round.to_string(), QoS::AtLeastOnce).await;
    }
    // Each has each message once, whichever of its filters match.
    for bomber in &mut bombers {
        for round in 0..50_u32 {
            assert_eq!(bomber.receive_text().await, (topic.clone(), round.to_string()));
        }
    }
    bystander.is_joined().await;
    for bomber in bombers {
        bomber.disconnect().await;
    }
    publisher.disconnect().await;
    bystander.was_served().await;
    settled(&world, 0).await;
    // Nobody is left to get it.
    let before = world.core.stats().messages_out;
    let last = device.connect().await;
    last.publish(&topic, "", QoS::AtLeastOnce).await;
    assert_eq!(world.core.stats().messages_out, before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_come_and_go_hold_up_nobody() {
    const ROUNDS: u16 = 2000;
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let device = world.device("restless").await;
    let mut restless = raw(&device).await;
    restless.write_all(&connect_packet("restless")).await.unwrap();
    let wild = b"\x00\x0f+/+/+/+/+/+/+/+";
    let mut packets = Vec::new();
    for round in 1..=ROUNDS {
        let [high, low] = round.to_be_bytes();
        packets.extend([&[0x82, 20, high, low][..], wild, &[1]].concat());
        packets.extend([&[0xA2, 19, high, low][..], wild].concat());
    }
    let (mut answers, mut asking) = tokio::io::split(restless);
    let writing = tokio::spawn(async move {
        asking.write_all(&packets).await.unwrap();
        asking
    });
    // CONNACK, then a SUBACK of five bytes and an UNSUBACK of four for each.
    let mut bytes = vec![0; 4 + 9 * usize::from(ROUNDS)];
    timeout(PATIENCE, answers.read_exact(&mut bytes)).await.unwrap().unwrap();
    for (round, pair) in (1..=ROUNDS).zip(bytes[4..].chunks_exact(9)) {
        let [high, low] = round.to_be_bytes();
        assert_eq!(pair, [0x90, 3, high, low, 1, 0xB0, 2, high, low]);
    }
    bystander.is_joined().await;
    // Nothing of it is left: a message that it would have had goes to nobody.
    let publisher = world.device("publisher").await.connect().await;
    bystander.was_served().await;
    let before = world.core.stats().messages_out;
    publisher.publish(&LEVELS.join("/"), "", QoS::AtLeastOnce).await;
    assert_eq!(world.core.stats().messages_out, before);
    publisher.disconnect().await;
    drop((answers, writing.await.unwrap()));
    settled(&world, 0).await;
    world.stop().await;
}
