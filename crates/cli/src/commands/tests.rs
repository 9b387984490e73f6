//! Command lines and what they mean, or why they are refused.

use super::ClientCommand;
use crate::globals::Globals;
use clap::Parser;

#[derive(Parser, Debug)]
#[command(name = "marvain")]
struct Line {
    #[command(flatten)]
    _globals: Globals,
    #[command(subcommand)]
    command: ClientCommand,
}

/// Parses a line. Words are parted by spaces; `_` is a space within a word, and NUL an underscore that is meant.
fn parse(line: &str) -> Result<ClientCommand, clap::Error> {
    let words = line.split(' ').map(|word| word.replace('_', " ").replace('\0', "_"));
    Line::try_parse_from(std::iter::once("marvain".to_owned()).chain(words)).map(|line| line.command)
}

const HASH: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn every_command_of_the_issue_is_there() {
    let (act, mem, other, rem) = (
        "act_00000000000000000000000000".replace('_', "\u{0}"),
        "mem_00000000000000000000000000".replace('_', "\u{0}"),
        "mem_00000000000000000000000001".replace('_', "\u{0}"),
        "rem_00000000000000000000000000".replace('_', "\u{0}"),
    );
    let lines = [
        "status".to_owned(),
        "--json status --data d --credential c".into(),
        "claim create --out d".into(),
        "claim code den --space den --person anna --ttl 30m --replace".into(),
        "satellite add den --out d --space den --person anna".into(),
        "satellite list --limit 5 --after x".into(),
        "satellite show den".into(),
        "satellite publish --identity d event/transcript {}".into(),
        "satellite publish --identity d --text hello_there".into(),
        "satellite revoke den".into(),
        "satellite rotate den --out d".into(),
        "space add den --location home".into(),
        "space list".into(),
        "person add anna --display Anna_B --role guest".into(),
        "person list".into(),
        "person token anna --out f".into(),
        "person device add anna phone --platform fcm --token-file f".into(),
        "person device list anna".into(),
        "person device remove anna phone".into(),
        "person link-account anna 5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a1111".into(),
        "person unlink-account anna".into(),
        "role set anna admin".into(),
        "role list".into(),
        "consent grant anna memory --purpose x --for 30d".into(),
        "consent grant anna voice --until 2030-01-01T00:00:00Z".into(),
        "consent revoke anna memory".into(),
        "consent list anna".into(),
        "privacy on den".into(),
        "privacy off den".into(),
        "privacy show".into(),
        "say hello --via den --wait --timeout 5s".into(),
        "memory list --state candidate".into(),
        format!("memory show {mem}"),
        format!("memory commit {mem}"),
        format!("memory reject {mem}"),
        format!("memory edit {mem} other_words"),
        format!("memory supersede {mem} --by {other}"),
        format!("memory forget {mem}"),
        "memory recall where_is_the_tea --tier semantic --tier location --limit 3".into(),
        "action list --state awaiting\u{0}approval".into(),
        format!("action show {act}"),
        "action propose den lamp state=on level=4 --why dark --ttl 30s".into(),
        "action propose hub memory.forget memory=x".into(),
        format!("action approve {act}"),
        format!("action approve {act} --yes"),
        format!("action approve {act} --args-hash {HASH}"),
        format!("action reject {act} --reason no"),
        format!("action cancel {act}"),
        "reminder list --limit 5".into(),
        format!("reminder cancel {rem}"),
        "policy show".into(),
        "policy check f".into(),
        "policy check --current".into(),
        "policy edit".into(),
        "policy edit --file f".into(),
        "audit tail -n 5".into(),
        "audit prove 3 --out f --key k".into(),
        "audit prove --check f --key k".into(),
        "audit verify".into(),
        "audit verify d --trusted a b --key k".into(),
        "audit export d".into(),
        "queue list".into(),
        "queue list observe --limit 5 --after x".into(),
        "queue redrive observe --all".into(),
        "queue redrive observe a b".into(),
        "backup --out d".into(),
        "restore b --yes".into(),
        "doctor".into(),
    ];
    for line in lines {
        let parsed = parse(&line);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let cases = [
        ("claim code a/b", "is no satellite name"),
        ("claim code den --ttl 5", "like `30m`"),
        ("satellite publish --identity d", "<CHANNEL>"),
        ("satellite publish --identity d event/transcript", "<PAYLOAD>"),
        ("satellite publish --identity d event/song {}", "use one of event/transcript"),
        ("satellite publish --identity d telemetry {} --text x", "cannot be used with"),
        ("satellite list --limit 0", "0 is not in 1..=200"),
        ("person device add anna phone --platform gcm", "there are `apns`, `apns_sandbox` and `fcm`"),
        ("person add anna --role king", "use one of blocked, guest, member, admin, owner"),
        ("consent grant anna everything", "use one of voice, face, recording, memory, disclosure"),
        ("consent grant anna voice --for 1d --until 2030-01-01T00:00:00Z", "cannot be used with"),
        ("say x --timeout 5s", "--wait"),
        ("memory show x", "is no memory id"),
        ("memory recall x --limit 51", "51 is not in 1..=50"),
        ("action propose den lamp on", "use `name=value`"),
        ("action approve x", "is no action id"),
        ("policy check", "<FILE>"),
        ("policy check f --current", "cannot be used with"),
        ("audit prove", "<SEQ>"),
        ("audit prove --check f", "--key"),
        ("audit verify --trusted f", "<DIR>"),
        ("queue list --limit 5", "<NAME>"),
        ("queue list --after x", "<NAME>"),
        ("queue redrive observe", "<IDS>"),
        ("queue redrive observe a --all", "cannot be used with"),
    ];
    for (line, reason) in cases {
        let error = parse(line).expect_err(line).to_string();
        assert!(error.contains(reason), "{line}: {error}");
    }
}

#[test]
fn the_tree_of_commands_has_no_contradiction() {
    use clap::CommandFactory as _;
    Line::command().debug_assert();
}
