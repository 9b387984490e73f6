use crate::world::World;
use marvain_hub::{Outcome, people::ReadingQuery};
use marvain_topics::Queue;
use serde_json::json;

const HOUR_MS: u64 = 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn reordered_lifecycle_events_are_told_apart_by_their_version() {
    let mut world = World::new().await;
    let events = [
        ("connected", 1, 0, true),
        ("connected", 3, 1, true),
        ("disconnected", 2, 2, true),
        ("disconnected", 1, 3, true),
        ("disconnected", 3, 4, false),
        ("connected", 3, 5, false),
        ("connected", 4, 6, true),
        ("disconnected", 5, 7, false),
        // Away for so long that the broker counts anew; what is late from before then stays late.
        ("connected", 0, 2 * HOUR_MS, true),
        ("disconnected", 5, 7, true),
        ("disconnected", 0, 2 * HOUR_MS + 1, false),
        ("connected", 0, 4 * HOUR_MS, true),
    ];
    for (what, version, after_ms, online) in events {
        let body = json!({"clientId": "pi", "timestamp": world.now.as_ms() + after_ms, "versionNumber": version});
        world.deliver(Queue::Presence, &format!("$aws/events/presence/{what}/pi"), None, body.to_string()).await;
        let caller = world.owner();
        let view = world.hub.satellite_of(&caller, &"pi".parse().unwrap()).await.unwrap();
        assert_eq!(view.presence.online, online, "after {what} {version}");
        assert_eq!(view.presence.capabilities.len(), 2, "what it can do is another matter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_keeps_the_newest_of_each_reading() {
    let mut world = World::new().await;
    let certificate = world.certificate("pi").await;
    for (id, at, value) in
        [("1", "2026-11-22T08:00:00Z", 1.0), ("3", "2026-11-22T08:02:00Z", 3.0), ("2", "2026-11-22T08:01:00Z", 2.0)]
    {
        let body =
            json!({"v": 1, "id": id, "at": at, "readings": [{"name": "temperature", "value": value, "unit": "C"}]});
        world.deliver(Queue::Telemetry, "marvain/v1/pi/telemetry", Some(&certificate), body.to_string()).await;
    }
    let caller = world.owner();
    let view = world.hub.satellite_of(&caller, &"pi".parse().unwrap()).await.unwrap();
    assert_eq!(view.readings.iter().map(|r| r.value).collect::<Vec<_>>(), [3.0]);
}

/// Every reading is in the history once, however often it is delivered and in which order.
#[tokio::test(flavor = "multi_thread")]
async fn every_reading_is_history() {
    let mut world = World::new().await;
    let certificate = world.certificate("pi").await;
    for (id, at, value) in [
        ("2", "2026-11-22T08:02:00Z", 2.0),
        ("1", "2026-11-22T08:01:00Z", 1.0),
        ("2", "2026-11-22T08:02:00Z", 2.0),
        ("3", "2026-11-22T08:03:00Z", 1e200),
    ] {
        let twice = json!([{"name": "t", "value": 9.0}, {"name": "t", "value": value, "unit": "C"}, {"name": "h", "value": 5.0}]);
        let body = json!({"v": 1, "id": id, "at": at, "readings": twice});
        world.deliver(Queue::Telemetry, "marvain/v1/pi/telemetry", Some(&certificate), body.to_string()).await;
    }
    let caller = world.owner();
    let query = ReadingQuery {
        name: "t".into(),
        from: "2026-11-22T08:00:00Z".parse().unwrap(),
        to: world.now,
        step_s: None,
        limit: 10,
    };
    let points = world.hub.readings(&caller, &"pi".parse().unwrap(), &query).await.unwrap();
    // Of the last payload, what can be summed up.
    assert_eq!(points.iter().map(|point| point.mean).collect::<Vec<_>>(), [1.0, 2.0, 9.0]);
    let steps = ReadingQuery { name: "h".into(), step_s: Some(3600), ..query.clone() };
    let steps = world.hub.readings(&caller, &"pi".parse().unwrap(), &steps).await.unwrap();
    assert_eq!((steps.len(), steps[0].count, steps[0].mean), (1, 3, 5.0));
    // Another satellite's certificate writes no history.
    let body = json!({"v": 1, "id": "9", "at": "2026-11-22T08:09:00Z", "readings": [{"name": "t", "value": 0.0}]});
    world.deliver(Queue::Telemetry, "marvain/v1/pi/telemetry", Some("other"), body.to_string()).await;
    assert_eq!(world.hub.readings(&caller, &"pi".parse().unwrap(), &query).await.unwrap().len(), 3);
    // What is old is summed up by the sweep.
    world.now = world.now.plus_s(91 * 24 * 3600);
    world.hub.sweep(world.now).await;
    assert!(world.hub.readings(&caller, &"pi".parse().unwrap(), &query).await.unwrap().is_empty());
    let hours = ReadingQuery { step_s: Some(3600), ..query };
    assert_eq!(world.hub.readings(&caller, &"pi".parse().unwrap(), &hours).await.unwrap()[0].count, 3);
}

/// Names of the readings that are kept of `pi`.
async fn readings(world: &mut World) -> Vec<String> {
    let caller = world.owner();
    let view = world.hub.satellite_of(&caller, &"pi".parse().unwrap()).await.unwrap();
    view.readings.into_iter().map(|reading| reading.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_are_bounded_in_number_and_age() {
    let mut world = World::new().await;
    let certificate = world.certificate("pi").await;
    let names = |from: usize| (from..from + 32).map(|n| format!("r{n:03}")).collect::<Vec<_>>();
    for (id, at, from) in [
        ("1", "2026-11-22T08:01:00Z", 0),
        ("2", "2026-11-22T08:02:00Z", 32),
        // The oldest 32 make room; then nothing older does, and a name that is known takes no room.
        ("3", "2026-11-22T08:03:00Z", 64),
        ("4", "2026-11-22T08:00:00Z", 96),
        ("5", "2026-11-22T08:04:00Z", 64),
    ] {
        let values: Vec<_> = names(from).iter().map(|name| json!({"name": name, "value": 1.0})).collect();
        let body = json!({"v": 1, "id": id, "at": at, "readings": values}).to_string();
        let outcome = world.deliver(Queue::Telemetry, "marvain/v1/pi/telemetry", Some(&certificate), body).await;
        assert_eq!(outcome, Outcome::Applied);
    }
    assert_eq!(readings(&mut world).await, [names(32), names(64)].concat());
    world.now = world.now.plus_s(30 * 24 * 3600);
    world.hub.purge(world.now).await.unwrap();
    assert!(readings(&mut world).await.is_empty(), "what a satellite no longer measures is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_no_satellites_are_nobodys_presence() {
    let mut world = World::new().await;
    let before = world.audit(1000).await.len();
    let body = json!({"clientId": "_claim-pi", "timestamp": 1, "versionNumber": 0}).to_string();
    for client in ["_claim-pi", "somebody"] {
        let topic = format!("$aws/events/presence/connected/{client}");
        assert_eq!(world.deliver(Queue::Presence, &topic, None, &body).await, Outcome::Applied);
    }
    assert_eq!(world.audit(1000).await.len(), before);
}
