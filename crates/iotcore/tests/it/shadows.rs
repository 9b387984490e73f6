//! Shadows over their reserved topics, and through the control operations.

use marvain_iotcore::names::{ShadowName, ThingName};
use rumqttc::QoS;
use serde_json::json;

use crate::common::{Setup, World, next, rule};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_updates_and_reads_its_shadow() {
    let world = World::start().await;
    let mut device = world.device("pi").await.connect().await;
    for end in ["get/+", "update/+", "delete/+"] {
        device.subscribe(&format!("$aws/things/pi/shadow/{end}"), QoS::AtLeastOnce).await;
    }
    device.publish("$aws/things/pi/shadow/get", "", QoS::AtLeastOnce).await;
    assert_eq!(device.receive_json("$aws/things/pi/shadow/get/rejected").await["code"], 404);

    let request = json!({"state": {"reported": {"lamp": "off"}}, "clientToken": "t1"});
    device.publish("$aws/things/pi/shadow/update", request.to_string(), QoS::AtLeastOnce).await;
    let accepted = device.receive_json("$aws/things/pi/shadow/update/accepted").await;
    assert_eq!((&accepted["version"], &accepted["clientToken"]), (&json!(1), &json!("t1")));
    let documents = device.receive_json("$aws/things/pi/shadow/update/documents").await;
    assert_eq!(documents["current"]["state"], json!({"reported": {"lamp": "off"}}));

    let thing = ThingName::parse("pi").unwrap();
    let desired = json!({"state": {"desired": {"lamp": "on"}}}).to_string();
    world.core.shadow_update(thing.clone(), None, desired.as_bytes()).await.unwrap();
    device.receive_json("$aws/things/pi/shadow/update/accepted").await;
    let delta = device.receive_json("$aws/things/pi/shadow/update/delta").await;
    assert_eq!((&delta["state"], &delta["version"]), (&json!({"lamp": "on"}), &json!(2)));
    device.receive_json("$aws/things/pi/shadow/update/documents").await;

    let stale = json!({"state": {"reported": {"lamp": "on"}}, "version": 1});
    device.publish("$aws/things/pi/shadow/update", stale.to_string(), QoS::AtLeastOnce).await;
    assert_eq!(device.receive_json("$aws/things/pi/shadow/update/rejected").await["code"], 409);

    let document: serde_json::Value =
        serde_json::from_slice(&world.core.shadow_get(thing, None).await.unwrap()).unwrap();
    assert_eq!(document["state"]["delta"], json!({"lamp": "on"}));
    device.publish("$aws/things/pi/shadow/delete", "", QoS::AtLeastOnce).await;
    device.receive_json("$aws/things/pi/shadow/delete/accepted").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_shadow_waits_for_its_absent_device() {
    let (rule, mut ruled) = rule("$aws/things/+/shadow/name/+/update/documents");
    let world = World::with(Setup { rules: vec![rule], ..Setup::default() }).await;
    let device = world.device("pi").await;
    let client = device.connect_persistent().await;
    client.subscribe("$aws/things/pi/shadow/name/commands/update/delta", QoS::AtLeastOnce).await;
    client.disconnect().await;
    world.gone("pi").await;
    let (thing, name) = (ThingName::parse("pi").unwrap(), ShadowName::parse("commands").unwrap());
    let desired = json!({"state": {"desired": {"c1": {"do": "ping"}}}}).to_string();
    world.core.shadow_update(thing.clone(), Some(name.clone()), desired.as_bytes()).await.unwrap();
    let documents = next(&mut ruled).await;
    assert_eq!(documents.topic.as_str(), "$aws/things/pi/shadow/name/commands/update/documents");
    assert_eq!(documents.principal, None);
    let data = world.stop().await;
    let world = World::at(data, Setup::default()).await;
    let mut client = device.at(world.address).connect_persistent().await;
    let delta = client.receive_json("$aws/things/pi/shadow/name/commands/update/delta").await;
    assert_eq!(delta["state"], json!({"c1": {"do": "ping"}}));
    assert_eq!(world.core.list_named_shadows(thing.clone(), "").await.unwrap(), std::slice::from_ref(&name));
    world.core.shadow_delete(thing.clone(), Some(name.clone())).await.unwrap();
    assert!(world.core.list_named_shadows(thing.clone(), "").await.unwrap().is_empty());
    let gone = world.core.shadow_get(thing, Some(name)).await.unwrap_err();
    assert!(matches!(gone, marvain_iotcore::ShadowRequestError::Rejected(rejected) if rejected.error.code() == 404));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_of_a_deleted_shadow_is_kept_for_two_days() {
    let world = World::start().await;
    let thing = ThingName::parse("pi").unwrap();
    let mut versions = Vec::new();
    for gone_s in [48 * 3600 - 1, 48 * 3600, 0] {
        let request = json!({"state": {"desired": {"lamp": "on"}}}).to_string();
        let accepted = world.core.shadow_update(thing.clone(), None, request.as_bytes()).await.unwrap();
        versions.push(serde_json::from_slice::<serde_json::Value>(&accepted).unwrap()["version"].clone());
        world.core.shadow_delete(thing.clone(), None).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(gone_s));
        world.core.sweep().await.unwrap();
    }
    let [first, within, later] = versions.try_into().unwrap();
    assert!(within.as_u64() > first.as_u64(), "{first} {within}");
    assert_eq!(later, first);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_updates_are_applied_one_after_another() {
    let world = World::start().await;
    let thing = ThingName::parse("pi").unwrap();
    let updates = (0..50).map(|number| {
        let (core, thing) = (world.core.clone(), thing.clone());
        tokio::spawn(async move {
            let request = json!({"state": {"reported": {format!("k{number}"): number}}}).to_string();
            core.shadow_update(thing, None, request.as_bytes()).await.unwrap();
        })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap();
    }
    let document: serde_json::Value =
        serde_json::from_slice(&world.core.shadow_get(thing, None).await.unwrap()).unwrap();
    assert_eq!(document["version"], 50);
    assert_eq!(document["state"]["reported"].as_object().unwrap().len(), 50);
    world.stop().await;
}
