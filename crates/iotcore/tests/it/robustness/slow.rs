//! Subscribers that do not read, and connections that do nothing.

use rumqttc::{PublishOptions, QoS};
use tokio::io::AsyncWriteExt;

use crate::common::{Client, World};
use crate::limits::{connect_packet, raw};
use crate::persistence::unacknowledging;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_holds_up_neither_publishers_nor_others() {
    let world = World::start().await;
    // It subscribes to everything, with QoS 0 and QoS 1, and never reads.
    let mut slow = raw(&world.device("slow").await).await;
    slow.write_all(&connect_packet("slow")).await.unwrap();
    slow.write_all(b"\x82\x10\x00\x01\x00\x04big0\x00\x00\x04big1\x01").await.unwrap();
    let watching = world.device("watching").await;
    let mut watcher = watching.connect().await;
    watcher.subscribe("$aws/events/presence/disconnected/slow", QoS::AtLeastOnce).await;
    let mut fast = world.device("fast").await.connect().await;
    fast.subscribe("big0", QoS::AtLeastOnce).await;
    let publisher = world.device("publisher").await.connect().await;
    let payload = vec![b'x'; 100 * 1024];
    for _ in 0..100 {
        publisher.mqtt.publish("big0", payload.clone(), PublishOptions::at_least_once()).await.unwrap();
        fast.receive().await;
    }
    let stats = world.core.stats();
    assert!(stats.dropped_qos0 > 0, "{stats:?}");
    assert!(world.core.connection("slow").is_some());
    // Without a persistent session there is nowhere to keep its QoS 1 messages.
    for _ in 0..100 {
        publisher.publish("big1", payload.clone(), QoS::AtLeastOnce).await;
    }
    let event = watcher.receive_json("$aws/events/presence/disconnected/slow").await;
    assert_eq!(event["disconnectReason"], "THROTTLED");
    drop(slow);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_persistent_subscriber_loses_nothing() {
    let world = World::start().await;
    let mut slow = Client::connect(unacknowledging(&world.device("slow").await)).await.unwrap();
    slow.subscribe("big", QoS::AtLeastOnce).await;
    let publisher = world.device("publisher").await.connect().await;
    // More than may be on its way to it, and more than its mailbox holds, in messages of a kind that show their order.
    for number in 0..300_u32 {
        publisher.publish("big", format!("{number}:{}", "x".repeat(20 * 1024)), QoS::AtLeastOnce).await;
    }
    assert_eq!(world.core.stats().queued, 300);
    for number in 0..300_u32 {
        let publish = slow.receive().await;
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        assert_eq!(payload.split(':').next(), Some(&*number.to_string()));
        slow.mqtt.ack(&publish).await.unwrap();
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_idle_connections_are_no_burden() {
    let world = World::start().await;
    let device = world.device("many").await;
    let mut idle = Vec::new();
    for number in 0..500 {
        let mut stream = raw(&device).await;
        stream.write_all(&connect_packet(&format!("idle-{number}"))).await.unwrap();
        idle.push(stream);
    }
    let mut busy = device.connect().await;
    busy.subscribe("x", QoS::AtLeastOnce).await;
    for _ in 0..100 {
        busy.publish("x", "", QoS::AtLeastOnce).await;
        busy.receive().await;
    }
    // The last CONNECTs may still be on their way.
    while world.core.stats().connections < 501 {
        tokio::task::yield_now().await;
    }
    world.stop().await;
}
