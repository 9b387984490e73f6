//! Rules and lifecycle events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use marvain_iotcore::topic::TopicName;
use marvain_iotcore::{MessageProperties, Rule, RuleError, RuleMessage, RuleTarget};
use mqtt_protocol_core::mqtt::packet::{
    ContentType, CorrelationData, PayloadFormat, PayloadFormatIndicator, Property, Qos, ResponseTopic,
};
use rumqttc::{PublishOptions, QoS};
use tokio::sync::mpsc;

use crate::common::{Setup, World, next, rule};
use crate::peer5::{Peer, connect, qos1, user};

/// Fails until it is repaired.
struct Broken {
    repaired: AtomicBool,
    delivered: mpsc::UnboundedSender<RuleMessage>,
}

#[async_trait::async_trait]
impl RuleTarget for Broken {
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        if !self.repaired.load(Ordering::SeqCst) {
            return Err(RuleError("out of order".into()));
        }
        self.delivered.send(message).map_err(|error| RuleError(error.into()))
    }

    fn resource(&self) -> &str {
        "a bucket"
    }
}

fn broken(filter: &str) -> (Rule, Arc<Broken>, mpsc::UnboundedReceiver<RuleMessage>) {
    let (delivered, receiver) = mpsc::unbounded_channel();
    let target = Arc::new(Broken { repaired: AtomicBool::new(false), delivered });
    let filter = marvain_iotcore::topic::TopicFilter::parse(filter).unwrap();
    (
        Rule { name: "broken".into(), filter: Some(filter), target: Arc::clone(&target) as _, error: None },
        target,
        receiver,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_gets_the_message_with_its_sender_before_the_puback() {
    let (rule, mut received) = rule("dt/+/event");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let client = device.connect().await;
    client.publish("dt/pi/other", "not matched", QoS::AtLeastOnce).await;
    client.publish("dt/pi/event", vec![0, 159, 146, 150], QoS::AtLeastOnce).await;
    let message = received.try_recv().unwrap();
    assert_eq!(
        (&*message.rule, message.topic.as_str(), &*message.payload),
        ("collect", "dt/pi/event", &[0, 159, 146, 150][..])
    );
    assert_eq!((message.principal, message.client_id.as_deref()), (Some(device.id), Some("pi")));
    assert_eq!(message.received_at_ms, marvain_iotcore::Clock::now_ms(&*world.clock));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_see_the_messages_of_a_connection_in_order() {
    let (rule, mut received) = rule("#");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let client = world.device("pi").await.connect().await;
    for number in 0..300_u32 {
        client.mqtt.publish("n", number.to_string(), PublishOptions::at_least_once()).await.unwrap();
    }
    for number in 0..300_u32 {
        assert_eq!(next(&mut received).await.payload, number.to_string());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_target_a_publish_is_not_acknowledged() {
    let (rule, target, mut delivered) = broken("in/#");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let client = device.connect().await;
    // Nobody waits for the acknowledgement of QoS 0.
    client.publish("in/0", "lost", QoS::AtMostOnce).await;
    client.publish("elsewhere", "fine", QoS::AtLeastOnce).await;
    let notice =
        client.mqtt.publish_tracked("in/1", "kept by the client", PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    assert!(notice.wait_completion_async().await.is_err());
    target.repaired.store(true, Ordering::SeqCst);
    device.connect().await.publish("in/1", "kept by the client", QoS::AtLeastOnce).await;
    assert_eq!(delivered.try_recv().unwrap().payload, "kept by the client");
    world.stop().await;
}

/// Takes a message once it was asked for often enough.
struct Slow(mpsc::UnboundedSender<RuleMessage>);

#[async_trait::async_trait]
impl RuleTarget for Slow {
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.0.send(message).map_err(|error| RuleError(error.into()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_rule_keeps_nothing_from_the_others() {
    let (failing, _target, _delivered) = broken("in");
    let (sender, mut delivered) = mpsc::unbounded_channel();
    let slow = Rule { name: "slow".into(), target: Arc::new(Slow(sender)), ..failing.clone() };
    let world = World::with(Setup { rules: vec![failing, slow], ..Setup::default() }).await;
    let client = world.device("pi").await.connect().await;
    // Nobody sends it again.
    client.publish("in", "once", QoS::AtMostOnce).await;
    assert_eq!(next(&mut delivered).await.payload, "once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_refuses_the_error_action_has_before_the_puback() {
    let (failing, target, mut delivered) = broken("in/#");
    let (sender, mut reported) = mpsc::unbounded_channel();
    let failing = Rule { error: Some(Arc::new(Slow(sender))), ..failing };
    let world = World::with(Setup { rules: vec![failing], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let client = device.connect().await;
    client.publish("in/1", vec![0, 159, 146, 150], QoS::AtLeastOnce).await;
    let report = reported.try_recv().unwrap();
    assert_eq!((&*report.rule, report.topic.as_str(), report.principal), ("broken", "in/1", Some(device.id)));
    let report: serde_json::Value = serde_json::from_slice(&report.payload).unwrap();
    for (field, value) in
        [("ruleName", "broken"), ("topic", "in/1"), ("clientId", "pi"), ("base64OriginalPayload", "AJ+Slg==")]
    {
        assert_eq!(report[field], value, "{field}");
    }
    let failure = serde_json::json!([{
        "failedAction": "RuleTargetAction",
        "failedResource": "a bucket",
        "errorMessage": "the target of a rule failed: out of order",
    }]);
    assert_eq!(report["failures"], failure);
    target.repaired.store(true, Ordering::SeqCst);
    client.publish("in/2", "taken", QoS::AtLeastOnce).await;
    assert_eq!(delivered.try_recv().unwrap().payload, "taken");
    assert!(reported.try_recv().is_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_error_action_fails_too_there_is_no_puback() {
    let (failing, _target, _delivered) = broken("in/#");
    let (errors, _target, _reported) = broken("never");
    let failing = Rule { error: Some(errors.target), ..failing };
    let world = World::with(Setup { rules: vec![failing], ..Setup::default() }).await;
    let client = world.device("pi").await.connect().await;
    let notice = client.mqtt.publish_tracked("in/1", "", PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    assert!(notice.wait_completion_async().await.is_err());
    world.stop().await;
}

/// Whether it comes from a client at once, or by the outbox.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_sees_the_properties_of_mqtt_5() {
    let (rule, mut received) = rule("dt/#");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let props: Vec<Property> = vec![
        PayloadFormatIndicator::new(PayloadFormat::String).unwrap().into(),
        ContentType::new("text/plain").unwrap().into(),
        ResponseTopic::new("dt/answer").unwrap().into(),
        CorrelationData::new(vec![0, 1]).unwrap().into(),
        user("k", "1"),
        user("k", "ä"),
    ];
    let expected = MessageProperties {
        payload_is_utf8: Some(true),
        content_type: Some("text/plain".into()),
        response_topic: Some("dt/answer".into()),
        correlation_data: Some(vec![0, 1].into()),
        user_properties: vec![("k".into(), "1".into()), ("k".into(), "ä".into())],
    };
    let (mut peer, _) = Peer::connect(&device, connect("pi").will("dt/will", Qos::AtLeastOnce, props.clone())).await;
    assert_eq!(peer.publish("dt/told", "x", props, false).await, 0);
    assert_eq!(received.try_recv().unwrap().properties, expected);
    assert_eq!(peer.publish("dt/told", "x", Vec::new(), false).await, 0);
    assert_eq!(received.try_recv().unwrap().properties, MessageProperties::default());
    drop(peer);
    let will = next(&mut received).await;
    assert_eq!((will.topic.as_str(), will.properties), ("dt/will", expected));
    world.stop().await;
}

/// A policy that allows Basic Ingest for one rule.
const INGEST: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["iot:Connect", "iot:Subscribe", "iot:Receive"], "Resource": "*"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/$aws/rules/collect*"}]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_ingest_goes_to_its_rule_alone() {
    let (named, mut received) = rule("never");
    let (other, mut others) = rule("#");
    let without_filter = Rule { name: "collect_2".into(), filter: None, ..named.clone() };
    let rules = vec![named, without_filter, Rule { name: "other".into(), ..other }];
    let world = World::with(Setup { rules, ..Setup::default() }).await;
    let device = world.device_with("pi", INGEST).await;
    let (mut peer, _) = Peer::connect(&device, connect("pi")).await;
    assert_eq!(peer.subscribe("#", qos1()).await, [1]);
    // Nobody can subscribe to it, and whoever subscribes to more does not get it.
    for filter in ["$aws/rules/#", "$aws/rules/collect/home/den", "$share/group/$aws/rules/+/home/den"] {
        assert_eq!(peer.subscribe(filter, qos1()).await, [0x87], "{filter}");
    }
    assert_eq!(peer.subscribe("$aws/#", qos1()).await, [1]);
    let deep = format!("$aws/rules/collect/{}", "a/".repeat(7));
    for (topic, rule, seen) in [
        ("$aws/rules/collect/home/den", "collect", "home/den"),
        ("$aws/rules/collect_2/home/den", "collect_2", "home/den"),
        (&*deep, "collect", "a/a/a/a/a/a/a/"),
        ("$aws/rules/collect", "collect", "$aws/rules/collect"),
    ] {
        assert_eq!(peer.publish(topic, topic, Vec::new(), false).await, 0, "{topic}");
        let message = received.try_recv().unwrap();
        assert_eq!((&*message.rule, message.topic.as_str(), &*message.payload), (rule, seen, topic.as_bytes()));
        assert_eq!((message.principal, message.client_id.as_deref()), (Some(device.id), Some("pi")));
    }
    // Acknowledged, and nobody has it.
    assert_eq!(peer.publish("$aws/rules/collect_9/home/den", "", Vec::new(), false).await, 0);
    assert_eq!(world.core.stats().rule_not_found, 1);
    // The policy is asked for the whole topic; what only the broker publishes is not to be had this way; nothing is retained.
    for (topic, retain) in [
        ("$aws/rules/other/home/den", false),
        ("$aws/rules/collect/$aws/events/presence/connected/x", false),
        ("$aws/rules/collect/home/den", true),
    ] {
        assert_eq!(peer.publish(topic, "", Vec::new(), retain).await, 0x87, "{topic}");
    }
    // Subscribers get nothing, and neither does a rule whose filter would match.
    peer.send_bytes(&[0xC0, 0]).await;
    assert_eq!(peer.next().await.unwrap().packet_type(), 13);
    assert!(received.try_recv().is_err() && others.try_recv().is_err());
    // What this process publishes goes the same way.
    let topic = TopicName::parse("$aws/rules/collect/mine").unwrap();
    world.core.publish(topic, "own".into(), marvain_iotcore::QoS::AtLeastOnce, false).await.unwrap();
    assert_eq!(next(&mut received).await.topic.as_str(), "mine");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifecycle_events_wait_for_their_target() {
    let (rule, target, mut delivered) = broken("$aws/events/#");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let client = device.connect().await;
    client.subscribe("x/+", QoS::AtLeastOnce).await;
    client.disconnect().await;
    world.gone("pi").await;
    target.repaired.store(true, Ordering::SeqCst);
    let mut events = Vec::new();
    while events.len() < 3 {
        events.push(next(&mut delivered).await);
    }
    let topics: Vec<_> = events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "$aws/events/presence/connected/pi",
            "$aws/events/subscriptions/subscribed/pi",
            "$aws/events/presence/disconnected/pi"
        ]
    );
    assert!(events.iter().all(|event| event.principal == Some(device.id)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifecycle_events_say_what_aws_says() {
    let world = World::start().await;
    let mut watcher = world.device("watcher").await.connect().await;
    watcher.subscribe("$aws/events/+/+/pi", QoS::AtLeastOnce).await;
    let device = world.device("pi").await;
    let id = device.id.to_string();
    let mut session_identifiers = Vec::new();
    for (version, goodbye) in [(0, true), (1, false)] {
        let client = device.connect().await;
        let connected = watcher.receive_json("$aws/events/presence/connected/pi").await;
        assert_eq!(connected["clientId"], "pi");
        assert_eq!(connected["eventType"], "connected");
        assert_eq!(connected["principalIdentifier"], *id);
        assert_eq!(connected["ipAddress"], "127.0.0.1");
        assert_eq!(connected["versionNumber"], version);
        assert_eq!(connected["timestamp"], marvain_iotcore::Clock::now_ms(&*world.clock));
        client.subscribe("a", QoS::AtMostOnce).await;
        let subscribed = watcher.receive_json("$aws/events/subscriptions/subscribed/pi").await;
        assert_eq!(subscribed["topics"], serde_json::json!(["a"]));
        // What it was not subscribed to is no event.
        for filter in ["never", "a", "a"] {
            client.mqtt.unsubscribe_tracked(filter).await.unwrap().wait_async().await.unwrap();
        }
        let unsubscribed = watcher.receive_json("$aws/events/subscriptions/unsubscribed/pi").await;
        assert_eq!(unsubscribed["topics"], serde_json::json!(["a"]));
        if goodbye {
            client.disconnect().await;
        } else {
            client.vanish().await;
        }
        let disconnected = watcher.receive_json("$aws/events/presence/disconnected/pi").await;
        assert_eq!(disconnected["clientInitiatedDisconnect"], goodbye);
        assert_eq!(
            disconnected["disconnectReason"],
            if goodbye { "CLIENT_INITIATED_DISCONNECT" } else { "CONNECTION_LOST" }
        );
        assert_eq!(disconnected["versionNumber"], version);
        assert_eq!(disconnected["sessionIdentifier"], connected["sessionIdentifier"]);
        session_identifiers.push(connected["sessionIdentifier"].clone());
    }
    assert_ne!(session_identifiers[0], session_identifiers[1]);
    // A takeover ends the first before it announces the second.
    let first = device.connect().await;
    let _second = device.connect().await;
    first.closed().await;
    watcher.receive_json("$aws/events/presence/connected/pi").await;
    let ended = watcher.receive_json("$aws/events/presence/disconnected/pi").await;
    assert_eq!((&ended["disconnectReason"], &ended["versionNumber"]), (&"DUPLICATE_CLIENTID".into(), &2.into()));
    assert_eq!(watcher.receive_json("$aws/events/presence/connected/pi").await["versionNumber"], 3);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_of_lifecycle_events_begins_anew_for_a_client_that_was_away_for_long() {
    let (rule, mut events) = rule("$aws/events/presence/connected/+");
    let world = World::with(Setup { rules: vec![rule], session_expiry_s: Some(3 * 3600), ..Setup::default() }).await;
    let (brief, persistent) = (world.device("brief").await, world.device("persistent").await);
    let mut versions = Vec::new();
    for away_s in [3000, 3601, 3 * 3600 + 1, 0] {
        for client in [brief.connect().await, persistent.connect_persistent().await] {
            let event: serde_json::Value = serde_json::from_slice(&next(&mut events).await.payload).unwrap();
            versions.push(event["versionNumber"].clone());
            client.disconnect().await;
        }
        world.gone("brief").await;
        world.gone("persistent").await;
        world.clock.advance(Duration::from_secs(away_s));
        world.core.sweep().await.unwrap();
    }
    assert_eq!(versions, [0, 0, 1, 1, 0, 2, 0, 0]);
    world.stop().await;
}
