//! MQTT 5 beside 3.1.1: what travels with a message, what is answered, what is refused.

use mqtt_protocol_core::mqtt::packet::{
    ContentType, CorrelationData, MaximumPacketSize, PayloadFormat, PayloadFormatIndicator, Property, Qos,
    ReceiveMaximum, ResponseTopic, RetainHandling, SubOpts, TopicAlias, TopicAliasMaximum, v5_0,
};
use rumqttc::QoS;

use crate::common::{Client, World, install_provider};
use crate::peer5::{Peer, connect, expiry, greeted, message_expiry, publish, qos1, resume, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connack_says_what_aws_offers() {
    let world = World::start().await;
    let device = world.device("a").await;
    // A Topic Alias Maximum of 0 is what many clients say.
    let props = vec![TopicAliasMaximum::new(0).unwrap().into(), expiry(10_000)];
    let (peer, connack) = Peer::ask(&device, connect("a").keep_alive(5).props(props)).await;
    let shown: Vec<_> = connack.props().iter().map(ToString::to_string).collect();
    let expected = [
        ("session_expiry_interval", "3600"),
        ("receive_maximum", "100"),
        ("maximum_qos", "1"),
        ("retain_available", "1"),
        ("maximum_packet_size", "149504"),
        ("topic_alias_maximum", "8"),
        ("wildcard_subscription_available", "1"),
        ("subscription_identifier_available", "0"),
        ("shared_subscription_available", "1"),
        ("server_keep_alive", "30"),
    ];
    assert_eq!(shown.len(), expected.len(), "{shown:?}");
    for (shown, (name, value)) in shown.iter().zip(expected) {
        assert!(shown.contains(name) && shown.contains(value), "{shown} {name} {value}");
    }
    peer.disconnect(Vec::new()).await;
    let (_peer, connack) = Peer::ask(&device, connect("")).await;
    let assigned = connack.props().iter().find_map(|property| match property {
        Property::AssignedClientIdentifier(id) => Some(id.val().to_owned()),
        _ => None,
    });
    let assigned = assigned.unwrap();
    assert_eq!(assigned.len(), 22);
    assert!(world.core.connection(&assigned).is_some());
    assert_eq!(world.core.stats().panicked, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn properties_travel_with_their_message() {
    let world = World::start().await;
    let publisher = world.device("publisher").await;
    let (mut publisher, _) = Peer::connect(&publisher, connect("publisher")).await;
    let five = world.device("five").await;
    let (mut subscriber, _) = Peer::connect(&five, connect("five").props(vec![expiry(60)])).await;
    assert_eq!(subscriber.subscribe("t", qos1()).await, [1]);
    let mut three = world.device("three").await.connect().await;
    three.subscribe("t", QoS::AtLeastOnce).await;
    let props = vec![
        PayloadFormatIndicator::new(PayloadFormat::String).unwrap().into(),
        ContentType::new("text/plain").unwrap().into(),
        ResponseTopic::new("answer/here").unwrap().into(),
        CorrelationData::new(vec![0, 1]).unwrap().into(),
        user("k", "1"),
        user("k", "2"),
    ];
    // Live, with an alias that nobody else gets to see.
    let mut sent = props.clone();
    sent.push(TopicAlias::new(3).unwrap().into());
    assert_eq!(publisher.publish("t", "live", sent, false).await, 0);
    let received = subscriber.take().await;
    assert_eq!((received.text(), &received.props), (("t", "live"), &props));
    assert_eq!(three.receive_text().await, ("t".into(), "live".into()));
    // From the durable queue, and with QoS 0.
    subscriber.disconnect(Vec::new()).await;
    assert_eq!(publisher.publish("t", "queued", props.clone(), false).await, 0);
    let (mut subscriber, present) = Peer::connect(&five, resume("five", 60)).await;
    assert!(present);
    let received = subscriber.take().await;
    assert_eq!((received.text(), &received.props), (("t", "queued"), &props));
    publisher.send(&publish("t", "at most once", None, props.clone(), false)).await;
    let received = subscriber.take().await;
    assert_eq!((received.text(), received.packet_id, &received.props), (("t", "at most once"), None, &props));
    // Retained.
    assert_eq!(publisher.publish("kept", "retained", props.clone(), true).await, 0);
    assert_eq!(subscriber.subscribe("kept", qos1()).await, [1]);
    let received = subscriber.take().await;
    assert_eq!((received.text(), received.retain, &received.props), (("kept", "retained"), true, &props));
    // From 3.1.1 there are none.
    three.publish("t", "plain", QoS::AtLeastOnce).await;
    assert_eq!(subscriber.take().await.props, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aliases_stand_for_topics() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    assert_eq!(peer.subscribe("long/topic", SubOpts::new()).await, [0]);
    let alias = |number| vec![Property::from(TopicAlias::new(number).unwrap())];
    peer.send(&publish("long/topic", "1", None, alias(8), false)).await;
    peer.send(&publish("", "2", None, alias(8), false)).await;
    assert_eq!(peer.take().await.text(), ("long/topic", "1"));
    assert_eq!(peer.take().await.text(), ("long/topic", "2"));
    peer.send(&publish("long/topic", "3", None, alias(9), false)).await;
    assert_eq!(peer.told_goodbye().await, 0x94);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_bound_what_they_are_sent() {
    let world = World::start().await;
    let device = world.device("small").await;
    let props = vec![ReceiveMaximum::new(2).unwrap().into(), MaximumPacketSize::new(100).unwrap().into(), expiry(60)];
    let (mut small, _) = Peer::connect(&device, connect("small").props(props)).await;
    small.subscribe("t", qos1()).await;
    let (mut publisher, _) = Peer::connect(&world.device("publisher").await, connect("publisher")).await;
    for payload in ["1", &"x".repeat(100), "2", "3", "4"] {
        publisher.publish("t", payload, Vec::new(), false).await;
    }
    let (first, second) = (small.receive().await, small.receive().await);
    assert_eq!((first.text().1, second.text().1), ("1", "2"));
    // Nothing more comes before an acknowledgement: an answer to a PINGREQ comes first.
    small.send_bytes(&[0xC0, 0]).await;
    assert_eq!(small.next().await.unwrap().packet_type(), 13);
    small.acknowledge(first.packet_id.unwrap()).await;
    assert_eq!(small.receive().await.text().1, "3");
    small.acknowledge(second.packet_id.unwrap()).await;
    assert_eq!(small.receive().await.text().1, "4");
    assert_eq!(world.core.stats().too_large, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_more_than_the_receive_maximum_is_answered_for_each() {
    let world = World::start().await;
    let (mut peer, _) = Peer::connect(&world.device("a").await, connect("a")).await;
    for packet_id in 1..=300 {
        peer.send(&publish("t", "", Some(packet_id), Vec::new(), false)).await;
    }
    for packet_id in 1..=300 {
        let puback = peer.next().await.unwrap().parse_exact(v5_0::Puback::parse).unwrap();
        assert_eq!((puback.packet_id(), puback.reason_code()), (packet_id, None));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_say_what_they_want() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    let (mut other, _) = Peer::connect(&world.device("b").await, connect("b")).await;
    // No Local, Retain As Published.
    peer.subscribe("chat", qos1().set_nl(true).set_rap(true)).await;
    assert_eq!(peer.publish("chat", "own", Vec::new(), false).await, 0);
    assert_eq!(other.publish("chat", "other's", Vec::new(), true).await, 0);
    let received = peer.take().await;
    assert_eq!((received.text(), received.retain), (("chat", "other's"), true));
    // Retain Handling: 0 always, 1 when it is new, 2 never.
    for (filter, handling, is_greeted) in [
        ("chat", RetainHandling::SendRetainedIfNotExists, false),
        ("chat", RetainHandling::SendRetained, true),
        ("chat", RetainHandling::DoNotSendRetained, false),
    ] {
        assert_eq!(peer.subscribe(filter, greeted(handling)).await, [1]);
        if is_greeted {
            let received = peer.take().await;
            assert_eq!((received.text(), received.retain), (("chat", "other's"), true));
        }
        peer.send_bytes(&[0xC0, 0]).await;
        assert_eq!(peer.next().await.unwrap().packet_type(), 13, "{handling:?}");
    }
    assert_eq!(other.publish("chat", "later", Vec::new(), true).await, 0);
    assert!(!peer.take().await.retain, "not as published");
    // SUBACK and UNSUBACK say why not.
    assert_eq!(peer.subscribe("a/#/b", qos1()).await, [0x8F]);
    let filters = ["chat", "never", "a/#/b"];
    peer.send(&v5_0::Unsubscribe::builder().packet_id(99).entries(filters).unwrap().build().unwrap()).await;
    let unsuback = peer.next().await.unwrap().parse_exact(v5_0::Unsuback::parse).unwrap();
    assert_eq!(unsuback.reason_codes().into_iter().map(|code| code as u8).collect::<Vec<_>>(), [0, 0x11, 0x8F]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_allowed_is_said_so() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/a"},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/mine"}]}"#;
    let world = World::start().await;
    let device = world.device_with("a", policy).await;
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    assert_eq!(peer.subscribe("mine", qos1()).await, [0x87]);
    // With QoS 1 the PUBACK says it, and the connection goes on; there is nothing else that could.
    assert_eq!(peer.publish("others", "", Vec::new(), false).await, 0x87);
    assert_eq!(peer.publish("mine", "", Vec::new(), true).await, 0x87, "no iot:RetainPublish");
    assert_eq!(peer.publish("1/2/3/4/5/6/7/8/9", "", Vec::new(), false).await, 0x90);
    assert_eq!(peer.publish("mine", "", Vec::new(), false).await, 0);
    peer.send(&publish("others", "", None, Vec::new(), false)).await;
    assert_eq!(peer.told_goodbye().await, 0x87);
    // Whatever breaks the protocol ends the connection.
    for (bytes, code) in [
        (&b"\x34\x08\x00\x04mine\x00\x01\x00"[..], 0x9B),        // QoS 2
        (b"\x82\x0a\x00\x01\x00\x00\x04mine\x02", 0x9B),         // QoS 2
        (b"\x82\x0c\x00\x01\x02\x0b\x01\x00\x04mine\x01", 0xA1), // a subscription identifier
        (b"\x30\xff\xff\xff\x7f", 0x95),
        (b"\xf0\x00", 0x82), // AUTH
        (b"\x10\x00", 0x82), // a second CONNECT
        (b"\x83\x00", 0x81),
    ] {
        let (mut peer, _) = Peer::connect(&device, connect("a")).await;
        peer.send_bytes(bytes).await;
        assert_eq!(peer.told_goodbye().await, code, "{bytes:x?}");
    }
    // CONNACK.
    let authentication = mqtt_protocol_core::mqtt::packet::AuthenticationMethod::new("x").unwrap().into();
    let long = "x".repeat(129);
    for (connect, code) in [
        (connect("b"), 0x87),
        (connect(&long), 0x85),
        (connect("a").props(vec![authentication]), 0x8C),
        (connect("a").will("others", Qos::AtMostOnce, Vec::new()), 0x87),
        (connect("a").will("mine", Qos::ExactlyOnce, Vec::new()), 0x9B),
        (connect("a").will("a/+", Qos::AtMostOnce, Vec::new()), 0x90),
    ] {
        let (mut peer, connack) = Peer::ask(&device, connect).await;
        assert_eq!(connack.reason_code() as u8, code);
        assert!(connack.props().iter().any(|property| matches!(property, Property::ReasonString(_))));
        assert!(peer.next().await.is_none());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_goodbye() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    let (mut next, _) = Peer::connect(&device, connect("a")).await;
    assert_eq!(peer.told_goodbye().await, 0x8E, "taken over");
    assert!(world.core.delete_connection("a"));
    assert_eq!(next.told_goodbye().await, 0x98);
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    let (mut other, _) = Peer::connect(&world.device("b").await, connect("b")).await;
    world.core.update_certificate(device.id, marvain_iotcore::Status::Revoked).await.unwrap();
    assert_eq!(peer.told_goodbye().await, 0x87);
    world.stop().await;
    assert_eq!(other.told_goodbye().await, 0x8B);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_messages_are_not_sent() {
    let world = World::start().await;
    let device = world.device("a").await;
    let keep = || resume("a", 3600);
    let (mut peer, _) = Peer::connect(&device, keep()).await;
    peer.subscribe("t", qos1()).await;
    peer.disconnect(Vec::new()).await;
    let (mut publisher, _) = Peer::connect(&world.device("publisher").await, connect("publisher")).await;
    for (payload, seconds) in [("short", 5), ("least", 0), ("long", 30), ("longest", u32::MAX)] {
        publisher.publish("t", payload, vec![message_expiry(seconds)], true).await;
    }
    publisher.publish("r", "short", vec![message_expiry(5)], true).await;
    world.clock.advance(std::time::Duration::from_millis(10_500));
    let (mut peer, _) = Peer::connect(&device, keep()).await;
    let received = peer.take().await;
    assert_eq!((received.text().1, received.expiry_s()), ("long", Some(19)));
    let received = peer.take().await;
    assert_eq!((received.text().1, received.expiry_s()), ("longest", Some(7 * 24 * 60 * 60 - 11)));
    assert_eq!(world.core.stats().expired, 2);
    peer.subscribe("r", qos1()).await;
    peer.send_bytes(&[0xC0, 0]).await;
    assert_eq!(peer.next().await.unwrap().packet_type(), 13, "the retained message has expired, too");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_library_is_served_with_the_name_of_aws() {
    use rumqttc_v5::mqttbytes::QoS;
    use rumqttc_v5::{AsyncClient, Event, Incoming, MqttOptions, PublishOptions, TlsConfiguration, Transport};
    install_provider();
    let world = World::start().await;
    let device = world.device("a").await;
    let mut options = MqttOptions::new("a", ("127.0.0.1", device.address.port()));
    options.set_transport(Transport::Tls(TlsConfiguration::Simple {
        ca: device.root.clone().into_bytes(),
        alpn: Some(vec![b"x-amzn-mqtt-ca".to_vec()]),
        client_auth: Some((device.certificate.clone().into_bytes(), device.key.clone().into_bytes())),
    }));
    let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
    client.subscribe("t", QoS::AtLeastOnce).await.unwrap();
    let publishing = async {
        loop {
            match tokio::time::timeout(crate::common::PATIENCE, events.poll()).await.unwrap().unwrap() {
                Event::Incoming(Incoming::SubAck(_)) => {
                    client.publish("t", "hello", PublishOptions::new(QoS::AtLeastOnce)).await.unwrap();
                }
                Event::Incoming(Incoming::Publish(publish)) => return publish,
                _ => {}
            }
        }
    };
    assert_eq!(&publishing.await.payload[..], b"hello");
    // A name that is not ours ends the handshake.
    let mut options = device.options();
    options.set_transport(rumqttc::Transport::Tls(rumqttc::TlsConfiguration::Simple {
        ca: device.root.clone().into_bytes(),
        alpn: Some(vec![b"h2".to_vec()]),
        client_auth: Some((device.certificate.clone().into_bytes(), device.key.clone().into_bytes())),
    }));
    assert!(Client::connect(options).await.is_err());
    world.stop().await;
}
