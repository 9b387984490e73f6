//! Golden output: what people see, for canned values.

use super::{Look, actions, audit, household, memories, operations, satellites, status};
use marvain_console::{
    audit::{FindingInfo, Verification},
    operations::{BackupInfo, BrokerStats, DeadLetter, QueueInfo},
    page::List,
    status::Status,
};
use marvain_domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00.000Z";

fn look() -> Look {
    Look { colour: false, now: at(NOW) }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The value that the API would send as `json`.
fn canned<T: Serialize + DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn list<T: Serialize + DeserializeOwned>(items: Vec<Value>, next: Option<&str>) -> List<T> {
    List { items: items.into_iter().map(canned).collect(), next: next.map(str::to_owned) }
}

fn satellite() -> Value {
    json!({
        "id": "kitchen", "space": "kitchen", "certificate_id": "ab12", "status": "active",
        "created_at": "2026-11-20T12:00:00.000Z",
        "open_commands": ["act_00000000000000000000000000"],
        "presence": {
            "online": true, "since": "2026-11-22T11:57:00.000Z", "software": "marvain-satellite/0.1.0",
            "capabilities": [
                {"name": "say", "kind": "builtin", "args": {"text": {"type": "text"}}},
                {"name": "lamp", "kind": "command", "description": "the lamp over the table",
                 "args": {"state": {"type": "text", "enum": ["on", "off"]},
                          "level": {"type": "number", "min": 0, "max": 100, "optional": true}}}]},
        "readings": [{"satellite": "kitchen", "name": "temperature", "value": 21.5, "unit": "°C",
                      "at": "2026-11-22T11:59:30.000Z"}]})
}

fn revoked() -> Value {
    json!({"id": "old", "certificate_id": "cd34", "status": "revoked", "created_at": "2026-11-20T12:00:00.000Z",
           "person": "anna", "presence": {"online": false}, "open_commands": [], "readings": []})
}

fn memory() -> Value {
    json!({
        "id": "mem_00000000000000000000000000", "tier": "semantic", "content": "the tea is in the tin", "state": "edited",
        "subject": "anna", "confidence": 0.9, "proposed_by": "agent:marvain", "model": "offline",
        "created_at": "2026-11-22T10:00:00.000Z", "changed_at": "2026-11-22T11:00:00.000Z", "changed_by": "person:anna",
        "evidence": [{"event": "evt_00000000000000000000000000", "satellite": "kitchen", "space": "kitchen",
                      "person": "anna", "at": "2026-11-22T09:59:00.000Z",
                      "excerpt": "remember that the tea is in the tin\u{1b}[2J"}],
        "edits": [{"at": "2026-11-22T11:00:00.000Z", "by": "person:anna", "before": "tea: tin"}]})
}

fn action() -> Value {
    json!({
        "id": "act_00000000000000000000000000",
        "invocation": {"target": {"satellite": "kitchen"}, "capability": "lamp", "args": {"level": 40, "state": "on"}},
        "args_hash": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "why": "Anna asked for light", "proposer": "agent:marvain", "risk": "medium", "state": "awaiting_approval",
        "origin": {"event": "evt_00000000000000000000000000", "satellite": "kitchen", "person": "anna"},
        "decision": {"verdict": "ask", "policies": ["run-for-members"]},
        "deadline": "2026-11-22T12:14:00.000Z",
        "created_at": "2026-11-22T11:59:00.000Z", "changed_at": "2026-11-22T11:59:00.000Z"})
}

#[test]
fn the_hub_at_a_glance() {
    let status: Status = Status {
        version: "0.1.0".into(),
        now: at(NOW),
        started_at: at("2026-11-22T09:00:00.000Z"),
        person: "owner".parse().unwrap(),
        role: marvain_domain::identity::Role::Owner,
        planner: "offline rules".into(),
        satellites: 2,
        satellites_online: 1,
        private_spaces: vec!["bedroom".parse().unwrap()],
        to_approve: 1,
        to_review: 0,
        deliveries: 3,
        dead_letters: 1,
        outbox: 0,
        audit_size: 120,
        audit_waiting: 2,
        verifier_key: "marvain.local/x+c74f20a3+ARpc".into(),
        broker: BrokerStats { connections: 1, messages_in: 5, messages_out: 6, ..BrokerStats::default() },
    };
    insta::assert_snapshot!(status::status(&status, look()), @"");
}

#[test]
fn satellites_at_a_glance_and_one_in_full() {
    insta::assert_snapshot!(satellites::list(&list(vec![satellite(), revoked()], Some("old")), look()), @"");
    insta::assert_snapshot!(satellites::one(&canned(satellite()), look()), @"");
    insta::assert_snapshot!(satellites::list(&list(vec![], None), look()), @"");
}

#[test]
fn memories_show_their_evidence_and_reasons() {
    insta::assert_snapshot!(memories::list(&list(vec![memory()], None), look()), @"");
    insta::assert_snapshot!(memories::one(&canned(memory()), look()), @"");
    let recalled = json!({"memory": memory(), "score": 0.04125, "reasons": [
        {"reason": "similar", "rank": 1, "similarity": 0.81}, {"reason": "words", "rank": 2, "score": 3.5},
        {"reason": "recent", "days": 3.2}, {"reason": "subject", "person": "anna"}]});
    insta::assert_snapshot!(memories::recalled(&list(vec![recalled], None), look()), @"");
}

#[test]
fn an_action_is_shown_exactly_as_it_would_be_done() {
    insta::assert_snapshot!(actions::list(&list(vec![action()], Some("cursor")), look()), @"");
    insta::assert_snapshot!(actions::one(&canned(action()), look()), @"");
}

#[test]
fn people_consents_and_spaces() {
    let people = || {
        list(
            vec![
                json!({"id": "anna", "display_name": "Anna", "role": "owner", "has_token": true,
                       "created_at": "2026-11-20T12:00:00.000Z"}),
                json!({"id": "ben", "display_name": "Ben", "role": "guest", "has_token": false,
                       "created_at": "2026-11-22T11:59:59.500Z"}),
            ],
            None,
        )
    };
    insta::assert_snapshot!(household::people(&people(), look()), @"");
    insta::assert_snapshot!(household::roles(&people(), look()), @"");
    let consent = |kind: &str, expires: Option<&str>, revoked: Option<&str>| {
        json!({"person": "anna", "kind": kind, "purpose": "the house", "granted_at": "2026-11-21T12:00:00.000Z",
               "granted_by": "person:anna", "expires_at": expires, "revoked_at": revoked})
    };
    let consents = vec![
        consent("memory", Some("2026-12-22T12:00:00.000Z"), None),
        consent("voice", Some("2026-11-22T11:00:00.000Z"), None),
        consent("face", None, Some("2026-11-22T11:30:00.000Z")),
    ];
    insta::assert_snapshot!(household::consents(&list(consents, None), look()), @"");
    let spaces = vec![
        json!({"id": "kitchen", "location": "home", "created_at": "2026-11-20T12:00:00.000Z"}),
        json!({"id": "bedroom", "created_at": "2026-11-20T12:00:00.000Z",
               "privacy": {"since": "2026-11-22T11:50:00.000Z", "by": "person:anna"}}),
    ];
    insta::assert_snapshot!(household::spaces(&list(spaces, None), look()), @"");
}

#[test]
fn the_audit_log_says_what_is_wrong_and_where() {
    let entries = vec![
        json!({"seq": 7, "time": NOW, "actor": "person:anna", "on_behalf_of": [], "kind": "action.approved",
               "data": {"action": "act_0"}}),
        json!({"seq": null, "time": NOW, "actor": "person:ben", "on_behalf_of": [], "kind": "request.refused",
               "data": {"operation": "backup"}}),
    ];
    insta::assert_snapshot!(audit::tail(&list(entries, None), look()), @"");
    let finding = |class: &str, seq, object: Option<&str>, detail: &str| FindingInfo {
        class: class.into(),
        seq,
        object: object.map(str::to_owned),
        detail: detail.into(),
    };
    let found = Verification {
        intact: false,
        size: 300,
        root: "00ff".into(),
        checkpoints: 3,
        entries: 299,
        findings: vec![
            finding("edited", Some(12), Some("tile/entries/000"), "the entry is not the one that was signed"),
            finding("rolled_back", None, None, "a trusted checkpoint speaks of 400 entries"),
        ],
        findings_left_out: 4,
    };
    insta::assert_snapshot!(audit::verification(&found, look()), @"");
}

#[test]
fn queues_dead_letters_and_backups() {
    let queue = |name: &str, dead, oldest: Option<&str>| QueueInfo {
        name: name.into(),
        waiting: 2,
        in_flight: 0,
        dead,
        oldest: oldest.map(at),
    };
    let queues =
        List { items: vec![queue("observe", 0, None), queue("plan", 1, Some("2026-11-22T11:59:00Z"))], next: None };
    insta::assert_snapshot!(operations::queues(&queues, look()), @"");
    let letter = DeadLetter {
        id: "dlv_00000000000000000000000000".into(),
        topic: None,
        principal: None,
        received_at: at("2026-11-22T11:00:00Z"),
        died_at: at("2026-11-22T11:40:00Z"),
        attempts: 8,
        error: "the model cannot be reached now".into(),
        body: r#"{"event":"evt_0"}"#.into(),
    };
    insta::assert_snapshot!(operations::dead_letters(&List { items: vec![letter], next: None }, look()), @"");
    let backup = BackupInfo { path: "/data/backups/1".into(), bytes: 5 << 20, at: at(NOW), audit_size: 120 };
    insta::assert_snapshot!(operations::backup(&backup, look()), @"");
}
