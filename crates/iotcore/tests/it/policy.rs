//! Certificates and policies are enforced: connect, publish, subscribe, receive; revocation acts at once.

use marvain_iotcore::Status;
use rumqttc::{LastWill, QoS, SubscribeReasonCode};

use crate::common::{ALLOW_ALL, Client, Setup, World};

/// May connect as its own thing and use its own topics.
const OWN: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
     "Resource": "arn:aws:iot:*:*:topic/own/${iot:Connection.Thing.ThingName}/*"},
    {"Effect": "Allow", "Action": "iot:Subscribe",
     "Resource": ["arn:aws:iot:*:*:topicfilter/own/${iot:Connection.Thing.ThingName}/*", "arn:aws:iot:*:*:topicfilter/own/+/x"]}
]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_connects_as_its_thing_and_nothing_else() {
    let world = World::start().await;
    let device = world.device_with("pi", OWN).await;
    device.connect().await.disconnect().await;
    let mut options = device.options();
    options.set_client_id("other".into());
    assert!(Client::connect(options).await.is_err());
    // Counted after the client has been told.
    while world.core.stats().refused == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.core.stats().refused, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exclusive_client_ids_keep_others_from_a_things_name() {
    for exclusive_client_ids in [false, true] {
        let world = World::with(Setup { exclusive_client_ids, ..Setup::default() }).await;
        let pi = world.device("pi").await;
        let other = world.device("other").await;
        let client = pi.connect().await;
        let mut options = other.options();
        options.set_client_id("pi".into());
        let intruder = Client::connect(options).await;
        assert_eq!(intruder.is_err(), exclusive_client_ids);
        if exclusive_client_ids {
            client.publish("still/there", "", QoS::AtLeastOnce).await;
            let mut options = other.options();
            options.set_client_id("nobodys".into());
            Client::connect(options).await.unwrap().disconnect().await;
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_publish_ends_the_connection() {
    let world = World::start().await;
    let device = world.device_with("pi", OWN).await;
    let mut watcher = world.device("watcher").await.connect().await;
    watcher.subscribe("own/#", QoS::AtLeastOnce).await;
    let client = device.connect().await;
    client.publish("own/pi/fine", "1", QoS::AtLeastOnce).await;
    client.mqtt.publish("own/other/no", "2", rumqttc::PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    let client = device.connect().await;
    // Retaining needs its own permission.
    let retained = rumqttc::PublishOptions::at_least_once().retained();
    client.mqtt.publish("own/pi/fine", "3", retained).await.unwrap();
    client.closed().await;
    watcher.publish("own/end", "end", QoS::AtLeastOnce).await;
    assert_eq!(watcher.receive_text().await.1, "1");
    assert_eq!(watcher.receive_text().await.1, "end");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_subscription_fails_alone() {
    let world = World::start().await;
    let client = world.device_with("pi", OWN).await.connect().await;
    let filters =
        ["own/pi/+", "own/#", "own/other/a"].map(|filter| rumqttc::SubscribeFilterInput::new(filter, QoS::AtLeastOnce));
    let notice = client.mqtt.subscribe_many_tracked(filters).await.unwrap();
    assert_eq!(
        notice.wait_async().await.unwrap().return_codes,
        [SubscribeReasonCode::Success(QoS::AtLeastOnce), SubscribeReasonCode::Failure, SubscribeReasonCode::Failure]
    );
    client.publish("own/pi/still-there", "", QoS::AtLeastOnce).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_received_is_not_delivered() {
    let world = World::start().await;
    let device = world.device_with("pi", OWN).await;
    let publisher = world.device("publisher").await.connect().await;
    for persistent in [false, true] {
        let mut client = if persistent { device.connect_persistent().await } else { device.connect().await };
        client.subscribe("own/+/x", QoS::AtLeastOnce).await;
        publisher.publish("own/other/x", "secret", QoS::AtLeastOnce).await;
        publisher.publish("own/pi/x", "mine", QoS::AtLeastOnce).await;
        assert_eq!(client.receive_text().await.1, "mine");
        client.disconnect().await;
    }
    assert_eq!(world.core.stats().denied_receive, 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_must_be_allowed() {
    let world = World::start().await;
    let device = world.device_with("pi", OWN).await;
    let all = world.device("all").await;
    for (identity, topic) in [(&device, "own/other/x"), (&all, "$aws/things/all/shadow/update")] {
        let mut options = identity.options();
        options.set_last_will(LastWill::new(topic, "", QoS::AtMostOnce, false));
        assert!(Client::connect(options).await.is_err());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_policy_counts_for_live_connections() {
    let world = World::start().await;
    let client = world.device_with("pi", OWN).await.connect().await;
    assert_eq!(client.subscribe("elsewhere", QoS::AtMostOnce).await, [SubscribeReasonCode::Failure]);
    world.core.put_policy("policy-pi", ALLOW_ALL).await.unwrap();
    assert_eq!(client.subscribe("elsewhere", QoS::AtMostOnce).await, [SubscribeReasonCode::Success(QoS::AtMostOnce)]);
    client.publish("elsewhere", "", QoS::AtLeastOnce).await;
    world.core.put_policy("policy-pi", OWN).await.unwrap();
    client.mqtt.publish("elsewhere", "", rumqttc::PublishOptions::at_least_once()).await.unwrap();
    client.closed().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_topics_are_not_published_to() {
    let world = World::start().await;
    let device = world.device("pi").await;
    for topic in ["$aws/events/presence/connected/pi", "$other", "$aws/things/pi/shadow/update/accepted"] {
        let client = device.connect().await;
        client.mqtt.publish(topic, "{}", rumqttc::PublishOptions::at_least_once()).await.unwrap();
        client.closed().await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_ends_live_connections_and_refuses_new_ones() {
    let world = World::start().await;
    let (device, bystander) = (world.device("pi").await, world.device("bystander").await.connect().await);
    let client = device.connect().await;
    for status in [Status::Inactive, Status::Revoked] {
        world.core.update_certificate(device.id, status).await.unwrap();
        assert!(Client::connect(device.options()).await.is_err());
    }
    client.closed().await;
    world.core.update_certificate(device.id, Status::Active).await.unwrap();
    device.connect().await;
    world.core.update_certificate(device.id, Status::Revoked).await.unwrap();
    world.core.delete_certificate(device.id).await.unwrap();
    assert!(Client::connect(device.options()).await.is_err());
    bystander.publish("x", "", QoS::AtLeastOnce).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_refused() {
    let (world, other) = (World::start().await, World::start().await);
    let stranger = other.device("pi").await.at(world.address);
    world.device("pi").await;
    let stranger = crate::common::Identity { root: world.core.root_ca_pem().into(), ..stranger };
    assert!(Client::connect(stranger.options()).await.is_err());
    world.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detached_thing_has_no_thing_variables() {
    let world = World::start().await;
    let device = world.device_with("pi", OWN).await;
    let thing = marvain_iotcore::names::ThingName::parse("pi").unwrap();
    world.core.detach_thing(thing.clone(), device.id).await.unwrap();
    assert!(Client::connect(device.options()).await.is_err());
    world.core.attach_thing(thing, device.id).await.unwrap();
    device.connect().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_ask_about_the_certificate_and_the_thing() {
    let world = World::start().await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*",
         "Condition": {"StringEquals": {"iot:Certificate.Subject.CommonName": "AWS IoT Certificate"},
                       "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
            "arn:aws:iot:*:*:topicfilter/certificates/${iot:CertificateId}",
            "arn:aws:iot:*:*:topicfilter/types/${iot:Connection.Thing.ThingTypeName}",
            "arn:aws:iot:*:*:topicfilter/rooms/${iot:Connection.Thing.Attributes[room]}"]}]}"#;
    let device = world.device_with("pi", policy).await;
    assert_eq!(world.core.list_attached_policies(device.id).await.unwrap(), ["policy-pi"]);
    let nobody = marvain_iotcore::names::ThingName::parse("nobody").unwrap();
    let refused = world.core.update_thing(nobody, None, Default::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no thing `nobody`");
    let client = device.connect().await;
    let certificate = format!("certificates/{}", device.id);
    let filters = [&*certificate, "certificates/x", "types/lamp", "rooms/hall"];
    for (described, expected) in [(false, [true, false, false, false]), (true, [true, false, true, true])] {
        if described {
            let room = [("room".to_owned(), "hall".to_owned())].into();
            let thing = marvain_iotcore::names::ThingName::parse("pi").unwrap();
            world.core.update_thing(thing, Some("lamp".into()), room).await.unwrap();
        }
        for (filter, expected) in filters.into_iter().zip(expected) {
            let granted = client.subscribe(filter, QoS::AtMostOnce).await != [SubscribeReasonCode::Failure];
            assert_eq!(granted, expected, "{filter} {described}");
        }
    }
    let elsewhere = policy.replace("127.0.0.0/8", "192.0.2.0/24");
    world.core.put_policy("policy-pi", &elsewhere).await.unwrap();
    assert!(Client::connect(device.options()).await.is_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_may_forbid_persistent_sessions_and_choose_the_will() {
    let world = World::start().await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*",
         "Condition": {"ForAllValues:StringEquals": {"iot:ConnectAttributes": "LastWill"}}},
        {"Effect": "Deny", "Action": "iot:Connect", "Resource": "*",
         "Condition": {"ArnNotLike": {"iot:LastWillTopic": "arn:aws:iot:*:*:topic/gone/*"},
                       "ForAnyValue:StringEquals": {"iot:ConnectAttributes": "LastWill"}}},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}]}"#;
    let device = world.device_with("pi", policy).await;
    for (clean, will, expected) in [
        (true, None, true),
        (false, None, false),
        (true, Some("gone/pi"), true),
        (true, Some("elsewhere"), false),
        (false, Some("gone/pi"), false),
    ] {
        let mut options = device.options();
        options.set_clean_session(clean);
        if let Some(topic) = will {
            options.set_last_will(LastWill::new(topic, "", QoS::AtMostOnce, false));
        }
        assert_eq!(Client::connect(options).await.is_ok(), expected, "{clean} {will:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_not_understood_is_not_created() {
    let world = World::start().await;
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}}}"#;
    let refused = world.core.create_policy("dated", policy).await.unwrap_err();
    let reason = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(reason, "the policy's condition operator `DateLessThan` is unsupported");
    assert_eq!(world.core.get_policy("dated").await.unwrap(), None);
    world.stop().await;
}
