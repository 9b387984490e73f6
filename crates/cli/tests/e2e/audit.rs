//! The audit log in other hands: proofs, copies, and what is found on a copy that somebody has changed.

use crate::support::{Hub, text};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

#[test]
fn the_audit_log_is_exported_and_tampering_is_found_offline() {
    let hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    hub.await_answer(&["status"], |status| status["audit_waiting"] == 0 && status["audit_size"] != 0);
    assert_eq!(hub.ask(&["audit", "verify"])["intact"], true);
    let exported = hub.ask(&["audit", "export", "@copy"]);
    hub.refused(6, &["audit", "export", "@copy"]);
    let found = hub.ask(&["audit", "verify", "@copy"]);
    assert_eq!((&found["intact"], &found["size"]), (&Value::Bool(true), &exported["size"]));
    hub.ask(&["audit", "verify", "@copy/log", "--key", "@copy/verifier.key", "--trusted", "@copy/trusted.checkpoint"]);

    let proof = hub.ask(&["audit", "prove", "0", "--out", "@proof.json"]);
    assert_eq!(proof["entry"]["seq"], 0);
    hub.ask(&["audit", "prove", "--check", "@proof.json", "--key", "@copy/verifier.key"]);
    let forged = fs::read_to_string(hub.path("proof.json")).unwrap().replace("person.bootstrapped", "person.blessed");
    fs::write(hub.path("forged.json"), forged).unwrap();
    hub.refused(1, &["audit", "prove", "--check", "@forged.json", "--key", "@copy/verifier.key"]);
    hub.refused(5, &["audit", "prove", "99999"]);
    assert!(hub.tell(&["audit", "prove", "0"]).out.contains("unchecked"));
    assert!(hub.tell(&["audit", "prove", "0", "--key", "@copy/verifier.key"]).out.contains("proved"));
    let other = Hub::start();
    other.ask(&["audit", "export", "@copy"]);
    let refused = hub.refused(1, &["audit", "prove", "0", "--key", text(&json!(other.path("copy/verifier.key")))]);
    assert!(text(&refused["message"]).starts_with("the hub's proof does not hold"), "{refused}");
    assert!(hub.tell(&["audit", "tail", "-n", "5"]).out.contains("space.added"));

    let mut bundles: Vec<PathBuf> =
        fs::read_dir(hub.path("copy/log/tile/entries/000.p")).unwrap().map(|entry| entry.unwrap().path()).collect();
    bundles.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap());
    let newest = bundles.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    let at = bytes.windows(11).position(|window| window == b"space.added").unwrap();
    let mut edited = bytes.clone();
    edited[at] = b'S';
    fs::write(newest, edited).unwrap();
    let ran = hub.run(&["audit", "verify", "@copy"]);
    let found = ran.json();
    assert_eq!((ran.code, &found["intact"]), (Some(1), &Value::Bool(false)));
    assert!(
        found["findings"].as_array().unwrap().iter().any(|f| f["class"] == "edited" && f["seq"].is_u64()),
        "{found}"
    );
    fs::write(newest, bytes).unwrap();
    assert_eq!(hub.tell(&["audit", "verify", "@copy"]).code, Some(0));
    fs::write(hub.path("copy/log/extra"), "x").unwrap();
    assert!(hub.tell(&["audit", "verify", "@copy"]).out.contains("inserted"));
    hub.refused(1, &["audit", "verify", "@nowhere"]);
}
