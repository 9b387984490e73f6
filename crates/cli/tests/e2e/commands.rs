//! Every command against a running hub, as a person or a script would use it.

use crate::support::{Hub, Ran, items, marvain, text, until};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

#[test]
fn without_a_hub_commands_say_how_to_start_one() {
    let home = tempfile::tempdir().unwrap();
    let ended = Ran::of(marvain(home.path()).arg("status"));
    assert_eq!(ended.code, Some(3));
    let data = home.path().join(".local/share/marvain");
    let data = data.display();
    assert_eq!(ended.err, format!("error: no hub runs on `{data}`\nhint: start it with `marvain up --data {data}`\n"));
    assert_eq!(Ran::of(marvain(home.path()).arg("dance")).code, Some(2));
}

#[test]
fn people_ask_with_their_own_tokens_under_policy() {
    let hub = Hub::start();
    assert_eq!(hub.ask(&["status"])["role"], "owner");
    assert!(hub.tell(&["status"]).out.starts_with("hub "));
    assert_eq!(hub.ask(&["person", "add", "gus", "--role", "guest"])["has_token"], false);
    let kept = hub.run(&["person", "token", "gus", "--out", "@gus.token"]);
    let token = fs::read_to_string(hub.path("gus.token")).unwrap();
    assert_eq!((kept.code, token.trim().len()), (Some(0), 40));
    assert!(!kept.out.contains(token.trim()) && !kept.err.contains(token.trim()));
    assert_eq!(fs::metadata(hub.path("gus.token")).unwrap().permissions().mode() & 0o777, 0o600);
    hub.refused(6, &["person", "token", "gus", "--out", "@gus.token"]);
    assert_eq!(hub.ask(&["--credential", "@gus.token", "status"])["person"], "gus");
    let refused = hub.refused(4, &["--credential", "@gus.token", "backup"]);
    assert_eq!(refused["code"], "refused");
    assert!(text(&refused["hint"]).contains("marvain policy show"));
    fs::write(hub.path("wrong.token"), "wrong").unwrap();
    assert_eq!(hub.refused(4, &["--credential", "@wrong.token", "status"])["code"], "unauthenticated");
    hub.refused(4, &["--credential", "@nowhere", "status"]);

    assert_eq!(hub.ask(&["role", "set", "gus", "member"])["role"], "member");
    assert!(hub.tell(&["role", "list"]).out.contains("member   gus"));
    hub.refused(6, &["role", "set", "owner", "guest"]);
    hub.ask(&["--credential", "@gus.token", "consent", "grant", "gus", "memory", "--for", "30d"]);
    hub.refused(4, &["--credential", "@gus.token", "consent", "grant", "owner", "memory"]);
    assert_eq!(items(&hub.ask(&["consent", "list", "gus"])).len(), 1);
    hub.ask(&["consent", "revoke", "gus", "memory"]);
    hub.refused(5, &["consent", "revoke", "gus", "memory"]);
    hub.refused(5, &["person", "token", "nobody"]);

    fs::write(hub.path("phone.token"), "a-token-of-gus\n").unwrap();
    let device = ["person", "device", "add", "gus", "phone", "--platform", "fcm", "--token-file", "@phone.token"];
    let refused = hub.refused(1, &device);
    assert!(text(&refused["message"]).contains("no push service set up"), "{refused}");
    assert!(items(&hub.ask(&["person", "device", "list", "gus"])).is_empty());
    hub.refused(5, &["person", "device", "remove", "gus", "phone"]);

    hub.ask(&["space", "add", "den", "--location", "home"]);
    hub.refused(6, &["space", "add", "den"]);
    hub.ask(&["privacy", "on", "den"]);
    assert!(hub.tell(&["privacy", "show"]).out.contains("on, "));
    hub.ask(&["privacy", "off", "den"]);

    let policy = hub.tell(&["policy", "show"]).out;
    fs::write(hub.path("good.cedar"), format!("{policy}\n@id(\"guests-back-up\")\npermit (principal in Role::\"guest\", action == Action::\"backup\", resource);\n")).unwrap();
    fs::write(hub.path("bad.cedar"), "permit (principal").unwrap();
    assert_eq!(hub.tell(&["policy", "check", "@good.cedar"]).code, Some(0));
    let bad = hub.run(&["policy", "check", "@bad.cedar"]);
    assert_eq!((bad.code, &bad.json()["problems"][0]["line"]), (Some(1), &Value::from(1)));
    hub.refused(1, &["policy", "edit", "--file", "@bad.cedar"]);
    hub.ask(&["policy", "edit", "--file", "@good.cedar"]);
    hub.ask(&["policy", "check", "--current"]);
    let made = hub.ask(&["--credential", "@gus.token", "backup", "--out", "@kept"]);
    assert_eq!(text(&made["path"]), hub.path("kept").display().to_string());
    assert!(hub.path("kept").join("manifest.json").is_file());
    hub.refused(6, &["backup", "--out", "@kept"]);
}

#[test]
fn an_editor_changes_the_policies() {
    let hub = Hub::start();
    let run = |editor: &str| Ran::of(hub.command(&["--json", "policy", "edit"]).env("EDITOR", editor));
    assert_eq!(run("sed -i s/privacy-on/privacy-for-all/").code, Some(0));
    assert!(hub.tell(&["policy", "show"]).out.contains("@id(\"privacy-for-all\")"));
    for editor in ["true", "false", "no-such-editor", ""] {
        let ran = run(editor);
        assert_eq!(ran.code, Some(1));
        assert!(!text(&ran.error()["message"]).is_empty());
    }
    let drafts = || {
        let names = fs::read_dir(hub.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".cedar")).collect::<Vec<_>>()
    };
    assert!(drafts().is_empty(), "{:?}", drafts());
    let hint = run("sed -i s/permit/allow/").error()["hint"].clone();
    let path = text(&hint).rsplit(' ').next().unwrap().trim_end_matches('`');
    assert!(fs::read_to_string(path).unwrap().contains("allow (principal"), "{hint}");
    assert_eq!(drafts().len(), 1);
    Ran::of(Command::new("sed").args(["-i", "s/allow/permit/; s/privacy-for-all/privacy-on/", path]));
    hub.ask(&["policy", "edit", "--file", path]);
}

