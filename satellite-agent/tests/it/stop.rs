//! SIGTERM.

use crate::{
    hub::{Hub, wait},
    satellite::{Satellite, state},
};
use std::io::Write as _;
use tempfile::TempDir;

#[tokio::test]
async fn a_producer_that_is_never_done_does_not_keep_a_satellite_from_stopping() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.add("den", dir.path()).await;
    let _away = hub.kill().await;
    let mut satellite = Satellite::start(dir.path());
    let mut stdin = std::fs::File::from(satellite.take_stdin().into_owned_fd().unwrap());
    // Until nobody reads any more.
    let producer = std::thread::spawn(move || while stdin.write_all(b"never done\n").is_ok() {});
    wait("the spool", async || state(dir.path()).iter().any(|(_, text)| text.contains("never done")).then_some(()))
        .await;
    let log = satellite.stop().await;
    assert!(!log.contains("inputs pause"), "it went on until there was no room: {log}");
    producer.join().unwrap();
}
