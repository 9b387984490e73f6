//! No room: a spool that is full, a disk that refuses.

use crate::{hub::Hub, satellite::Satellite};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

fn lines(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("line {n} {}", "x".repeat(100))).collect()
}

async fn texts(hub: &Hub, n: usize) -> Vec<String> {
    let events = hub.get("den/event/transcript", n).await;
    events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_spool_makes_the_producer_wait_and_loses_nothing() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let config = "spool_bytes = 262144\n[[input]]\nname = \"stdin\"\nkind = \"stdin\"\nemit = \"transcript\"\n";
    std::fs::write(dir.path().join("satellite.toml"), config).unwrap();
    let hub = hub.kill().await;
    let mut satellite = Satellite::start(dir.path());
    let said = lines(3000);
    let mut stdin = satellite.take_stdin();
    let all = said.iter().map(|line| format!("{line}\n")).collect::<String>();
    let writing = tokio::spawn(async move {
        stdin.write_all(all.as_bytes()).await.unwrap();
        stdin
    });
    satellite.logged("inputs pause: the spool is full of events").await;
    assert!(!writing.is_finished());
    let hub = hub.start().await;
    assert_eq!(texts(&hub, said.len()).await, said);
    drop(writing.await.unwrap());
    satellite.logged("inputs resume").await;
    hub.presence("den", |reported| reported["paused"] == false).await;
    satellite.stop().await;
}

#[tokio::test]
async fn a_disk_that_refuses_to_write_pauses_inputs_and_loses_nothing() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let mut satellite = Satellite::start_short_of_disk(dir.path());
    let said = lines(300);
    for line in &said {
        satellite.say(line).await;
    }
    assert_eq!(texts(&hub, said.len()).await, said);
    let log = satellite.stop().await;
    assert!(log.contains("inputs pause: the spool cannot be written") && log.contains("inputs resume"), "{log}");
    assert!(log.contains("File too large"), "{log}");
}
