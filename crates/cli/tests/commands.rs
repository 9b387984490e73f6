//! Every command against a running hub, as a person or a script would use it: real processes, real sockets, real files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longest that anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(30);

fn marvain(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marvain"));
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// A hub on a data directory of its own.
struct Hub {
    dir: tempfile::TempDir,
    process: Child,
}

/// How a command ended.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.err))
    }
}

impl Hub {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let up = ["up", "--json", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"];
        let mut process =
            marvain(dir.path()).args(up).arg(dir.path().join("data")).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&ready).unwrap()["ready"], true, "{ready}");
        Self { dir, process }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command; `@name` is a path in the test's own directory.
    fn run(&self, args: &[&str]) -> Ran {
        let args = args.iter().map(|arg| match arg.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => (*arg).to_owned(),
        });
        let ended = marvain(self.dir.path()).arg("--data").arg(self.path("data")).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// What a command that succeeds answers as JSON.
    #[track_caller]
    fn ask(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.json()
    }

    /// The error of a command that fails with `code`.
    #[track_caller]
    fn refused(&self, code: i32, args: &[&str]) -> Value {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {} {}", ran.out, ran.err);
        let last = ran.err.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(last).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", ran.err))["error"].clone()
    }

    /// Asks until the answer is as it should be.
    #[track_caller]
    fn await_answer(&self, args: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.ask(args);
            if holds(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{args:?}: {answer}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn items(list: &Value) -> usize {
    list["items"].as_array().unwrap().len()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn without_a_hub_commands_say_how_to_start_one() {
    let home = tempfile::tempdir().unwrap();
    let ended = marvain(home.path()).arg("status").output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let data = home.path().join(".local/share/marvain");
    let told = String::from_utf8(ended.stderr).unwrap();
    let data = data.display();
    assert_eq!(told, format!("error: no hub runs on `{data}`\nhint: start it with `marvain up --data {data}`\n"));
    let unknown = marvain(home.path()).arg("dance").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn people_ask_with_their_own_tokens_under_policy() {
    let hub = Hub::start();
    assert_eq!(hub.ask(&["status"])["role"], "owner");
    assert!(hub.run(&["status"]).out.starts_with("hub "));
    assert_eq!(hub.ask(&["person", "add", "gus", "--role", "guest"])["has_token"], false);
    let kept = hub.run(&["--json", "person", "token", "gus", "--out", "@gus.token"]);
    let token = fs::read_to_string(hub.path("gus.token")).unwrap();
    assert_eq!((kept.code, token.trim().len()), (0, 40));
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
    assert!(hub.run(&["role", "list"]).out.contains("member   gus"));
    hub.refused(6, &["role", "set", "owner", "guest"]);
    hub.ask(&["--credential", "@gus.token", "consent", "grant", "gus", "memory", "--for", "30d"]);
    hub.refused(4, &["--credential", "@gus.token", "consent", "grant", "owner", "memory"]);
    assert_eq!(items(&hub.ask(&["consent", "list", "gus"])), 1);
    hub.ask(&["consent", "revoke", "gus", "memory"]);
    hub.refused(5, &["consent", "revoke", "gus", "memory"]);
    hub.refused(5, &["person", "token", "nobody"]);

    hub.ask(&["space", "add", "den", "--location", "home"]);
    hub.refused(6, &["space", "add", "den"]);
    hub.ask(&["privacy", "on", "den"]);
    assert!(hub.run(&["privacy", "show"]).out.contains("on, "));
    hub.ask(&["privacy", "off", "den"]);

    let policy = hub.run(&["policy", "show"]).out;
    fs::write(hub.path("good.cedar"), format!("{policy}\n@id(\"guests-back-up\")\npermit (principal in Role::\"guest\", action == Action::\"backup\", resource);\n")).unwrap();
    fs::write(hub.path("bad.cedar"), "permit (principal").unwrap();
    assert_eq!(hub.run(&["policy", "check", "@good.cedar"]).code, 0);
    let bad = hub.run(&["--json", "policy", "check", "@bad.cedar"]);
    assert_eq!((bad.code, &bad.json()["problems"][0]["line"]), (1, &Value::from(1)));
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
    let editor = "sed -i s/privacy-on/privacy-for-all/";
    let run = |editor: &str| {
        let mut command = marvain(hub.dir.path());
        command.arg("--data").arg(hub.path("data")).args(["policy", "edit"]).env("EDITOR", editor);
        command.output().unwrap().status.code().unwrap()
    };
    assert_eq!(run(editor), 0);
    assert!(hub.run(&["policy", "show"]).out.contains("@id(\"privacy-for-all\")"));
    assert_eq!([run("true"), run("false"), run("no-such-editor"), run("")], [1; 4]);
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
    let candidates = hub.await_answer(&["memory", "list", "--state", "candidate"], |list| items(list) == 1);
    let memory = text(&candidates["items"][0]["id"]);
    hub.ask(&["memory", "commit", memory]);
    hub.refused(6, &["memory", "commit", memory]);
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list) == 1);
    let told = hub.run(&["memory", "recall", "where is the tea"]).out;
    assert!(told.contains("because") && told.contains("through pi in den"), "{told}");
    hub.ask(&["memory", "edit", memory, "the tea is in the blue tin"]);
    assert!(hub.run(&["memory", "show", memory]).out.contains("before"));

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
    hub.await_answer(&["memory", "recall", "where is the tea"], |list| items(list) == 0);
    let waiting = hub.ask(&["action", "propose", "hub", "memory.forget", &target]);
    hub.ask(&["action", "cancel", text(&waiting["id"])]);

    let claim = hub.ask(&["claim", "create", "--out", "@claim"]);
    assert_eq!(claim["template"], "marvain-satellite");
    hub.refused(2, &["satellite", "publish", "--identity", "@claim", "--text", "x"]);
    assert_eq!(text(&hub.ask(&["claim", "code", "new", "--ttl", "5m"])["code"]).len(), 40);

    hub.ask(&["satellite", "rotate", "pi", "--out", "@pi2"]);
    let old = hub.run(&["satellite", "publish", "--identity", "@pi", "--text", "x"]);
    assert!(matches!(old.code, 1 | 4), "{}", old.err);
    hub.ask(&[
        "satellite",
        "publish",
        "--identity",
        "@pi2",
        "telemetry",
        r#"{"v":1,"id":"1","at":"2026-11-22T09:00:00Z","readings":[{"name":"t","value":21.5}]}"#,
    ]);
    assert_eq!(hub.ask(&["satellite", "revoke", "pi"])["status"], "revoked");
    let revoked = hub.run(&["satellite", "publish", "--identity", "@pi2", "--text", "x"]);
    assert!(matches!(revoked.code, 1 | 4), "{}", revoked.err);
}

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
    assert!(hub.run(&["audit", "tail", "-n", "5"]).out.contains("space.added"));

    let mut bundles: Vec<PathBuf> =
        fs::read_dir(hub.path("copy/log/tile/entries/000.p")).unwrap().map(|entry| entry.unwrap().path()).collect();
    bundles.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap());
    let newest = bundles.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    let at = bytes.windows(11).position(|window| window == b"space.added").unwrap();
    let mut edited = bytes.clone();
    edited[at] = b'S';
    fs::write(newest, edited).unwrap();
    let ran = hub.run(&["--json", "audit", "verify", "@copy"]);
    let found = ran.json();
    assert_eq!((ran.code, &found["intact"]), (1, &Value::Bool(false)));
    assert!(
        found["findings"].as_array().unwrap().iter().any(|f| f["class"] == "edited" && f["seq"].is_u64()),
        "{found}"
    );
    fs::write(newest, bytes).unwrap();
    assert_eq!(hub.run(&["audit", "verify", "@copy"]).code, 0);
    fs::write(hub.path("copy/log/extra"), "x").unwrap();
    assert!(hub.run(&["audit", "verify", "@copy"]).out.contains("inserted"));
    hub.refused(1, &["audit", "verify", "@nowhere"]);
}

#[test]
fn queues_are_looked_into() {
    let hub = Hub::start();
    assert!(items(&hub.ask(&["queue", "list"])) > 0);
    assert_eq!(items(&hub.ask(&["queue", "list", "observe"])), 0);
    assert_eq!(hub.ask(&["queue", "redrive", "observe", "--all"])["redriven"], 0);
    hub.refused(5, &["queue", "list", "nothing"]);
}
