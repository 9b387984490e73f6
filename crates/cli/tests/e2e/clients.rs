//! Anybody's MQTT client with a bundle from `marvain satellite add`: mosquitto's.

use crate::support::{Hub, Ran, items, text, until};
use serde_json::{Value, json};
use std::{
    fs,
    io::ErrorKind,
    path::Path,
    process::{Command, Stdio},
};

const PRESENCE: &str = "$aws/things/pi/shadow/name/presence/update";
const DELTA: &str = "$aws/things/pi/shadow/name/commands/update/delta";

/// mosquitto_pub or mosquitto_sub with a bundle, under its thing's name.
fn mosquitto(program: &str, bundle: &Path, args: &[&str]) -> Command {
    let connection: Value = serde_json::from_slice(&fs::read(bundle.join("connection.json")).unwrap()).unwrap();
    let mut command = Command::new(program);
    command.args(["-h", text(&connection["endpoint"]), "-p", &connection["port"].to_string(), "-q", "1"]);
    command.args(["-i", text(&connection["thing"])]);
    for (option, file) in [("--cafile", "root-ca.pem"), ("--cert", "certificate.pem"), ("--key", "private.key")] {
        command.arg(option).arg(bundle.join(file));
    }
    command.args(args);
    command
}

fn assert_is_installed() {
    match Command::new("mosquitto_pub").arg("--help").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("mosquitto_pub is missing: `scripts/test` installs it, or `apt-get install mosquitto-clients`")
        }
        other => drop(other.unwrap()),
    }
}

fn publish(bundle: &Path, topic: &str, payload: &Value) -> Ran {
    Ran::of(&mut mosquitto("mosquitto_pub", bundle, &["-t", topic, "-m", &payload.to_string()]))
}

fn subscribe(bundle: &Path, filter: &str, args: &[&str]) -> Ran {
    Ran::of(&mut mosquitto("mosquitto_sub", bundle, &[&["-t", filter, "-W", "20"], args].concat()))
}

#[test]
fn a_foreign_client_is_a_satellite_within_its_rights() {
    assert_is_installed();
    let hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    for name in ["pi", "other"] {
        hub.ask(&["satellite", "add", name, "--space", "den", "--out", &format!("@{name}")]);
    }
    let pi = hub.path("pi");

    let capabilities = json!([{"name": "lamp", "kind": "command", "args": {"state": {"type": "text"}}}]);
    let presence = json!({"state": {"reported": {"software": "foreign", "capabilities": capabilities}}});
    assert_eq!(publish(&pi, PRESENCE, &presence).code, Some(0));
    let at = hub.ask(&["status"])["now"].clone();
    let event = |id: &str, text: &str| json!({"v": 1, "id": id, "at": at, "kind": "transcript", "text": text});
    let heard = event("1", "remember that the tea is in the tin");
    assert_eq!(publish(&pi, "marvain/v1/pi/event/transcript", &heard).code, Some(0));
    let list = hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list).len() == 1);
    assert!(text(&list["items"][0]["content"]).contains("tea"), "{list}");
    assert_eq!(list["items"][0]["evidence"][0]["satellite"], "pi");

    // A persistent session that has subscribed gets what happens while nobody is connected.
    assert_eq!(subscribe(&pi, DELTA, &["-c", "-E"]).code, Some(0));
    hub.await_answer(&["satellite", "show", "pi"], |pi| pi["presence"]["capabilities"][0]["name"] == "lamp");
    let action = hub.ask(&["action", "propose", "pi", "lamp", "state=on"]);
    let id = text(&action["id"]);
    hub.await_answer(&["action", "show", id], |action| action["state"] == "awaiting_approval");
    hub.ask(&["action", "approve", id, "--yes"]);
    let delta = subscribe(&pi, DELTA, &["-c", "-C", "1"]).json();
    assert_eq!(delta["state"][id]["args"], json!({"state": "on"}), "{delta}");

    let foreign = publish(&pi, "marvain/v1/other/event/transcript", &event("2", "remember that the door is open"));
    assert!(foreign.code != Some(0) || foreign.err.contains("lost"), "{foreign:?}");
    for filter in ["#", "marvain/v1/#", "$aws/things/other/shadow/name/commands/update/delta"] {
        let denied = subscribe(&pi, filter, &["-C", "1"]);
        assert!(denied.err.contains("denied") && denied.out.is_empty(), "{filter}: {denied:?}");
    }
    let bad = json!({"v": 1, "id": "3", "at": at, "kind": "transcript", "text": 5});
    assert_eq!(publish(&pi, "marvain/v1/pi/event/transcript", &bad).code, Some(0), "the broker takes what is durable");
    until("the refusal in the audit log", || {
        let tail = hub.ask(&["audit", "tail", "-n", "50"]);
        items(&tail).iter().any(|entry| entry["kind"] == "delivery.rejected").then_some(())
    });
    let list = hub.ask(&["memory", "list", "--state", "candidate"]);
    assert_eq!(items(&list).len(), 1, "nothing came of what was not allowed: {list}");
}

#[test]
fn who_is_not_trusted_does_not_connect() {
    assert_is_installed();
    let hub = Hub::start();
    let stranger = Hub::start();
    for (hub, name) in [(&hub, "pi"), (&hub, "other"), (&stranger, "pi")] {
        hub.ask(&["satellite", "add", name, "--out", &format!("@{name}")]);
    }
    let pi = hub.path("pi");
    let report = |bundle: &Path| publish(bundle, PRESENCE, &json!({"state": {"reported": {"software": "x"}}}));
    assert_eq!(report(&pi).code, Some(0));

    let mixed = hub.path("mixed");
    let mix = |certificate: &Path, key: &Path, root: &Path| {
        drop(fs::remove_dir_all(&mixed));
        fs::create_dir(&mixed).unwrap();
        for (from, name) in
            [(certificate, "certificate.pem"), (key, "private.key"), (root, "root-ca.pem"), (&pi, "connection.json")]
        {
            fs::copy(from.join(name), mixed.join(name)).unwrap();
        }
        report(&mixed)
    };
    let (other, foreign) = (hub.path("other"), stranger.path("pi"));
    let cases = [
        ("another hub's certificate", mix(&foreign, &foreign, &pi)),
        ("another thing's certificate under this thing's name", mix(&other, &other, &pi)),
        ("a certificate without its key", mix(&pi, &other, &pi)),
        ("a client that does not know this hub's root", mix(&pi, &pi, &foreign)),
    ];
    for (what, ran) in cases {
        assert_ne!(ran.code, Some(0), "{what}: {ran:?}");
    }
    assert_eq!(report(&pi).code, Some(0));

    let mut connected = mosquitto("mosquitto_sub", &pi, &["-t", DELTA]).stderr(Stdio::null()).spawn().unwrap();
    let is_online = |online| move |pi: &Value| pi["presence"]["online"] == online;
    hub.await_answer(&["satellite", "show", "pi"], is_online(true));
    hub.ask(&["satellite", "revoke", "pi"]);
    hub.await_answer(&["satellite", "show", "pi"], is_online(false));
    connected.kill().unwrap();
    connected.wait().unwrap();
    assert_ne!(report(&pi).code, Some(0));
    assert_ne!(report(&other).code, Some(0), "another's presence is not its to report");
}
