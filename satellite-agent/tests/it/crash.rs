//! kill -9 in the middle of a stream.

use crate::{
    hub::{Hub, wait},
    satellite::{Satellite, state},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    time::Duration,
};
use tempfile::TempDir;

const LINES: usize = 1000;

#[tokio::test]
async fn every_line_of_a_file_arrives_once_though_satellite_and_hub_are_killed() {
    let (mut hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let config = "[[input]]\nname = \"log\"\nkind = \"file\"\npath = \"log\"\nemit = \"transcript\"\n";
    std::fs::write(dir.path().join("satellite.toml"), config).unwrap();
    let mut log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut satellite = Satellite::start(dir.path());
    for n in 0..LINES {
        writeln!(log, "line {n}").unwrap();
        if n % 100 == 50 {
            // Somewhere in the middle of reading, spooling and sending.
            tokio::time::sleep(Duration::from_millis(180 + (n as u64 * 7) % 90)).await;
            satellite.kill().await;
            satellite = Satellite::start(dir.path());
        }
        if n % 400 == 300 {
            hub = hub.crash().await;
        }
    }
    let texts = || -> BTreeSet<String> {
        hub.got("den/event/transcript").iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
    };
    wait("all lines", async || (texts().len() == LINES).then_some(())).await;
    satellite.stop().await;
    // The same line never has two ids: what was sent twice can be told.
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for event in hub.got("den/event/transcript") {
        let (id, text) = (event["id"].as_str().unwrap(), event["text"].as_str().unwrap());
        assert_eq!(ids.entry(id.to_owned()).or_insert(text.to_owned()), text);
    }
    assert_eq!(ids.len(), LINES);
}

#[tokio::test]
async fn what_is_spooled_while_the_hub_is_away_arrives_in_order() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    let certificate = hub.add("den", dir.path()).await;
    let mut identity = std::fs::read_to_string(dir.path().join("connection.json")).unwrap();
    // A port where nobody listens.
    let here = hub.port.to_string();
    std::fs::write(dir.path().join("connection.json"), identity.replace(&here, "9")).unwrap();
    let mut satellite = Satellite::start(dir.path());
    for n in 0..LINES {
        satellite.say(&format!("line {n}")).await;
    }
    wait("the spool", async || {
        let all: String = state(dir.path()).into_iter().map(|(_, content)| content).collect();
        all.contains(&format!("line {}\"", LINES - 1)).then_some(())
    })
    .await;
    satellite.kill().await;
    std::fs::write(dir.path().join("connection.json"), std::mem::take(&mut identity)).unwrap();
    let satellite = Satellite::start(dir.path());
    let events = hub.get("den/event/transcript", LINES).await;
    let texts: Vec<_> = events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..LINES).map(|n| format!("line {n}")).collect::<Vec<_>>());
    satellite.stop().await;
    hub.revoke(certificate).await;
}

#[tokio::test]
async fn a_damaged_spool_is_kept_aside_and_reported_to_the_hub() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let here = std::fs::read_to_string(dir.path().join("connection.json")).unwrap();
    std::fs::write(dir.path().join("connection.json"), here.replace(&hub.port.to_string(), "9")).unwrap();
    let mut satellite = Satellite::start(dir.path());
    for text in ["one", "two", "three"] {
        satellite.say(text).await;
    }
    wait("the spool", async || state(dir.path()).iter().any(|(_, text)| text.contains("three")).then_some(())).await;
    satellite.kill().await;
    let segment =
        state(dir.path()).into_iter().map(|(path, _)| path).find(|path| path.to_string_lossy().contains("events-"));
    let mut bytes = std::fs::read(segment.as_ref().unwrap()).unwrap();
    let two = bytes.windows(3).position(|part| part == b"two").unwrap();
    bytes[two] = b'T';
    std::fs::write(segment.unwrap(), &bytes).unwrap();
    std::fs::write(dir.path().join("connection.json"), here).unwrap();
    let satellite = Satellite::start(dir.path());
    let events = hub.get("den/event/transcript", 2).await;
    assert_eq!((&events[0]["text"], &events[1]["text"]), (&"one".into(), &"three".into()));
    let faults = hub.get("den/event/observation", 1).await;
    assert_eq!(faults[0]["name"], "satellite.fault");
    assert!(faults[0]["details"]["fault"].as_str().unwrap().contains(".corrupt"), "{faults:?}");
    satellite.stop().await;
    assert!(
        state(dir.path())
            .iter()
            .any(|(path, text)| path.to_string_lossy().ends_with(".corrupt") && text.contains("Two"))
    );
}
