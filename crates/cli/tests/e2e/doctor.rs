//! `marvain doctor` with a hub, without one, and with something wrong.

use crate::support::{Hub, text};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

fn check<'a>(checks: &'a Value, name: &str) -> &'a Value {
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name}: {checks}"))
}

fn newest_bundle(vault: &Path) -> std::path::PathBuf {
    let bundles = fs::read_dir(vault.join("tile/entries/000.p")).unwrap().map(|entry| entry.unwrap().path());
    bundles.max_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap()).unwrap()
}

#[test]
fn what_is_wrong_is_found_with_a_hub_and_without() {
    let mut hub = Hub::start();
    hub.ask(&["satellite", "add", "pi", "--out", "@pi"]);
    let checks = hub.ask(&["doctor"]);
    for name in ["data directory", "disk", "hub", "clock", "planner", "queues", "effects", "audit log"] {
        assert_eq!(check(&checks, name)["state"], "ok", "{checks}");
    }
    assert_eq!(
        (&check(&checks, "satellites")["state"], &check(&checks, "satellites")["detail"]),
        (&"warn".into(), &"offline: pi".into())
    );
    let seed = hub.path("data/keys/audit.seed");
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = hub.run(&["doctor"]);
    assert_eq!((ran.code, &check(&ran.json(), "data directory")["state"]), (Some(1), &"fail".into()));
    assert!(text(&check(&ran.json(), "data directory")["hint"]).starts_with("chmod"));
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o600)).unwrap();
    hub.await_answer(&["status"], |status| status["audit_waiting"] == 0 && status["audit_size"] != 0);
    assert!(hub.stop().success());

    let checks = hub.ask(&["doctor"]);
    assert_eq!(check(&checks, "hub")["state"], "warn");
    for name in ["databases", "audit log"] {
        assert_eq!(check(&checks, name)["state"], "ok", "{checks}");
    }
    let bundle = newest_bundle(&hub.path("data/vault"));
    let mut bytes = fs::read(&bundle).unwrap();
    let at = bytes.windows(9).position(|window| window == b"satellite").unwrap();
    bytes[at] = b'S';
    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&bundle, bytes).unwrap();
    let ran = hub.run(&["doctor"]);
    let found = ran.json();
    assert_eq!((ran.code, &check(&found, "audit log")["state"]), (Some(1), &"fail".into()), "{found}");
    assert!(text(&check(&found, "audit log")["detail"]).contains("edited at entry"), "{found}");

    fs::write(hub.path("data/recall.db"), "no database").unwrap();
    let found = hub.run(&["doctor"]).json();
    assert!(text(&check(&found, "databases")["detail"]).contains("recall.db"), "{found}");
}
