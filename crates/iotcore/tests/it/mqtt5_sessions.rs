//! Sessions and wills of MQTT 5.

use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::{Property, Qos, WillDelayInterval, v5_0};
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;
use rumqttc::QoS;

use crate::common::World;
use crate::peer5::{Asking, Peer, connect, expiry, message_expiry, qos1, resume, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stays_as_long_as_was_asked() {
    let world = World::start().await;
    let device = world.device("a").await;
    for (first, pause_s, second, present) in [
        (connect("a"), 0, resume("a", 0), false),
        (resume("a", 60), 59, resume("a", 60), true),
        (resume("a", 60), 61, resume("a", 60), false),
        // What is beyond the broker's hour is cut.
        (resume("a", u32::MAX), 3599, resume("a", 60), true),
        (resume("a", u32::MAX), 3601, resume("a", 60), false),
        // It is resumed, and then not kept.
        (resume("a", 60), 1, resume("a", 0), true),
        (resume("a", 0), 1, resume("a", 60), false),
        (resume("a", 60), 1, connect("a").props(vec![expiry(60)]), false),
        (connect("a"), 0, resume("a", 60), false),
    ] {
        Peer::connect(&device, first).await.0.disconnect(Vec::new()).await;
        world.gone("a").await;
        world.clock.advance(Duration::from_secs(pause_s));
        let (peer, was_present) = Peer::connect(&device, second).await;
        assert_eq!(was_present, present, "after {pause_s} s");
        peer.disconnect(Vec::new()).await;
        world.gone("a").await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_changes_how_long_the_session_stays() {
    let world = World::start().await;
    let device = world.device("a").await;
    for (at_connect_s, at_disconnect_s, pause_s, present) in
        [(60, 0, 0, false), (60, 600, 599, true), (600, 60, 61, false)]
    {
        let (peer, _) = Peer::connect(&device, connect("a").props(vec![expiry(at_connect_s)])).await;
        peer.disconnect(vec![expiry(at_disconnect_s)]).await;
        world.gone("a").await;
        world.clock.advance(Duration::from_secs(pause_s));
        let (peer, was_present) = Peer::connect(&device, resume("a", 60)).await;
        assert_eq!(was_present, present, "{at_disconnect_s}");
        peer.disconnect(Vec::new()).await;
        world.gone("a").await;
    }
    let (mut peer, _) = Peer::connect(&device, connect("a")).await;
    let disconnect = v5_0::Disconnect::builder()
        .reason_code(DisconnectReasonCode::NormalDisconnection)
        .props(vec![expiry(60)])
        .build()
        .unwrap();
    peer.send(&disconnect).await;
    assert_eq!(peer.told_goodbye().await, 0x82);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_of_one_version() {
    let world = World::start().await;
    let device = world.device("a").await;
    let three = device.connect_persistent().await;
    three.subscribe("t", QoS::AtLeastOnce).await;
    three.disconnect().await;
    world.gone("a").await;
    let (peer, present) = Peer::connect(&device, resume("a", 60)).await;
    assert!(!present);
    peer.disconnect(Vec::new()).await;
    world.gone("a").await;
    let three = device.connect_persistent().await;
    assert!(!three.session_present);
    three.disconnect().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_of_subscriptions_outlive_the_process() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut peer, _) = Peer::connect(&device, resume("a", 3600)).await;
    peer.subscribe("t", qos1().set_nl(true).set_rap(true)).await;
    drop(peer);
    let world = World::at(world.kill().await, Default::default()).await;
    let (mut peer, present) = Peer::connect(&device.at(world.address), resume("a", 3600)).await;
    assert!(present);
    assert_eq!(peer.publish("t", "own", Vec::new(), true).await, 0);
    let other = world.device("b").await.connect().await;
    let retained = rumqttc::PublishOptions::new(QoS::AtLeastOnce).retained();
    other.publish_with("t", "other's", retained).await;
    let received = peer.take().await;
    assert_eq!((received.text(), received.retain), (("t", "other's"), true));
    world.stop().await;
}

fn with_will(client_id: &str, expiry_s: u32, delay_s: u32) -> Asking {
    let will_props = vec![WillDelayInterval::new(delay_s).unwrap().into(), message_expiry(40), user("k", "v")];
    resume(client_id, expiry_s).will("will", Qos::AtLeastOnce, will_props)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_waits_for_its_client() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut watcher, _) = Peer::connect(&world.device("b").await, connect("b")).await;
    watcher.subscribe("will", qos1()).await;
    watcher.subscribe("mark", qos1()).await;
    let (mut marker, _) = Peer::connect(&world.device("c").await, connect("c")).await;
    let check = async |watcher: &mut Peer, marker: &mut Peer, published: bool, why: &str| {
        world.core.sweep().await.unwrap();
        assert_eq!(marker.publish("mark", "", Vec::new(), false).await, 0);
        if published {
            let received = watcher.take().await;
            assert_eq!(received.text(), ("will", "gone"), "{why}");
            let mut props = received.props;
            props.retain(|property| !matches!(property, Property::MessageExpiryInterval(_)));
            assert_eq!(props, [user("k", "v")]);
        }
        assert_eq!(watcher.take().await.topic, "mark", "{why}");
    };
    // (session expiry, delay, seconds away, comes back, published)
    for (expiry_s, delay_s, away_s, back, published) in [
        (60, 30, 29, false, false),
        (60, 30, 31, false, true),
        (60, 30, 10, true, false),
        (10, 30, 11, false, true), // its session has ended
        (0, 30, 0, false, true),   // there is no session
        (60, 0, 0, false, true),   // it does not wait
    ] {
        let (peer, _) = Peer::connect(&device, with_will("a", expiry_s, delay_s)).await;
        drop(peer);
        world.gone("a").await;
        world.clock.advance(Duration::from_secs(away_s));
        let why = format!("{expiry_s} {delay_s} {away_s}");
        if back {
            let (peer, present) = Peer::connect(&device, resume("a", 60)).await;
            assert!(present);
            world.clock.advance(Duration::from_secs(60));
            check(&mut watcher, &mut marker, published, &why).await;
            peer.disconnect(Vec::new()).await;
        } else {
            check(&mut watcher, &mut marker, published, &why).await;
            // A new session ends the wait.
            let (peer, _) = Peer::connect(&device, connect("a")).await;
            if !published {
                check(&mut watcher, &mut marker, true, &why).await;
            }
            peer.disconnect(Vec::new()).await;
        }
        world.gone("a").await;
    }
    // A goodbye may ask for the will.
    let (mut peer, _) = Peer::connect(&device, with_will("a", 0, 0)).await;
    let reason = DisconnectReasonCode::DisconnectWithWillMessage;
    peer.send(&v5_0::Disconnect::builder().reason_code(reason).build().unwrap()).await;
    assert!(peer.next().await.is_none());
    world.gone("a").await;
    check(&mut watcher, &mut marker, true, "asked for").await;
    Peer::connect(&device, with_will("a", 0, 0)).await.0.disconnect(Vec::new()).await;
    world.gone("a").await;
    check(&mut watcher, &mut marker, false, "said goodbye").await;
    world.stop().await;
}
