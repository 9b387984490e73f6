//! `marvain demo`: every step holds, is told as promised, and leaves nothing behind unless it is asked to.

use crate::support::{Ran, marvain, text};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

const STEPS: [&str; 13] = [
    "claim", "refuse", "enrol", "online", "remember", "ask", "approve", "act", "offline", "privacy", "crash", "revoke",
    "audit",
];

fn assert_holds(home: &Path, args: &[&str]) {
    let ran = Ran::of(marvain(home).args(["demo", "--json"]).args(args));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&str> = lines.iter().map(|line| text(&line["step"])).collect();
    assert_eq!(steps, STEPS);
    for line in &lines {
        let fields: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["step", "ok", "evidence", "ms"]));
        assert!(line["ok"] == true && !text(&line["evidence"]).is_empty() && line["ms"].is_u64(), "{line}");
    }
}

#[test]
fn all_steps_hold_and_nothing_is_left_behind() {
    let home = tempfile::tempdir().unwrap();
    assert_holds(home.path(), &["--events", "100"]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn what_is_to_be_kept_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept");
    assert_holds(home.path(), &["--events", "10", "--keep", kept.to_str().unwrap()]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    let verified = Ran::of(marvain(home.path()).args(["--json", "audit", "verify"]).arg(kept.join("hub/vault")));
    assert_eq!((verified.code, &verified.json()["intact"]), (Some(0), &Value::Bool(true)));
    let again = Ran::of(marvain(home.path()).args(["--json", "demo", "--keep"]).arg(&kept));
    assert_eq!(again.code, Some(1));
    assert!(text(&again.error()["message"]).contains("not empty"), "{again:?}");
    let full = home.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "mine").unwrap();
    assert_eq!(Ran::of(marvain(home.path()).args(["demo", "--keep"]).arg(&full)).code, Some(1));
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1, "it was looked at first");
}

#[test]
fn what_the_demo_would_not_heed_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for args in [["demo", "--data", "d"], ["--data", "d", "demo"], ["demo", "--credential", "c"]] {
        let ran = Ran::of(marvain(home.path()).args(args));
        assert!(ran.code == Some(2) && ran.err.contains("has a hub of its own"), "{args:?}: {ran:?}");
    }
    let elsewhere = Ran::of(marvain(home.path()).args(["demo", "--keep", "/dev/null"]).env("MARVAIN_DATA", "d"));
    assert_eq!(elsewhere.code, Some(1), "the environment is no wish: {elsewhere:?}");
}
