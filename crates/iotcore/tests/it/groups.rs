//! Thing groups: their hierarchy, what their policies give to the things in them, and provisioning into them.

use std::collections::BTreeMap;

use marvain_iotcore::Error;
use marvain_iotcore::names::ThingName;
use rcgen::KeyPair;
use rumqttc::{QoS, SubscribeReasonCode};
use serde_json::{Value, json};

use crate::common::{Client, World};
use crate::provisioning::{Fleet, csr};

const CONNECT: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}}"#;

fn thing(name: &str) -> ThingName {
    ThingName::parse(name).unwrap()
}

fn statement(effect: &str, filter: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": "iot:Subscribe",
        "Resource": format!("arn:aws:iot:*:*:topicfilter/{filter}")}})
    .to_string()
}

async fn groups(world: &World, groups: &[(&str, Option<&str>)]) {
    for (name, parent) in groups {
        world.core.create_thing_group(name, *parent, BTreeMap::new()).await.unwrap();
    }
}

async fn may_subscribe(client: &Client, filter: &str) -> bool {
    client.subscribe(filter, QoS::AtMostOnce).await != [SubscribeReasonCode::Failure]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thing_has_the_policies_of_its_groups_and_of_those_above_them() {
    let world = World::start().await;
    groups(&world, &[("home", None), ("kitchen", Some("home")), ("lamps", Some("kitchen"))]).await;
    for (policy, group, document) in [
        ("home", "home", statement("Allow", "home/*")),
        ("kitchen", "kitchen", statement("Allow", "kitchen/${iot:Connection.Thing.ThingName}")),
        ("lamps", "lamps", statement("Deny", "home/secret")),
    ] {
        world.core.create_policy(policy, &document).await.unwrap();
        world.core.attach_group_policy(policy, group).await.unwrap();
    }
    let client = world.device_with("pi", CONNECT).await.connect().await;
    let filters = ["home/a", "kitchen/pi", "kitchen/other", "home/secret"];
    // What it gets counts at once, for the connection that it has.
    for (group, expected) in [
        (None, [false, false, false, false]),
        (Some("home"), [true, false, false, true]),
        (Some("kitchen"), [true, true, false, true]),
        (Some("lamps"), [true, true, false, false]),
    ] {
        if let Some(group) = group {
            world.core.add_thing_to_group(thing("pi"), group).await.unwrap();
        }
        for (filter, expected) in filters.into_iter().zip(expected) {
            assert_eq!(may_subscribe(&client, filter).await, expected, "{group:?} {filter}");
        }
        if let Some(group) = group {
            world.core.remove_thing_from_group(thing("pi"), group).await.unwrap();
            assert!(!may_subscribe(&client, "home/a").await);
        }
    }
    world.core.add_thing_to_group(thing("pi"), "lamps").await.unwrap();
    world.core.detach_group_policy("lamps", "lamps").await.unwrap();
    assert!(may_subscribe(&client, "home/secret").await);
    world.core.delete_thing_group("lamps").await.unwrap();
    assert!(!may_subscribe(&client, "home/a").await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_connection_in_the_things_name_has_its_groups() {
    let world = World::start().await;
    groups(&world, &[("home", None)]).await;
    world.core.create_policy("home", &statement("Allow", "home/*")).await.unwrap();
    world.core.attach_group_policy("home", "home").await.unwrap();
    let (pi, other) = (world.device_with("pi", CONNECT).await, world.device_with("other", CONNECT).await);
    world.core.add_thing_to_group(thing("pi"), "home").await.unwrap();
    assert!(may_subscribe(&pi.connect().await, "home/a").await);
    // Its own certificate under another name, and another certificate under its name.
    let mut options = pi.options();
    options.set_client_id("nobody".into());
    assert!(!may_subscribe(&Client::connect(options).await.unwrap(), "home/a").await);
    let mut options = other.options();
    options.set_client_id("pi".into());
    assert!(!may_subscribe(&Client::connect(options).await.unwrap(), "home/a").await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hierarchy_of_groups() {
    let world = World::start().await;
    let core = &world.core;
    groups(&world, &[("home", None), ("kitchen", Some("home")), ("hall", Some("home")), ("oven", Some("kitchen"))])
        .await;
    groups(&world, &[("oven", Some("kitchen")), ("office", None)]).await;
    let oven = core.describe_thing_group("oven").await.unwrap().unwrap();
    assert_eq!((&*oven.name, oven.ancestors), ("oven", vec!["home".to_owned(), "kitchen".to_owned()]));
    assert_eq!(core.describe_thing_group("nowhere").await.unwrap(), None);
    for (parent, recursive, after, expected) in [
        (None, true, "", vec!["hall", "home", "kitchen", "office", "oven"]),
        (None, false, "kitchen", vec!["office", "oven"]),
        (Some("home"), false, "", vec!["hall", "kitchen"]),
        (Some("home"), true, "", vec!["hall", "kitchen", "oven"]),
        (Some("oven"), true, "", vec![]),
    ] {
        assert_eq!(core.list_thing_groups(parent, recursive, after).await.unwrap(), expected, "{parent:?} {recursive}");
    }
    for name in ["a", "b"] {
        core.create_thing(thing(name), BTreeMap::new()).await.unwrap();
        core.add_thing_to_group(thing(name), "office").await.unwrap();
    }
    core.add_thing_to_group(thing("a"), "oven").await.unwrap();
    core.add_thing_to_group(thing("a"), "oven").await.unwrap();
    assert_eq!(core.list_groups_of_thing(thing("a")).await.unwrap(), ["home", "kitchen", "office", "oven"]);
    assert!(core.list_things_in_group("home", false, "").await.unwrap().is_empty());
    assert_eq!(core.list_things_in_group("home", true, "").await.unwrap(), [thing("a")]);
    assert_eq!(core.list_things_in_group("office", true, "a").await.unwrap(), [thing("b")]);
    // A thing that goes away is in no group.
    core.delete_thing(thing("b")).await.unwrap();
    assert_eq!(core.list_things_in_group("office", false, "").await.unwrap(), [thing("a")]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_groups_refuse() {
    let world = World::start().await;
    let core = &world.core;
    core.create_thing(thing("a"), BTreeMap::new()).await.unwrap();
    groups(&world, &[("l1", None), ("other", Some("l1"))]).await;
    for depth in 2..=7 {
        let (name, parent) = (format!("l{depth}"), format!("l{}", depth - 1));
        core.create_thing_group(&name, Some(&parent), BTreeMap::new()).await.unwrap();
    }
    let attributes = BTreeMap::from([("floor".to_owned(), "1".to_owned())]);
    for (refused, expected) in [
        (core.create_thing_group("l8", Some("l7"), BTreeMap::new()).await, "thing groups in one line: at most 7"),
        (core.create_thing_group("x", Some("nowhere"), BTreeMap::new()).await, "there is no thing group `nowhere`"),
        (
            core.create_thing_group("l2", None, BTreeMap::new()).await,
            "the thing group `l2` exists already and is different",
        ),
        (core.create_thing_group("l1", None, attributes).await, "the thing group `l1` exists already and is different"),
        (core.create_thing_group("a b", None, BTreeMap::new()).await, "`a b` is not a group name"),
        (core.delete_thing_group("l1").await, "the thing group `l1` cannot be deleted: delete its child groups first"),
        (core.delete_thing_group("nowhere").await, "there is no thing group `nowhere`"),
        (core.add_thing_to_group(thing("a"), "nowhere").await, "there is no thing group `nowhere`"),
        (core.add_thing_to_group(thing("nobody"), "l1").await, "there is no thing `nobody`"),
        (core.list_things_in_group("nowhere", true, "").await.map(drop), "there is no thing group `nowhere`"),
        (core.attach_group_policy("missing", "l1").await, "there is no policy `missing`"),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
    core.add_thing_to_group(thing("a"), "l3").await.unwrap();
    let refused = core.add_thing_to_group(thing("a"), "other").await.unwrap_err();
    assert!(matches!(refused, Error::SameHierarchy { group, .. } if group == "l3"));
    for number in 0..9 {
        let name = format!("root-{number}");
        core.create_thing_group(&name, None, BTreeMap::new()).await.unwrap();
        core.add_thing_to_group(thing("a"), &name).await.unwrap();
    }
    for number in 0..100 {
        core.create_thing_group(&format!("child-{number}"), Some("root-0"), BTreeMap::new()).await.unwrap();
    }
    let refused = core.create_thing_group("child-100", Some("root-0"), BTreeMap::new()).await.unwrap_err();
    assert!(matches!(refused, Error::LimitExceeded { max: 100, .. }));
    groups(&world, &[("root-9", None)]).await;
    let refused = core.add_thing_to_group(thing("a"), "root-9").await.unwrap_err();
    assert!(matches!(refused, Error::LimitExceeded { max: 10, .. }));
    for number in 1..=3 {
        let name = format!("p{number}");
        core.create_policy(&name, CONNECT).await.unwrap();
        assert_eq!(core.attach_group_policy(&name, "l1").await.is_ok(), number < 3);
    }
    assert_eq!(core.list_group_policies("l1").await.unwrap(), ["p1", "p2"]);
    assert!(matches!(core.delete_policy("p1").await, Err(Error::DeleteConflict { .. })));
    core.detach_group_policy("p1", "l1").await.unwrap();
    core.delete_policy("p1").await.unwrap();
    // A group that goes away holds on to no policy.
    core.attach_group_policy("p2", "root-9").await.unwrap();
    core.delete_thing_group("root-9").await.unwrap();
    core.detach_group_policy("p2", "l1").await.unwrap();
    core.delete_policy("p2").await.unwrap();
    world.stop().await;
}

/// Registers `sat-7` with a new certificate by a template of these groups; gives the answer.
async fn provision(fleet: &Fleet, groups: &[&str], setting: &str) -> Value {
    let template = json!({
        "Parameters": {},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": "sat-7", "ThingGroups": groups},
                "OverrideSettings": {"ThingGroups": setting},
            },
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
        },
    });
    fleet.world.core.put_template("fleet", &template.to_string()).await.unwrap();
    let mut device = fleet.claim.connect().await;
    let create = "$aws/certificates/create-from-csr/json";
    let request = json!({"certificateSigningRequest": csr(&KeyPair::generate().unwrap())});
    device.publish(create, request.to_string(), QoS::AtLeastOnce).await;
    let created = device.receive_json(&format!("{create}/accepted")).await;
    let request =
        json!({"certificateOwnershipToken": created["certificateOwnershipToken"], "parameters": {"Code": "right"}});
    let register = "$aws/provisioning-templates/fleet/provision/json";
    device.publish(register, request.to_string(), QoS::AtLeastOnce).await;
    let (_, answer) = device.receive_text().await;
    device.disconnect().await;
    fleet.world.gone("claim-1").await;
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_puts_its_thing_into_groups() {
    let fleet = Fleet::start().await;
    let core = &fleet.world.core;
    let missing = provision(&fleet, &["home"], "MERGE").await;
    assert_eq!((&missing["statusCode"], &missing["errorCode"]), (&json!(400), &json!("InvalidTemplate")));
    assert_eq!(core.describe_thing(thing("sat-7")).await.unwrap(), None);
    groups(&fleet.world, &[("home", None), ("office", None), ("garden", None)]).await;
    for (wanted, setting, answer, present) in [
        // It is new: the setting is for things that exist.
        (vec!["home"], "DO_NOTHING", 0, vec!["home"]),
        (vec!["office"], "DO_NOTHING", 0, vec!["home"]),
        (vec!["office"], "MERGE", 0, vec!["home", "office"]),
        (vec!["office"], "FAIL", 409, vec!["home", "office"]),
        (vec!["office", "home"], "FAIL", 0, vec!["home", "office"]),
        (vec!["garden", "home"], "REPLACE", 0, vec!["garden", "home"]),
    ] {
        let said = provision(&fleet, &wanted, setting).await;
        assert_eq!(said["statusCode"].as_u64().unwrap_or(0), answer, "{wanted:?} {setting} {said}");
        assert_eq!(core.list_groups_of_thing(thing("sat-7")).await.unwrap(), present, "{wanted:?} {setting}");
    }
    fleet.world.stop().await;
}
