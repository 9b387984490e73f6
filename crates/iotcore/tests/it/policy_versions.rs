//! Versions of policies: which is in force, and what of them can be deleted.

use marvain_iotcore::{CertificateId, Error, PolicyTarget};
use rumqttc::{QoS, SubscribeReasonCode};
use serde_json::json;

use crate::common::{Client, World};

fn document(filter: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": format!("arn:aws:iot:*:*:topicfilter/{filter}")},
    ]})
    .to_string()
}

async fn may_subscribe(client: &Client, filter: &str) -> bool {
    client.subscribe(filter, QoS::AtMostOnce).await != [SubscribeReasonCode::Failure]
}

/// Numbers of the versions, the default one's twice.
async fn versions(world: &World) -> (Vec<u64>, u64) {
    let versions = world.core.list_policy_versions("policy-pi").await.unwrap();
    let default = versions.iter().find(|version| version.is_default).unwrap().version;
    (versions.iter().map(|version| version.version).collect(), default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_connection_is_under_the_default_version() {
    let world = World::start().await;
    let core = &world.core;
    let pi = world.device_with("pi", &document("one")).await;
    let client = pi.connect().await;
    assert!(may_subscribe(&client, "one").await);
    assert_eq!(core.create_policy_version("policy-pi", &document("two"), false).await.unwrap(), 2);
    assert!(!may_subscribe(&client, "two").await);
    core.set_default_policy_version("policy-pi", 2).await.unwrap();
    assert!(may_subscribe(&client, "two").await && !may_subscribe(&client, "one").await);
    assert_eq!(core.create_policy_version("policy-pi", &document("three"), true).await.unwrap(), 3);
    assert!(may_subscribe(&client, "three").await);
    assert_eq!(versions(&world).await, (vec![3, 2, 1], 3));
    let first = core.get_policy_version("policy-pi", 1).await.unwrap().unwrap();
    assert_eq!((first.document, first.is_default), (document("one"), false));
    // What `put_policy` says is in force, and there is no version more.
    core.set_default_policy_version("policy-pi", 2).await.unwrap();
    core.put_policy("policy-pi", &document("put")).await.unwrap();
    assert!(may_subscribe(&client, "put").await && !may_subscribe(&client, "two").await);
    assert_eq!(versions(&world).await, (vec![3, 2, 1], 2));
    let policy = core.get_policy("policy-pi").await.unwrap().unwrap();
    assert_eq!((policy.document, policy.default_version), (document("put"), 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_versions_refuse() {
    let world = World::start().await;
    let core = &world.core;
    let pi = world.device_with("pi", &document("one")).await;
    for number in 2..=5 {
        core.create_policy_version("policy-pi", &document("more"), number == 2).await.unwrap();
    }
    for (refused, expected) in [
        (
            core.create_policy_version("policy-pi", &document("six"), true).await.map(drop),
            "the policy `policy-pi` has 5 versions already",
        ),
        (core.create_policy_version("policy-pi", "{}", true).await.map(drop), "the policy document is not valid"),
        (core.create_policy_version("none", &document("a"), true).await.map(drop), "there is no policy `none`"),
        (core.list_policy_versions("none").await.map(drop), "there is no policy `none`"),
        (core.set_default_policy_version("policy-pi", 6).await, "there is no policy version `policy-pi/6`"),
        (core.set_default_policy_version("policy-pi", u64::MAX).await, "there is no policy version"),
        (core.delete_policy_version("policy-pi", 2).await, "the policy version `policy-pi/2` cannot be deleted"),
        (core.list_policy_targets("none", None).await.map(drop), "there is no policy `none`"),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
    core.detach_policy("policy-pi", pi.id).await.unwrap();
    assert!(matches!(core.delete_policy("policy-pi").await, Err(Error::DeleteConflict { .. })));
    for number in [1, 3, 4, 5] {
        core.delete_policy_version("policy-pi", number).await.unwrap();
    }
    assert_eq!(core.create_policy_version("policy-pi", &document("a"), false).await.unwrap(), 6);
    core.delete_policy_version("policy-pi", 6).await.unwrap();
    core.delete_policy("policy-pi").await.unwrap();
    assert_eq!(core.get_policy_version("policy-pi", 2).await.unwrap(), None);
    // A further policy of its name begins with the first version.
    core.create_policy("policy-pi", &document("one")).await.unwrap();
    assert_eq!(versions(&world).await, (vec![1], 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_targets_of_a_policy_are_listed_by_pages() {
    let world = World::start().await;
    let core = &world.core;
    core.create_policy("all", &document("a")).await.unwrap();
    let mut ids = Vec::<CertificateId>::new();
    for _ in 0..2 {
        let made = core.create_keys_and_certificate(true).await.unwrap();
        core.attach_policy("all", made.certificate_id).await.unwrap();
        ids.push(made.certificate_id);
    }
    ids.sort_unstable();
    let mut expected: Vec<_> = ids.into_iter().map(PolicyTarget::Certificate).collect();
    for group in ["hall", "home"] {
        core.create_thing_group(group, None, Default::default()).await.unwrap();
        core.attach_group_policy("all", group).await.unwrap();
        expected.push(PolicyTarget::Group(group.into()));
    }
    for after in 0..=expected.len() {
        let last = after.checked_sub(1).map(|last| expected[last].clone());
        assert_eq!(core.list_policy_targets("all", last).await.unwrap(), expected[after..], "{after}");
    }
    world.stop().await;
}
