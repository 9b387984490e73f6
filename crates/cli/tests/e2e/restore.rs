//! Backup and restore while hub and satellite run.

use crate::support::{Hub, Satellite, items, text, until};
use serde_json::Value;
use std::fs;

const CONFIG: &str = "[[input]]\nname = \"typed\"\nkind = \"stdin\"\nemit = \"transcript\"\n";

fn online(hub: &Hub) -> Value {
    hub.await_answer(&["satellite", "show", "pi"], |pi| pi["presence"]["online"] == true)
}

#[test]
fn what_was_forgotten_is_back_as_often_as_it_is_restored() {
    let mut hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    hub.ask(&["satellite", "add", "pi", "--space", "den", "--out", "@pi"]);
    fs::write(hub.path("pi.toml"), CONFIG).unwrap();
    let mut satellite = Satellite::start(&hub, "pi", "pi.toml", "state");
    online(&hub);
    satellite.type_line("remember that the tea is in the tin");
    let list = hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list).len() == 1);
    let memory = text(&list["items"][0]["id"]).to_owned();
    hub.ask(&["memory", "commit", &memory]);
    let remembers = || items(&hub.ask(&["memory", "recall", "where is the tea"])).len() == 1;
    until("recall", || remembers().then_some(()));
    let backup = hub.ask(&["backup", "--out", "@backup"]);

    hub.refused(2, &["restore", "@backup"]);
    hub.refused(5, &["restore", "@nowhere", "--yes"]);
    let refused = hub.refused(1, &["restore", "@pi", "--yes"]);
    assert!(text(&refused["message"]).contains("is no complete backup"), "{refused}");
    for round in 1..=3 {
        hub.ask(&["memory", "forget", &memory]);
        until("forgetting", || (!remembers()).then_some(()));
        let restored = hub.ask(&["restore", "@backup", "--yes"]);
        assert_eq!(restored["of"], backup["at"]);
        assert!(fs::metadata(text(&restored["aside"])).unwrap().is_dir());
        assert!(remembers(), "round {round}");
        online(&hub);
        satellite.type_line(&format!("remember that round {round} is over"));
        hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list).len() == 1);
        assert_eq!(hub.ask(&["audit", "verify"])["intact"], true);
        let tail = hub.ask(&["audit", "tail", "-n", "1000"]);
        let said: Vec<&Value> = items(&tail).iter().filter(|entry| entry["kind"] == "hub.restored").collect();
        assert_eq!(said.len(), 1, "once a restore, whatever the data before have seen: {said:?}");
        assert_eq!((&said[0]["actor"], &said[0]["data"]["of"]), (&Value::from("person:owner"), &backup["at"]));
        let held: Vec<_> = fs::read_dir(format!("/proc/{}/fd", hub.pid()))
            .unwrap()
            .filter_map(|fd| fs::read_link(fd.unwrap().path()).ok())
            .filter(|path| path.to_string_lossy().contains("data-before-"))
            .collect();
        assert!(held.is_empty(), "the hub holds on to data that it has put aside: {held:?}");
    }
    let damaged = hub.path("backup/ledger.db");
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[5000] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let refused = hub.refused(1, &["restore", "@backup", "--yes"]);
    assert!(text(&refused["message"]).contains("backup/ledger.db` is not as"), "{refused}");
    assert!(remembers(), "a damaged backup changes nothing");
    assert!(hub.stop().success());
}

#[test]
fn without_a_hub_data_are_replaced_or_made() {
    let mut hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    hub.ask(&["backup", "--out", "@backup"]);
    hub.ask(&["space", "add", "hall"]);
    assert!(hub.stop().success());
    let restored = hub.ask(&["restore", "@backup", "--yes"]);
    assert!(fs::metadata(text(&restored["aside"])).unwrap().is_dir());
    assert_eq!(hub.refused(3, &["status"])["code"], "no_hub", "nobody believes that the backup's hub runs");
    let mut hub = hub.again();
    assert_eq!(items(&hub.ask(&["space", "list"])).len(), 1);
    let tail = hub.ask(&["audit", "tail", "-n", "1"]);
    assert_eq!((&tail["items"][0]["kind"], &tail["items"][0]["actor"]), (&"hub.restored".into(), &"system".into()));
    // A backup of restored data is no restore.
    hub.ask(&["backup", "--out", "@second"]);
    assert!(hub.stop().success());
    fs::rename(hub.path("data"), hub.path("gone")).unwrap();
    assert_eq!(hub.ask(&["restore", "@second", "--yes"])["aside"], Value::Null);
    let hub = hub.again();
    let tail = hub.ask(&["audit", "tail", "-n", "100"]);
    let said = items(&tail).iter().filter(|entry| entry["kind"] == "hub.restored").count();
    assert_eq!(said, 2);
    assert_eq!(hub.ask(&["audit", "verify"])["intact"], true);
}
