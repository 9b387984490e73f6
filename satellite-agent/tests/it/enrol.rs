//! From a claim to an identity.

use crate::{
    hub::{Hub, wait},
    satellite::{Satellite, execute},
};
use serde_json::Value;
use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};
use tempfile::TempDir;

async fn enrol(dir: &Path, identity: &str, serial: &str, code: &str) -> Output {
    let (claim, identity) = (dir.join("claim"), dir.join(identity));
    let (claim, identity) = (claim.to_str().unwrap(), identity.to_str().unwrap());
    execute(&["enrol", "--json", "--claim", claim, "--serial", serial, "--code", code, "--identity", identity]).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_owned()).unwrap()
}

#[tokio::test]
async fn a_claim_and_a_code_make_a_thing_with_a_key_of_its_own() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.claim(&dir.path().join("claim")).await;
    let wrong = enrol(dir.path(), "identity", "den", "wrong-code").await;
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong.stderr));
    assert!(text(&wrong.stderr).contains("the hub refused to provision"), "{}", text(&wrong.stderr));
    let identity = dir.path().join("identity");
    assert!(!identity.join("connection.json").exists());
    let key = std::fs::read_to_string(identity.join("private.key")).unwrap();
    let pending = std::fs::read(identity.join("enrolment.json")).unwrap();

    let right = enrol(dir.path(), "identity", "den", "right-code").await;
    assert!(right.status.success(), "{}", text(&right.stderr));
    let answer: Value = serde_json::from_slice(&right.stdout).unwrap();
    assert_eq!((answer["thing"].as_str(), answer["identity"].as_str()), (Some("den"), identity.to_str()));
    assert_eq!(std::fs::read_to_string(identity.join("private.key")).unwrap(), key, "the key of the first attempt");
    for file in ["private.key", "certificate.pem", "root-ca.pem", "connection.json"] {
        let mode = identity.join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(identity.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_dir(&identity).unwrap().count(), 4, "nothing else is left");

    let mut satellite = Satellite::start(&identity);
    wait("the connection", async || hub.is_online("den").then_some(())).await;
    satellite.say("hello").await;
    hub.get("den/event/transcript", 1).await;
    satellite.stop().await;

    let again = enrol(dir.path(), "identity", "den", "right-code").await;
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("has an identity already"));
    let replayed = enrol(dir.path(), "other", "den2", "right-code").await;
    assert_eq!(replayed.status.code(), Some(3), "a code is good for one certificate");
    assert!(!pending.is_empty());
}

#[tokio::test]
async fn an_enrolment_that_was_cut_off_before_its_last_file_can_be_repeated() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.claim(&dir.path().join("claim")).await;
    // The first attempt ends after the certificate was made; a link that never answers again would do the same.
    let wrong = enrol(dir.path(), "identity", "den", "wrong-code").await;
    assert_eq!(wrong.status.code(), Some(3));
    let identity = dir.path().join("identity");
    let kept = |name: &str| std::fs::read(identity.join(name)).unwrap();
    let (key, pending) = (kept("private.key"), kept("enrolment.json"));
    let right = enrol(dir.path(), "identity", "den", "right-code").await;
    assert!(right.status.success(), "{}", text(&right.stderr));
    // A crash after the hub had said yes, and before the files were written.
    let cut_off = dir.path().join("cut-off");
    std::fs::create_dir(&cut_off).unwrap();
    std::fs::write(cut_off.join("private.key"), key).unwrap();
    std::fs::write(cut_off.join("enrolment.json"), pending).unwrap();
    let repeated = enrol(dir.path(), "cut-off", "den", "right-code").await;
    assert!(repeated.status.success(), "{}", text(&repeated.stderr));
    let same = |name: &str| kept(name) == std::fs::read(cut_off.join(name)).unwrap();
    assert!(same("certificate.pem") && same("private.key") && same("connection.json"));
}

#[tokio::test]
async fn a_claim_is_no_identity_and_an_identity_no_claim() {
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    let claim = dir.path().join("claim");
    hub.claim(&claim).await;
    let run = execute(&["run", "--identity", claim.to_str().unwrap()]).await;
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("it is a claim, not an identity"), "{}", text(&run.stderr));
    let other = TempDir::new().unwrap();
    hub.add("den", &other.path().join("claim")).await;
    let enrolled = enrol(other.path(), "identity", "den2", "right-code").await;
    assert_eq!(enrolled.status.code(), Some(2));
    assert!(text(&enrolled.stderr).contains("must have `template`"), "{}", text(&enrolled.stderr));
}
