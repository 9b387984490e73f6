//! Shared subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use marvain_iotcore::Stats;
use mqtt_protocol_core::mqtt::packet::ReceiveMaximum;
use parking_lot::Mutex;
use rumqttc::{PublishOptions, QoS, SubscribeReasonCode};
use tokio::time::timeout;

use crate::common::{Identity, PATIENCE, Setup, World};
use crate::peer5::{Asking, Peer, connect, qos1, resume};

/// A member of the group `g` on `t`.
async fn member(device: &Identity, asking: Asking) -> Peer {
    let (mut peer, present) = Peer::connect(device, asking).await;
    if !present {
        assert_eq!(peer.subscribe("$share/g/t", qos1()).await, [1]);
    }
    peer
}

/// Payloads in no order.
async fn take(peer: &mut Peer, count: usize) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for _ in 0..count {
        taken.insert(peer.take().await.text().1.to_owned());
    }
    taken
}

fn numbers(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|number| number.to_string()).collect()
}

/// Nothing came before the answer to a PINGREQ.
async fn has_nothing(peer: &mut Peer) {
    peer.send_bytes(&[0xC0, 0]).await;
    assert_eq!(peer.next().await.unwrap().packet_type(), 13);
}

async fn publish(publisher: &mut Peer, range: std::ops::Range<u32>) {
    for number in range {
        assert_eq!(publisher.publish("t", &number.to_string(), Vec::new(), false).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_each_group_gets_a_message_in_either_version() {
    let world = World::start().await;
    let device = world.device("a").await;
    let mut watcher = world.device("watcher").await.connect().await;
    watcher.subscribe("$aws/events/subscriptions/+/a", QoS::AtLeastOnce).await;
    let mut three = device.connect().await;
    let granted = [SubscribeReasonCode::Success(QoS::AtLeastOnce)];
    assert_eq!(three.subscribe("$share/g/t", QoS::AtLeastOnce).await, granted);
    let event = watcher.receive_json("$aws/events/subscriptions/subscribed/a").await;
    assert_eq!(event["topics"], serde_json::json!(["$share/g/t"]));
    let mut five = member(&device, connect("five")).await;
    let (mut other_group, _) = Peer::connect(&device, connect("other")).await;
    assert_eq!(other_group.subscribe("$share/h/+", qos1()).await, [1]);
    let (mut alone, _) = Peer::connect(&device, connect("alone")).await;
    // In a group and besides: both count.
    for filter in ["t", "$share/i/t"] {
        assert_eq!(alone.subscribe(filter, qos1()).await, [1]);
    }
    let (mut publisher, _) = Peer::connect(&device, connect("publisher")).await;
    publish(&mut publisher, 0..10).await;
    let mut got = take(&mut five, 5).await;
    for _ in 0..5 {
        got.insert(three.receive_text().await.1);
    }
    assert_eq!(got, numbers(0..10));
    assert_eq!(take(&mut other_group, 10).await, numbers(0..10));
    assert_eq!(take(&mut alone, 20).await, numbers(0..10));
    // Who has left gets nothing.
    three.mqtt.unsubscribe_tracked("$share/g/t").await.unwrap().wait_async().await.unwrap();
    publish(&mut publisher, 10..14).await;
    assert_eq!(take(&mut five, 4).await, numbers(10..14));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_must_be_right_and_allowed_and_nothing_retained_comes() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish", "iot:RetainPublish", "iot:Receive"], "Resource": "*"},
        {"Effect": "Allow", "Action": "iot:Subscribe",
         "Resource": ["arn:aws:iot:*:*:topicfilter/$share/g/*", "arn:aws:iot:*:*:topicfilter/$share//*"]}]}"#;
    let world = World::start().await;
    let device = world.device_with("a", policy).await;
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    assert_eq!(peer.publish("t", "retained", Vec::new(), true).await, 0);
    for (filter, code) in [
        ("$share/g/t", 1),
        ("$share/g/t", 1),
        ("$share/h/t", 0x87),
        ("t", 0x87),
        ("$share/g/t/#/t", 0x8F),
        ("$share/g/1/2/3/4/5/6/7/8/9", 0x8F),
        ("$share/g/1/2/3/4/5/6/7/8", 1),
    ] {
        assert_eq!(peer.subscribe(filter, qos1()).await, [code], "{filter}");
    }
    has_nothing(&mut peer).await;
    assert_eq!(peer.publish("t", "its own", Vec::new(), false).await, 0);
    assert_eq!(peer.take().await.text(), ("t", "its own"));
    // No Local, which a group cannot have; and no share, which breaks MQTT 5.
    for (bytes, code) in [
        (&b"\x82\x10\x00\x01\x00\x00\x0a$share/g/t\x05"[..], 0x82),
        (b"\x82\x0e\x00\x01\x00\x00\x08$share/g\x01", 0x81),
        (b"\x82\x0f\x00\x01\x00\x00\x09$share//t\x01", 0x81),
        (b"\x82\x10\x00\x01\x00\x00\x0a$share/+/t\x01", 0x81),
    ] {
        let (mut peer, _) = Peer::connect(&device, connect("a")).await;
        peer.send_bytes(bytes).await;
        assert_eq!(peer.told_goodbye().await, code, "{bytes:x?}");
    }
    let three = device.connect().await;
    for filter in ["$share/g", "$share//t", "$share/+/t", "$share/h/t"] {
        assert_eq!(three.subscribe(filter, QoS::AtLeastOnce).await, [SubscribeReasonCode::Failure], "{filter}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_without_a_session_leaves_goes_to_another() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut publisher, _) = Peer::connect(&device, connect("publisher")).await;
    let mut first = member(&device, connect("first")).await;
    publish(&mut publisher, 0..4).await;
    first.take().await;
    for _ in 0..3 {
        first.receive().await;
    }
    has_nothing(&mut first).await;
    // To one that is connected …
    let mut second = member(&device, connect("second")).await;
    drop(first);
    for number in 1..4 {
        assert_eq!(second.receive().await.text().1, number.to_string());
    }
    // … to one whose session keeps them …
    member(&device, resume("third", 3600)).await.disconnect(Vec::new()).await;
    world.gone("third").await;
    drop(second);
    world.gone("second").await;
    let mut third = member(&device, resume("third", 3600)).await;
    assert_eq!(take(&mut third, 3).await, numbers(1..4));
    has_nothing(&mut third).await;
    third.disconnect(Vec::new()).await;
    world.gone("third").await;
    // … and to nobody, if there is nobody.
    member(&device, connect("third")).await.disconnect(Vec::new()).await;
    world.gone("third").await;
    publish(&mut publisher, 4..5).await;
    let mut last = member(&device, connect("last")).await;
    publish(&mut publisher, 5..6).await;
    last.receive().await;
    drop(last);
    world.gone("last").await;
    assert_eq!(world.core.stats().dropped_shared, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_session_that_ends_goes_to_another() {
    let world = World::start().await;
    let device = world.device("a").await;
    let leave = async |world: &World, device: &Identity, asking: Asking, name: &str| {
        member(device, asking).await.disconnect(Vec::new()).await;
        world.gone(name).await;
    };
    leave(&world, &device, resume("long", 3600), "long").await;
    leave(&world, &device, resume("short", 60), "short").await;
    let (mut publisher, _) = Peer::connect(&device, connect("publisher")).await;
    // All are away: one keeps each, over a crash, too.
    publish(&mut publisher, 0..10).await;
    let world = World::at(world.kill().await, Setup::default()).await;
    let device = device.at(world.address);
    let mut long = member(&device, resume("long", 3600)).await;
    assert_eq!(take(&mut long, 5).await.len(), 5);
    has_nothing(&mut long).await;
    // It ends by its expiry: another that is connected gets the rest.
    world.clock.advance(Duration::from_secs(61));
    world.core.sweep().await.unwrap();
    take(&mut long, 5).await;
    long.disconnect(Vec::new()).await;
    world.gone("long").await;
    // By a clean start: another that is away, one that has no session, one that begins with it.
    let (mut publisher, _) = Peer::connect(&device, connect("publisher")).await;
    leave(&world, &device, resume("short", 60), "short").await;
    publish(&mut publisher, 10..20).await;
    let (short, _) = Peer::connect(&device, connect("short")).await;
    let mut long = member(&device, resume("long", 3600)).await;
    assert_eq!(take(&mut long, 10).await, numbers(10..20));
    short.disconnect(Vec::new()).await;
    long.disconnect(Vec::new()).await;
    world.gone("long").await;
    publish(&mut publisher, 20..23).await;
    let mut volatile = member(&device, connect("volatile")).await;
    Peer::connect(&device, connect("long")).await.0.disconnect(Vec::new()).await;
    assert_eq!(take(&mut volatile, 3).await, numbers(20..23));
    // By a goodbye that keeps nothing.
    let mut brief = member(&device, resume("brief", 60)).await;
    publish(&mut publisher, 23..25).await;
    brief.receive().await;
    brief.disconnect(vec![crate::peer5::expiry(0)]).await;
    assert_eq!(take(&mut volatile, 2).await, numbers(23..25));
    assert_eq!(world.core.stats().dropped_shared, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_takes_no_more_leaves_it_to_the_others() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut publisher, _) = Peer::connect(&device, connect("publisher")).await;
    let slow = connect("slow").props(vec![ReceiveMaximum::new(1).unwrap().into()]);
    let slow = member(&device, slow).await;
    let mut quick = member(&device, connect("quick")).await;
    // One on its way and eight that wait are all that the slow one can have.
    for number in 0..20 {
        let payload = format!("{number}{}", "x".repeat(120_000));
        assert_eq!(publisher.publish("t", &payload, Vec::new(), false).await, 0);
    }
    let mut got = take(&mut quick, 11).await;
    drop(slow);
    got.extend(take(&mut quick, 9).await);
    assert_eq!(got.len(), 20);
    assert_eq!(world.core.stats().dropped_shared, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_has_a_hundred_members() {
    let world = World::start().await;
    let device = world.device("a").await;
    let mut members = Vec::new();
    for number in 0..100 {
        members.push(member(&device, connect(&format!("m{number}"))).await);
    }
    let (mut further, _) = Peer::connect(&device, connect("further")).await;
    assert_eq!(further.subscribe("$share/g/t", qos1()).await, [0x97]);
    assert_eq!(further.subscribe("$share/h/t", qos1()).await, [1]);
    let last = members.last_mut().unwrap();
    assert_eq!(last.subscribe("$share/g/t", qos1()).await, [1], "it is one already");
    members.pop().unwrap().disconnect(Vec::new()).await;
    world.gone("m99").await;
    assert_eq!(further.subscribe("$share/g/t", qos1()).await, [1]);
    world.stop().await;
}

/// Payloads, and the members that got them.
type Got = Arc<Mutex<BTreeMap<String, BTreeSet<usize>>>>;

const MESSAGES: u32 = 600;
const PUBLISHERS: u32 = 3;
const MEMBERS: usize = 6;

/// What the members have.
#[derive(Clone, Copy, PartialEq)]
enum Life {
    /// Sessions that stay.
    Sessions,
    /// None; but one member stays, so that the group is never empty.
    Connections,
    /// Each time something else, sessions that are discarded among it; and one member stays.
    Anything,
}

fn asking(life: Life, number: usize, random: u64) -> Asking {
    let client_id = format!("member-{number}");
    match (life, if number == 0 { 0 } else { random % 3 }) {
        (Life::Sessions, _) | (Life::Anything, 0) => resume(&client_id, 3600),
        (Life::Connections, _) | (Life::Anything, 1) => connect(&client_id),
        (Life::Anything, _) => resume(&client_id, 0),
    }
}

/// Comes and goes, with and without a goodbye or its last acknowledgement, until it is over. Its steps come from `number`.
async fn restless(device: Identity, number: usize, life: Life, got: Got, over: Arc<AtomicBool>) {
    let mut seed = number as u64 + 1;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let stays = life != Life::Sessions && number == 0;
    while !over.load(Ordering::SeqCst) {
        let mut peer = member(&device, asking(life, number, random(3))).await;
        let mut left = if stays { u64::MAX } else { 1 + random(20) };
        while left > 0 && !over.load(Ordering::SeqCst) {
            left -= 1;
            let Ok(received) = timeout(Duration::from_millis(20), peer.receive()).await else { continue };
            got.lock().entry(received.text().1.to_owned()).or_default().insert(number);
            if left > 0 || random(2) == 0 {
                peer.acknowledge(received.packet_id.unwrap()).await;
            }
        }
        if random(3) == 0 {
            // What is on its way may come before the end.
            let goodbye = mqtt_protocol_core::mqtt::packet::v5_0::Disconnect::builder().build().unwrap();
            peer.send(&goodbye).await;
        }
        drop(peer);
        tokio::time::sleep(Duration::from_millis(random(10))).await;
    }
}

async fn storm(life: Life) -> (BTreeMap<String, BTreeSet<usize>>, Stats) {
    let world = World::start().await;
    let device = world.device("a").await;
    let (got, over) = (Got::default(), Arc::new(AtomicBool::new(false)));
    // All are members before the first message.
    for number in 0..MEMBERS {
        drop(member(&device, asking(life, number, 0)).await);
    }
    let members: Vec<_> = (0..MEMBERS)
        .map(|number| tokio::spawn(restless(device.clone(), number, life, Arc::clone(&got), Arc::clone(&over))))
        .collect();
    // The one that stays is there when it has got something.
    let first = world.device("first").await.connect().await;
    let stays = timeout(PATIENCE, async {
        while !got.lock().get("first").is_some_and(|members| members.contains(&0)) {
            first.publish("t", "first", QoS::AtLeastOnce).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    stays.await.unwrap();
    let before = world.core.stats().dropped_shared;
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let device = device.clone();
        tokio::spawn(async move {
            let mut options = device.options();
            options.set_client_id(format!("publisher-{publisher}"));
            let client = crate::common::Client::connect(options).await.unwrap();
            for number in (publisher..MESSAGES).step_by(PUBLISHERS as usize) {
                client.publish_with("t", number.to_string(), PublishOptions::at_least_once()).await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    let all = timeout(PATIENCE, async {
        while (0..MESSAGES).any(|number| !got.lock().contains_key(&number.to_string())) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let arrived = all.await;
    let mut stats = world.core.stats();
    // While nobody was there yet.
    stats.dropped_shared -= before;
    over.store(true, Ordering::SeqCst);
    for member in members {
        member.await.unwrap();
    }
    let missing: Vec<_> = (0..MESSAGES).filter(|number| !got.lock().contains_key(&number.to_string())).collect();
    assert!(arrived.is_ok(), "lost: {missing:?}");
    world.stop().await;
    let mut got = std::mem::take(&mut *got.lock());
    got.remove("first");
    (got, stats)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_of_members_with_sessions_each_message_is_one_members() {
    let (got, stats) = storm(Life::Sessions).await;
    let several: Vec<_> = got.iter().filter(|(_, members)| members.len() != 1).collect();
    assert!(several.is_empty(), "{several:?}");
    let busy: BTreeSet<_> = got.values().flatten().collect();
    assert_eq!(busy.len(), MEMBERS);
    assert_eq!((stats.dropped_shared, stats.dropped_queue_full, stats.panicked), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_of_members_without_sessions_no_message_is_lost() {
    let (_, stats) = storm(Life::Connections).await;
    assert_eq!((stats.dropped_shared, stats.panicked), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_of_sessions_that_end_no_message_is_lost() {
    let (_, stats) = storm(Life::Anything).await;
    assert_eq!((stats.dropped_shared, stats.dropped_queue_full, stats.panicked), (0, 0, 0));
}
