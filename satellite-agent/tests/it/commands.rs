//! Commands through the shadow: done once, and always answered.

use crate::{
    hub::{Hub, command, wait},
    satellite::Satellite,
};
use marvain_domain::id::ActionId;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

fn id(n: u32) -> String {
    ActionId::derive(&[&n.to_string()]).to_string()
}

/// A lamp whose state is a line in a file, and that takes its time if told so.
fn configure(dir: &Path) {
    let config = r#"
        [[actuator]]
        name = "lamp"
        kind = "command"
        argv = ["sh", "-c", 'echo "$1" >> "$2"; sleep "$3"; [ "$1" != broken ] || { echo no bulb >&2; exit 3; }', "lamp", "{state}", "LAMP", "{seconds}"]
        args = { state = { type = "text" }, seconds = { type = "number", min = 0, max = 9 } }
        [[actuator]]
        name = "say"
        kind = "say"
        [[actuator]]
        name = "ping"
        kind = "ping"
    "#;
    let lamp = dir.join("lamp");
    std::fs::write(dir.join("satellite.toml"), config.replace("LAMP", lamp.to_str().unwrap())).unwrap();
}

fn lamp(n: u32, state: &str, seconds: u32) -> Value {
    command(&id(n), "lamp", &json!({"state": state, "seconds": seconds}), 60_000)
}

async fn ends(hub: &Hub, n: usize) -> Vec<Value> {
    wait("the reports", async || {
        let mut reports = hub.got("den/report");
        reports.retain(|report| report["state"] != "acknowledged");
        (reports.len() >= n).then_some(reports)
    })
    .await
}

fn changes(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("lamp")).unwrap_or_default()
}

#[tokio::test]
async fn commands_are_done_and_answered() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    configure(dir.path());
    let satellite = Satellite::start(dir.path());
    hub.presence("den", |reported| reported["software"].is_string()).await;
    hub.desire("den", "commands", &lamp(1, "on; $(touch x)", 0)).await;
    let reports = ends(&hub, 1).await;
    assert_eq!(reports[0]["state"], "succeeded", "{reports:?}");
    assert_eq!(reports[0]["result"]["exit"], 0);
    assert_eq!(changes(dir.path()), "on; $(touch x)\n");
    hub.desire("den", "commands", &lamp(2, "broken", 0)).await;
    let reports = ends(&hub, 2).await;
    assert_eq!((&reports[1]["state"], &reports[1]["action"]), (&json!("failed"), &json!(id(2))));
    assert_eq!(reports[1]["error"], "exit status: 3: no bulb");
    hub.desire("den", "commands", &lamp(3, &"x".repeat(513), 0)).await;
    hub.desire("den", "commands", &command(&id(4), "oven", &json!({}), 60_000)).await;
    hub.desire("den", "commands", &command(&id(5), "ping", &json!({}), -1)).await;
    hub.desire("den", "commands", &command(&id(6), "say", &json!({"text": "good evening"}), 60_000)).await;
    hub.desire("den", "commands", &command(&id(7), "ping", &json!({}), 60_000)).await;
    let reports = ends(&hub, 7).await;
    let of = |n: u32| reports.iter().find(|report| report["action"] == id(n)).unwrap();
    let states = [3, 4, 5, 6, 7].map(|n| of(n)["state"].as_str().unwrap());
    assert_eq!(states, ["rejected", "rejected", "expired", "succeeded", "succeeded"], "{reports:?}");
    assert_eq!(of(7)["result"]["software"], marvain_satellite::SOFTWARE);
    satellite.printed("good evening").await;
    satellite.stop().await;
}

#[tokio::test]
async fn a_command_waits_for_a_satellite_that_is_away_unless_it_expires() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    configure(dir.path());
    hub.desire("den", "commands", &lamp(1, "on", 0)).await;
    hub.desire("den", "commands", &command(&id(2), "lamp", &json!({"state": "off", "seconds": 0}), 0)).await;
    let satellite = Satellite::start(dir.path());
    ends(&hub, 2).await;
    assert_eq!(changes(dir.path()), "on\n");
    satellite.stop().await;
}

#[tokio::test]
async fn a_satellite_killed_in_the_middle_of_a_command_does_not_run_it_again() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    configure(dir.path());
    hub.desire("den", "commands", &lamp(1, "on", 3)).await;
    let satellite = Satellite::start(dir.path());
    wait("the lamp", async || (changes(dir.path()) == "on\n").then_some(())).await;
    satellite.kill().await;
    let satellite = Satellite::start(dir.path());
    let reports = ends(&hub, 1).await;
    assert_eq!(
        (&reports[0]["state"], &reports[0]["error"]),
        (&json!("failed"), &json!("interrupted: outcome unknown"))
    );
    hub.desire("den", "commands", &lamp(2, "off", 0)).await;
    ends(&hub, 2).await;
    satellite.kill().await;
    let satellite = Satellite::start(dir.path());
    hub.desire("den", "commands", &lamp(3, "on", 0)).await;
    let reports = ends(&hub, 3).await;
    assert_eq!(changes(dir.path()), "on\noff\non\n");
    let states: Vec<_> = reports.iter().map(|report| report["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "succeeded", "succeeded"]);
    satellite.stop().await;
}

#[tokio::test]
async fn a_satellite_that_is_told_to_stop_ends_its_command_and_says_so() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    configure(dir.path());
    hub.desire("den", "commands", &lamp(1, "on", 9)).await;
    let satellite = Satellite::start(dir.path());
    wait("the lamp", async || (changes(dir.path()) == "on\n").then_some(())).await;
    satellite.stop().await;
    let reports = ends(&hub, 1).await;
    assert_eq!(reports[0]["error"], "stopped: the satellite was shut down");
}

#[tokio::test]
async fn a_command_that_comes_while_it_stops_waits_for_the_next_start() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    configure(dir.path());
    hub.desire("den", "commands", &lamp(1, "on", 9)).await;
    let satellite = Satellite::start(dir.path());
    wait("the lamp", async || (changes(dir.path()) == "on\n").then_some(())).await;
    // It waits for the PUBACK of its report, in vain.
    let busy = hub.busy().await;
    satellite.terminate();
    satellite.logged("stopping").await;
    hub.desire("den", "commands", &lamp(2, "off", 0)).await;
    satellite.ended().await;
    assert_eq!(changes(dir.path()), "on\n");
    drop(busy);
    let satellite = Satellite::start(dir.path());
    let reports = ends(&hub, 2).await;
    let of = |n: u32| reports.iter().find(|report| report["action"] == id(n)).unwrap();
    assert_eq!(of(2)["state"], "succeeded", "{reports:?}");
    assert_eq!(changes(dir.path()), "on\noff\n");
    satellite.stop().await;
}
