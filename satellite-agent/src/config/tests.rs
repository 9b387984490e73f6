//! Configurations, good and bad.

use super::*;
use marvain_domain::Timestamp;
use serde_json::json;

fn connection() -> Connection {
    Connection { endpoint: "hub".into(), port: 8883, thing: Some("den".parse().unwrap()), template: None }
}

fn parsed(text: &str) -> Result<Config, ConfigError> {
    parse(Path::new("/etc/marvain/satellite.toml"), text, Path::new("/id"), &connection())
}

fn job(config: &Config, name: &str, args: &serde_json::Value) -> Result<Job, String> {
    let actuator = config.actuators.iter().find(|one| one.capability().name.as_str() == name).unwrap();
    actuator.job(args.as_object().unwrap(), &config.thing, Timestamp::EPOCH)
}

#[test]
fn the_example_is_a_configuration() {
    let config = parsed(include_str!("../../example.toml")).unwrap();
    assert_eq!(
        config.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(),
        ["typed", "doorbell", "cellar", "host"]
    );
    assert_eq!(config.capabilities().len(), 5);
    let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(
        job(&config, "lamp", &json!({"state": "on", "level": 40})),
        Ok(Job::Run { argv: argv(&["/usr/local/bin/lamp", "on", "--level=40"]), timeout_s: 10 })
    );
    assert_eq!(
        job(&config, "say", &json!({"text": "-hi"})),
        Ok(Job::Run { argv: argv(&["espeak-ng", "--", "-hi"]), timeout_s: 30 })
    );
    assert!(job(&config, "lamp", &json!({"state": "dim"})).is_err());
}

#[test]
fn without_a_file_there_are_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("connection.json");
    std::fs::write(&path, r#"{"endpoint":"localhost","port":1,"thing":"den"}"#).unwrap();
    let config = Config::load(dir.path(), None, None).unwrap();
    assert_eq!(config.inputs, [InputSpec { name: "stdin".into(), source: Source::Stdin { emit: Emit::Transcript } }]);
    assert_eq!((config.endpoint.host.as_str(), config.endpoint.port), ("localhost", 1));
    assert_eq!((config.state.clone(), config.spool_bytes), (dir.path().join("state"), SPOOL_BYTES_DEFAULT));
    assert_eq!(job(&config, "say", &json!({"text": "hi"})), Ok(Job::Print { line: "hi".into(), result: json!({}) }));
    assert!(matches!(job(&config, "ping", &json!({})), Ok(Job::Answer { .. })));
    assert!(matches!(job(&config, "identify", &json!({})), Ok(Job::Print { line, .. }) if line.contains("den")));
    assert!(job(&config, "ping", &json!({"x": 1})).is_err());

    std::fs::write(&path, r#"{"endpoint":"localhost","port":1,"template":"marvain-satellite"}"#).unwrap();
    let refusal = Config::load(dir.path(), None, None).unwrap_err().to_string();
    assert!(refusal.contains("it is a claim, not an identity"), "{refusal}");
    std::fs::write(&path, r#"{"endpoint":"localhost","port":"x"}"#).unwrap();
    assert!(matches!(Config::load(dir.path(), None, None), Err(ConfigError::Json { .. })));
    assert!(matches!(Config::load(&dir.path().join("none"), None, None), Err(ConfigError::Read { .. })));
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = parsed("state = \"spool\"\nroot_ca = \"/ca.pem\"").unwrap();
    assert_eq!(config.state, Path::new("/etc/marvain/spool"));
    assert_eq!(config.endpoint.root_ca, Path::new("/ca.pem"));
    assert_eq!(config.endpoint.private_key, Path::new("/id/private.key"));
}

#[test]
fn refusals_name_file_field_and_limit() {
    let lamp = |rest: &str| format!("[[actuator]]\nname = \"lamp\"\nkind = \"command\"\n{rest}");
    let twice = "[[actuator]]\nname = \"a\"\nkind = \"ping\"\n".repeat(2);
    let stdin = |name: &str| format!("[[input]]\nname = \"{name}\"\nkind = \"stdin\"\nemit = \"transcript\"\n");
    let cases = [
        ("spool_bytes = 1".to_owned(), "`spool_bytes` must be 262144 to 68719476736"),
        (lamp("argv = []"), "`actuator.lamp.argv` must be a program and at most 64 arguments"),
        (
            lamp("argv = [\"{x}\"]\nargs = { x = { type = \"flag\" } }"),
            "`actuator.lamp.argv` must be a program without `{x}`",
        ),
        (
            lamp("argv = [\"lamp\", \"{state}\"]"),
            "`actuator.lamp.argv` must be without `{state}`, or have it in `args`",
        ),
        (lamp("argv = [\"lamp\"]\ntimeout_s = 0"), "`actuator.lamp.timeout_s` must be 1 to 3600 seconds"),
        (
            lamp("argv = [\"lamp\"]\nargs = { \"A b\" = { type = \"flag\" } }"),
            "`actuator.lamp.args` must be named with",
        ),
        (lamp(&format!("argv = [\"lamp\"]\ndescription = \"{}\"", "x".repeat(201))), "at most 200 bytes"),
        (twice, "`actuator.name` must be unique, and `a` is there twice"),
        (stdin("a") + &stdin("b"), "`input.kind` must be `stdin` only once"),
        (
            "[[input]]\nname = \"h\"\nkind = \"host\"\ninterval_s = 0".to_owned(),
            "`input.h.interval_s` must be 1 to 86400",
        ),
    ];
    for (text, expected) in cases {
        let refusal = parsed(&text).unwrap_err().to_string();
        assert!(refusal.contains("satellite.toml") && refusal.contains(expected), "{text}\n{refusal}");
    }
    for (text, expected) in [
        ("colour = 1", "colour"),
        ("port = 70000", "port"),
        ("thing = \"a/b\"", "`a/b` is no satellite name"),
        ("[[input]]\nname = \"x\"\nkind = \"telepathy\"", "telepathy"),
        ("[[actuator]]\nname = \"Lamp\"\nkind = \"ping\"", "`Lamp` is no capability name"),
        ("= 3", "line 1"),
    ] {
        let refusal = parsed(text).unwrap_err();
        let cause = std::error::Error::source(&refusal).unwrap().to_string();
        assert!(cause.contains(expected), "{text}\n{cause}");
    }
}

#[test]
fn all_capabilities_fit_the_shadow_that_tells_of_them() {
    let many: String = (0..32)
        .map(|n| {
            let description = "x".repeat(200);
            format!("[[actuator]]\nname = \"a{n}\"\nkind = \"ping\"\ndescription = \"{description}\"\n")
        })
        .collect();
    let refusal = parsed(&many).unwrap_err().to_string();
    assert!(refusal.contains("`actuator` must be described in at most 7168 bytes of JSON in all"), "{refusal}");
}
