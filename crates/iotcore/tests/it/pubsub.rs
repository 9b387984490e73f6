//! Publish and subscribe, wildcards, wills, retained messages, takeover.

use rumqttc::{LastWill, PublishOptions, QoS, SubscribeReasonCode};

use crate::common::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_qualities_of_service_both_ways() {
    let world = World::start().await;
    let (mut a, mut b) = (world.device("a").await.connect().await, world.device("b").await.connect().await);
    for (publisher, granted) in [(QoS::AtMostOnce, QoS::AtMostOnce), (QoS::AtLeastOnce, QoS::AtLeastOnce)] {
        let level = publisher as u8;
        assert_eq!(b.subscribe(&format!("to-b/{level}"), granted).await, [SubscribeReasonCode::Success(granted)]);
        assert_eq!(a.subscribe(&format!("to-a/{level}"), granted).await, [SubscribeReasonCode::Success(granted)]);
        a.publish(&format!("to-b/{level}"), "hello", publisher).await;
        let received = b.receive().await;
        assert_eq!((&*received.payload, received.qos, received.retain), (&b"hello"[..], granted, false));
        b.publish(&format!("to-a/{level}"), "hello back", publisher).await;
        assert_eq!(a.receive().await.payload, "hello back");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lower_quality_of_service_counts() {
    let world = World::start().await;
    let (a, mut b) = (world.device("a").await.connect().await, world.device("b").await.connect().await);
    b.subscribe("low", QoS::AtMostOnce).await;
    b.subscribe("high", QoS::AtLeastOnce).await;
    a.publish("low", "1", QoS::AtLeastOnce).await;
    assert_eq!(b.receive().await.qos, QoS::AtMostOnce);
    a.publish("high", "0", QoS::AtMostOnce).await;
    assert_eq!(b.receive().await.qos, QoS::AtMostOnce);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wildcards_match_and_overlapping_ones_deliver_once() {
    let world = World::start().await;
    let (a, mut b) = (world.device("a").await.connect().await, world.device("b").await.connect().await);
    for filter in ["home/+/light", "home/#", "home/kitchen/light"] {
        b.subscribe(filter, QoS::AtLeastOnce).await;
    }
    a.publish("house/kitchen/light", "no", QoS::AtLeastOnce).await;
    a.publish("home/kitchen/light", "once", QoS::AtLeastOnce).await;
    // Not as the standard has it.
    a.publish("home", "a parent", QoS::AtLeastOnce).await;
    a.publish("home/", "an empty level", QoS::AtLeastOnce).await;
    assert_eq!(b.receive_text().await, ("home/kitchen/light".into(), "once".into()));
    assert_eq!(b.receive_text().await, ("home/".into(), "an empty level".into()));
    b.mqtt.unsubscribe_tracked("home/#").await.unwrap().wait_async().await.unwrap();
    a.publish("home/", "unsubscribed", QoS::AtLeastOnce).await;
    a.publish("home/hall/light", "still", QoS::AtLeastOnce).await;
    assert_eq!(b.receive_text().await, ("home/hall/light".into(), "still".into()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_at_the_beginning_matches_no_topic_of_the_broker() {
    let world = World::start().await;
    let (mut a, mut b) = (world.device("a").await.connect().await, world.device("b").await.connect().await);
    for filter in ["#", "+/events/#", "+/events/presence/connected/+"] {
        a.subscribe(filter, QoS::AtLeastOnce).await;
    }
    b.subscribe("$aws/events/presence/connected/c", QoS::AtLeastOnce).await;
    let c = world.device("c").await.connect().await;
    assert_eq!(b.receive_json("$aws/events/presence/connected/c").await["clientId"], "c");
    c.publish("x", "of clients", QoS::AtLeastOnce).await;
    assert_eq!(a.receive_text().await, ("x".into(), "of clients".into()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept() {
    let world = World::start().await;
    let (a, mut b) = (world.device("a").await.connect().await, world.device("b").await.connect_persistent().await);
    b.subscribe("numbers", QoS::AtLeastOnce).await;
    for number in 0..500_u32 {
        a.mqtt.publish("numbers", number.to_string(), PublishOptions::at_least_once()).await.unwrap();
    }
    for number in 0..500_u32 {
        assert_eq!(b.receive_text().await.1, number.to_string());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_is_published_unless_the_client_says_goodbye() {
    let world = World::start().await;
    let mut watcher = world.device("watcher").await.connect().await;
    watcher.subscribe("wills", QoS::AtLeastOnce).await;
    let device = world.device("a").await;
    let will = LastWill::new("wills", "a is lost", QoS::AtLeastOnce, false);
    device.connect_with_will(will.clone()).await.disconnect().await;
    world.gone("a").await;
    device.connect_with_will(will.clone()).await.vanish().await;
    assert_eq!(watcher.receive_text().await.1, "a is lost");
    // Taking over ends the first connection without a DISCONNECT.
    let first = device.connect_with_will(will).await;
    let _second = device.connect().await;
    first.closed().await;
    assert_eq!(watcher.receive_text().await.1, "a is lost");
    watcher.publish("wills", "that is all", QoS::AtLeastOnce).await;
    assert_eq!(watcher.receive_text().await.1, "that is all");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_retained_message_greets_new_subscribers() {
    let world = World::start().await;
    let a = world.device("a").await.connect().await;
    for (topic, payload) in
        [("state/a", "old"), ("state/a", "new"), ("state/b", "b"), ("state/c", "c"), ("state/c", "")]
    {
        a.publish_with(topic, payload, PublishOptions::at_least_once().retained()).await;
    }
    let b = world.device("b").await;
    for persistent in [false, true] {
        let mut client = if persistent { b.connect_persistent().await } else { b.connect().await };
        // For its exact topic only: AWS differs from the standard.
        for (filter, expected) in
            [("state/+", None), ("state/a", Some("new")), ("state/b", Some("b")), ("state/c", None)]
        {
            client.subscribe(filter, QoS::AtLeastOnce).await;
            if let Some(expected) = expected {
                let received = client.receive().await;
                assert!(received.retain);
                assert_eq!(received.payload, expected);
            }
        }
        a.publish("state/a", "live", QoS::AtLeastOnce).await;
        let received = client.receive().await;
        assert_eq!((&*received.payload, received.retain), (&b"live"[..], false));
        client.disconnect().await;
    }
    let data = world.stop().await;
    let world = World::at(data, Default::default()).await;
    let mut client = b.at(world.address).connect().await;
    client.subscribe("state/a", QoS::AtMostOnce).await;
    assert_eq!(client.receive_text().await.1, "new");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_too_many_messages_are_retained_a_further_one_is_delivered_and_not_kept() {
    let world = World::start().await;
    let identity = world.device("a").await;
    let data = world.close().await;
    let full = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                INSERT INTO retained (topic, payload, qos, updated_ms) SELECT 'full/' || i, x'00', 0, 0 FROM n";
    rusqlite::Connection::open(data.path().join("iot/iotcore.db")).unwrap().execute_batch(full).unwrap();
    let world = World::at(data, Default::default()).await;
    let mut a = identity.at(world.address).connect().await;
    let retained = PublishOptions::at_least_once().retained();
    a.subscribe("one/more", QoS::AtLeastOnce).await;
    a.publish_with("one/more", "too many", retained).await;
    assert_eq!(a.receive_text().await.1, "too many");
    assert_eq!(world.core.stats().dropped_retained, 1);
    // What is there can be replaced, and makes room when it is removed.
    a.publish_with("full/1", "replaced", retained).await;
    a.publish_with("full/2", "", retained).await;
    a.publish_with("one/less", "kept", retained).await;
    for (topic, payload) in [("one/more", None), ("full/1", Some("replaced")), ("one/less", Some("kept"))] {
        a.subscribe(topic, QoS::AtLeastOnce).await;
        if let Some(payload) = payload {
            assert_eq!(a.receive_text().await, (topic.into(), payload.into()));
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_id_has_one_connection() {
    let world = World::start().await;
    let device = world.device("a").await;
    let first = device.connect().await;
    let mut second = device.connect().await;
    first.closed().await;
    second.subscribe("x", QoS::AtLeastOnce).await;
    second.publish("x", "here", QoS::AtLeastOnce).await;
    assert_eq!(second.receive_text().await.1, "here");
    assert_eq!(world.core.stats().connections, 1);
    assert!(world.core.delete_connection("a"));
    second.closed().await;
    world.gone("a").await;
    assert!(!world.core.delete_connection("a"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_itself_publishes() {
    let world = World::start().await;
    let mut a = world.device("a").await.connect().await;
    a.subscribe("from/core", QoS::AtLeastOnce).await;
    let topic = marvain_iotcore::topic::TopicName::parse("from/core").unwrap();
    world.core.publish(topic, "hi".into(), marvain_iotcore::QoS::AtLeastOnce, false).await.unwrap();
    assert_eq!(a.receive_text().await.1, "hi");
    world.stop().await;
}
