//! `marvain smoke`, and every other client, against a hub that is elsewhere: here it is one of this machine that is asked by the
//! address in the configuration, as a deployed one is.

use crate::support::World;
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

struct Hub(Child);

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A hub, and a world whose configuration has its address and whose credential is its owner's.
fn deployed() -> (Hub, World) {
    let mut world = World::new();
    let data = world.path("data");
    let log = fs::File::create(world.path("hub.log")).unwrap();
    let mut up =
        world.command(&["--json", "up", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--time-zone", "UTC"]);
    let mut hub = up.arg("--data").arg(&data).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(hub.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line)
        .unwrap_or_else(|e| panic!("{e}: {line}: {}", fs::read_to_string(world.path("hub.log")).unwrap()));
    let api = ready["http"].as_str().unwrap();
    world.configure(&format!("[env.dev]\nstack = \"marvain-dev\"\noutputs = {{ ApiUrl = \"http://{api}\" }}\n"));
    world.set("MARVAIN_ENV", "dev");
    world.set("MARVAIN_CREDENTIAL", data.join("credentials/owner.token").to_str().unwrap());
    (Hub(hub), world)
}

#[test]
fn a_hub_elsewhere_shows_all_and_keeps_nothing_of_it() {
    let (_hub, world) = deployed();
    for round in 0..2 {
        let ran = world.run(&["--json", "smoke"]);
        assert_eq!(ran.code, Some(0), "round {round}: {ran:?}");
        let steps: Vec<String> =
            ran.lines().iter().map(|line| format!("{}:{}", line["step"].as_str().unwrap(), line["ok"])).collect();
        let names = [
            "claim", "refuse", "enrol", "online", "remember", "ask", "approve", "act", "offline", "privacy", "crash",
            "revoke", "audit", "remove",
        ];
        assert_eq!(steps, names.map(|name| format!("{name}:true")), "round {round}");
    }
    let satellites = world.run(&["--json", "satellite", "list"]).json();
    let satellites: Vec<String> = satellites["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|satellite| format!("{} {}", satellite["id"].as_str().unwrap(), satellite["status"].as_str().unwrap()))
        .collect();
    assert_eq!(satellites, ["smoke revoked", "smoke-replayed revoked"]);
    for state in ["candidate", "committed"] {
        assert_eq!(
            world.run(&["--json", "memory", "list", "--state", state]).json()["items"],
            Value::Array(Vec::new())
        );
    }
    let spaces = world.run(&["--json", "space", "list"]).json();
    assert!(spaces["items"][0]["privacy"].is_null(), "{spaces}");
    let left = fs::read_dir(world.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("marvain-smoke-"));
    assert_eq!(left.count(), 0, "its files are gone");
}

#[test]
fn clients_ask_the_hub_that_the_environment_names() {
    let (hub, world) = deployed();
    assert_eq!(world.run(&["--json", "status"]).json()["role"], "owner");
    assert_eq!(world.run(&["space", "add", "den"]).code, Some(0));
    assert_eq!(world.run(&["--json", "space", "list"]).json()["items"][0]["id"], "den");
    let doctor = world.run(&["--json", "doctor"]);
    let checks = doctor.json();
    let names: Vec<&str> = checks.as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"credentials") && names.contains(&"clock"), "AWS and the hub: {names:?}");
    assert!(!names.contains(&"data directory"), "not what is here: {names:?}");
    drop(hub);
    let gone = world.run(&["--json", "status"]);
    assert!(gone.code == Some(3) && gone.error()["hint"].as_str().unwrap().contains("monitor status"), "{gone:?}");
}

#[test]
fn no_token_leaves_this_machine_unencrypted() {
    let mut world = World::new();
    world.configure("[env.dev]\nstack = \"marvain-dev\"\noutputs = { ApiUrl = \"http://example.org\" }\n");
    fs::write(world.path("token"), "secret").unwrap();
    let token = world.path("token");
    world.set("MARVAIN_CREDENTIAL", token.to_str().unwrap());
    let refused = world.run(&["--json", "--env", "dev", "status"]);
    assert!(
        refused.code == Some(4) && refused.error()["message"].as_str().unwrap().contains("no token is sent"),
        "{refused:?}"
    );
}
