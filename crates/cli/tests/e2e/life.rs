//! A household's life by commands alone: a satellite enrols, hears, acts on approval, keeps quiet when it must, and the
//! audit log tells of it.

use crate::support::{Hub, Ran, Satellite, items, marvain, text, until};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _};

const CONFIG: &str = r#"
[[input]]
name = "typed"
kind = "stdin"
emit = "transcript"

[[actuator]]
name = "lamp"
kind = "command"
argv = ["sh", "-c", 'printf "%s\n" "$1" >> "$2"', "lamp", "{state}", LAMP]

[actuator.args.state]
type = "text"
enum = ["on", "off"]
"#;

fn enrol(hub: &Hub, code: &str) -> Ran {
    Ran::of(
        marvain(hub.dir().path())
            .args(["agent", "enrol", "--serial", "pi", "--claim"])
            .arg(hub.path("claim"))
            .arg("--identity")
            .arg(hub.path("pi"))
            .env("MARVAIN_ENROLMENT_CODE", code),
    )
}

#[test]
fn from_a_claim_to_an_audited_action() {
    let hub = Hub::start();
    hub.ask(&["space", "add", "den", "--location", "home"]);
    hub.ask(&["person", "add", "anna", "--role", "member"]);
    hub.ask(&["person", "add", "gus", "--role", "guest"]);
    hub.ask(&["person", "token", "gus", "--out", "@gus.token"]);
    for kind in ["memory", "disclosure"] {
        hub.ask(&["consent", "grant", "anna", kind, "--purpose", "household"]);
    }
    hub.ask(&["claim", "create", "--out", "@claim"]);
    let code = hub.ask(&["claim", "code", "pi", "--space", "den", "--person", "anna"]);
    assert_ne!(enrol(&hub, &"0".repeat(40)).code, Some(0));
    let enrolled = enrol(&hub, text(&code["code"]));
    assert_eq!(enrolled.code, Some(0), "{enrolled:?}");
    assert_eq!(fs::metadata(hub.path("pi/private.key")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(hub.path("pi.toml"), CONFIG.replace("LAMP", &json!(hub.path("lamp")).to_string())).unwrap();
    let mut satellite = Satellite::start(&hub, "pi", "pi.toml", "state");
    hub.await_answer(&["satellite", "show", "pi"], |pi| {
        pi["presence"]["online"] == true && pi["presence"]["capabilities"][0]["name"] == "lamp"
    });

    satellite.type_line("remember that the tea is in the tin");
    let list = hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list).len() == 1);
    let memory = text(&list["items"][0]["id"]);
    assert_eq!(list["items"][0]["evidence"][0]["person"], "anna");
    hub.ask(&["memory", "commit", memory]);
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list).len() == 1);

    let said = hub.ask(&["say", "turn the lamp on", "--via", "pi", "--wait", "--timeout", "20s"]);
    let action = text(&said["actions"][0]["id"]);
    hub.await_answer(&["action", "list", "--state", "awaiting_approval"], |list| items(list).len() == 1);
    assert!(!hub.path("lamp").exists());
    hub.refused(
        4,
        &[
            "--credential",
            "@gus.token",
            "action",
            "approve",
            action,
            "--args-hash",
            text(&said["actions"][0]["args_hash"]),
        ],
    );
    hub.ask(&["action", "approve", action, "--yes"]);
    hub.await_answer(&["action", "show", action], |action| action["state"] == "succeeded");
    assert_eq!(fs::read_to_string(hub.path("lamp")).unwrap(), "on\n");

    hub.ask(&["privacy", "on", "den"]);
    satellite.type_line("remember that the password is quetzalcoatlus");
    until("the audit entry", || {
        let tail = hub.ask(&["audit", "tail", "-n", "100"]);
        items(&tail).iter().any(|entry| entry["kind"] == "event.suppressed").then_some(())
    });
    assert_eq!(items(&hub.ask(&["memory", "list", "--state", "candidate"])).len(), 0);
    hub.ask(&["privacy", "off", "den"]);
    hub.ask(&["memory", "forget", memory]);
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list).is_empty());

    hub.await_answer(&["status"], |status| status["audit_waiting"] == 0);
    assert_eq!(hub.ask(&["audit", "verify"])["intact"], true);
    let tail = hub.ask(&["audit", "tail", "-n", "1000"]);
    let kinds: Vec<&str> = items(&tail).iter().map(|entry| text(&entry["kind"])).collect();
    let mut story = kinds.iter();
    for kind in [
        "space.added",
        "consent.granted",
        "action.proposed",
        "request.refused",
        "action.approved",
        "action.dispatched",
        "action.succeeded",
        "event.suppressed",
    ] {
        assert!(story.any(|told| *told == kind), "{kind} is missing, or not in its place: {kinds:?}");
    }
    hub.ask(&["audit", "export", "@copy"]);
    assert_eq!(hub.ask(&["audit", "verify", "@copy"])["intact"], true);
    let mut bundles: Vec<_> =
        fs::read_dir(hub.path("copy/log/tile/entries/000.p")).unwrap().map(|entry| entry.unwrap().path()).collect();
    bundles.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap());
    let mut bytes = fs::read(bundles.last().unwrap()).unwrap();
    let at = bytes.windows(15).position(|window| window == b"action.approved").unwrap();
    bytes[at] ^= 1;
    fs::write(bundles.last().unwrap(), bytes).unwrap();
    let ran = hub.run(&["audit", "verify", "@copy"]);
    let place = kinds.iter().position(|kind| *kind == "action.approved").unwrap();
    assert_eq!(ran.code, Some(1));
    let located = |finding: &Value| finding["class"] == "edited" && finding["seq"] == tail["items"][place]["seq"];
    assert!(ran.json()["findings"].as_array().unwrap().iter().any(located), "{ran:?}");
}
