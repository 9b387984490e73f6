//! What inputs say reaches the hub, and what must not, does not.

use crate::{
    hub::{Hub, wait},
    satellite::{Satellite, execute, state},
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn texts(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lines_become_transcripts_and_the_satellite_says_what_it_can_do() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let mut satellite = Satellite::start(dir.path());
    let reported = hub.presence("den", |reported| reported["software"].is_string()).await;
    let names: Vec<_> = reported["capabilities"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["say", "notify", "ping", "identify"]);
    satellite.say("remember that tea is in the tin").await;
    satellite.write(b"\n\xff\xfe\nx").await;
    satellite.write("y".repeat(5000).as_bytes()).await;
    satellite.write(b"\nstill here\n").await;
    let events = hub.get("den/event/transcript", 2).await;
    assert_eq!(texts(&events), ["remember that tea is in the tin", "still here"]);
    let log = satellite.stop().await;
    assert!(log.contains("it is not UTF-8") && log.contains("it is too long"), "{log}");
    wait("the disconnection", async || (!hub.is_online("den")).then_some(())).await;
}

#[tokio::test]
async fn readings_and_files_are_followed() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let config = r#"
        [[input]]
        name = "door"
        kind = "file"
        path = "door.log"
        emit = "observation"
        [[input]]
        name = "cellar"
        kind = "command"
        argv = ["printf", "warming up\n21.5\n"]
        interval_s = 1
        unit = "C"
        [[input]]
        name = "host"
        kind = "host"
        interval_s = 1
    "#;
    std::fs::write(dir.path().join("satellite.toml"), config).unwrap();
    std::fs::write(dir.path().join("door.log"), "open\nshut\n").unwrap();
    let satellite = Satellite::start(dir.path());
    let seen = hub.get("den/event/observation", 2).await;
    assert_eq!((&seen[0]["name"], &seen[0]["details"]["text"]), (&json!("door"), &json!("open")));
    let readings = hub.get("den/telemetry", 4).await;
    let all: Vec<_> = readings.iter().flat_map(|payload| payload["readings"].as_array().unwrap()).collect();
    assert!(all.iter().any(|reading| **reading == json!({"name": "cellar", "value": 21.5, "unit": "C"})), "{all:?}");
    assert!(all.iter().any(|reading| reading["name"] == "load_1m"), "{all:?}");
    satellite.stop().await;
}

#[tokio::test]
async fn in_privacy_mode_words_neither_leave_the_device_nor_reach_its_disk() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    hub.desire("den", "config", &json!({"privacy": true})).await;
    let mut satellite = Satellite::start(dir.path());
    satellite.logged("privacy mode").await;
    satellite.say("the safe is behind the picture").await;
    hub.get("den/event/suppressed", 1).await;
    satellite.kill().await;
    // The mode is remembered, also when the hub cannot be asked.
    let mut satellite = Satellite::start(dir.path());
    satellite.say("the key is under the mat").await;
    hub.get("den/event/suppressed", 2).await;
    hub.desire("den", "config", &json!({"privacy": false})).await;
    satellite.logged("\"on\":false").await;
    satellite.say("good morning").await;
    let events = hub.get("den/event/transcript", 1).await;
    assert_eq!(texts(&events), ["good morning"]);
    satellite.stop().await;
    for (path, content) in state(dir.path()) {
        assert!(!content.contains("safe") && !content.contains("mat"), "{}", path.display());
    }
}

#[tokio::test]
async fn a_revoked_satellite_falls_off_and_keeps_what_it_hears() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    let certificate = hub.add("den", dir.path()).await;
    let mut satellite = Satellite::start(dir.path());
    wait("the connection", async || hub.is_online("den").then_some(())).await;
    hub.revoke(certificate).await;
    wait("the disconnection", async || (!hub.is_online("den")).then_some(())).await;
    satellite.say("is anybody there").await;
    satellite.logged("not connected").await;
    satellite.stop().await;
    assert!(state(dir.path()).iter().any(|(_, content)| content.contains("is anybody there")));
    assert!(hub.got("den/event/transcript").is_empty());
}

#[tokio::test]
async fn what_cannot_run_says_why() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    let path = dir.path().to_str().unwrap();
    let missing = execute(&["run", "--identity", path]).await;
    assert_eq!(missing.status.code(), Some(2));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("connection.json") && said.contains("No such file"), "{said}");

    hub.add("den", dir.path()).await;
    let satellite = Satellite::start(dir.path());
    satellite.logged("satellite starts").await;
    let second = execute(&["run", "--identity", path]).await;
    assert_eq!(second.status.code(), Some(4));
    assert!(String::from_utf8(second.stderr).unwrap().contains("another agent is running"));
    satellite.stop().await;

    std::fs::write(dir.path().join("private.key"), "no key").unwrap();
    let broken = execute(&["run", "--identity", path]).await;
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8(broken.stderr).unwrap().contains("private.key"));
}