#[test]
fn what_a_satellite_publishes_is_remembered_recalled_and_forgotten_on_approval() {
    let hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    let added = hub.ask(&["satellite", "add", "pi", "--out", "@pi", "--space", "den"]);
    assert_eq!(added["thing"], "pi");
    hub.refused(6, &["satellite", "add", "pi", "--out", "@pi"]);
    hub.refused(6, &["satellite", "add", "pi", "--out", "@pi2"]);
    hub.refused(5, &["satellite", "show", "nobody"]);
    let published =
        hub.ask(&["satellite", "publish", "--identity", "@pi", "--text", "remember that the tea is in the tin"]);
    assert!(text(&published["topic"]).ends_with("/pi/event/transcript"), "{published}");
    until("the goodbye in the audit log", || {
        let tail = hub.ask(&["audit", "tail", "-n", "50"]);
        let gone = items(&tail).iter().find(|entry| entry["kind"] == "satellite.disconnected")?.clone();
        assert_eq!(gone["data"]["reason"], "CLIENT_INITIATED_DISCONNECT", "{gone}");
        Some(())
    });
    let candidates = hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list).len() == 1);
    let memory = text(&candidates["items"][0]["id"]);
    hub.ask(&["memory", "commit", memory]);
    hub.refused(6, &["memory", "commit", memory]);
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list).len() == 1);
    let told = hub.tell(&["memory", "recall", "where is the tea"]).out;
    assert!(told.contains("because") && told.contains("through pi in den"), "{told}");
    hub.ask(&["memory", "edit", memory, "the tea is in the blue tin"]);
    assert!(hub.tell(&["memory", "show", memory]).out.contains("before"));

    // The owner's own words, so with the owner's own consent.
    hub.ask(&["consent", "grant", "owner", "memory"]);
    let said = hub.ask(&["say", "remember that the lamp is new", "--wait", "--timeout", "30s"]);
    assert_eq!(said["memories"].as_array().unwrap().len(), 1, "{said}");
    hub.ask(&["memory", "reject", text(&said["memories"][0]["id"])]);

    let target = format!("memory={memory}");
    let action = hub.ask(&["action", "propose", "hub", "memory.forget", &target, "--why", "test"]);
    let id = text(&action["id"]);
    hub.await_answer(&["action", "show", id], |action| action["state"] == "awaiting_approval");
    assert_eq!(
        hub.refused(2, &["action", "approve", id])["hint"].as_str().map(|hint| hint.contains("--args-hash")),
        Some(true)
    );
    hub.refused(6, &["action", "approve", id, "--args-hash", &"0".repeat(64)]);
    hub.ask(&["action", "approve", id, "--args-hash", text(&action["args_hash"])]);
    hub.refused(6, &["action", "approve", id, "--yes"]);
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list).is_empty());
    let waiting = hub.ask(&["action", "propose", "hub", "memory.forget", &target]);
    hub.ask(&["action", "cancel", text(&waiting["id"])]);

    hub.ask(&["say", "remind me to water the plants in 10 minutes"]);
    let set = hub.await_answer(&["reminder", "list"], |list| items(list).len() == 1);
    assert_eq!(set["items"][0]["text"], "water the plants");
    let reminder = text(&set["items"][0]["id"]);
    assert_eq!(hub.ask(&["reminder", "cancel", reminder])["reminder"], reminder);
    assert!(items(&hub.ask(&["reminder", "list"])).is_empty());
    hub.refused(5, &["reminder", "cancel", reminder]);

    let claim = hub.ask(&["claim", "create", "--out", "@claim"]);
    assert_eq!(claim["template"], "marvain-satellite");
    hub.refused(2, &["satellite", "publish", "--identity", "@claim", "--text", "x"]);
    assert_eq!(text(&hub.ask(&["claim", "code", "new", "--ttl", "5m"])["code"]).len(), 40);

    hub.ask(&["satellite", "rotate", "pi", "--out", "@pi2"]);
    let old = hub.tell(&["satellite", "publish", "--identity", "@pi", "--text", "x"]);
    assert!(matches!(old.code, Some(1 | 4)), "{}", old.err);
    hub.ask(&[
        "satellite",
        "publish",
        "--identity",
        "@pi2",
        "telemetry",
        r#"{"v":1,"id":"1","at":"2026-11-22T09:00:00Z","readings":[{"name":"t","value":21.5}]}"#,
    ]);
    assert_eq!(hub.ask(&["satellite", "revoke", "pi"])["status"], "revoked");
    let revoked = hub.tell(&["satellite", "publish", "--identity", "@pi2", "--text", "x"]);
    assert!(matches!(revoked.code, Some(1 | 4)), "{}", revoked.err);
}

#[test]
fn queues_are_looked_into() {
    let hub = Hub::start();
    assert!(!items(&hub.ask(&["queue", "list"])).is_empty());
    assert!(items(&hub.ask(&["queue", "list", "observe"])).is_empty());
    assert_eq!(hub.ask(&["queue", "redrive", "observe", "--all"])["redriven"], 0);
    hub.refused(5, &["queue", "list", "nothing"]);
}
