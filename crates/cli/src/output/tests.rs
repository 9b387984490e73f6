//! Golden output: what people see, for canned values.

use super::{Look, Output, actions, audit, household, memories, operations, readings, reminders, satellites, status};
use marvain_console::{
    audit::{FindingInfo, Verification},
    operations::{BackupInfo, BrokerStats, DeadLetter, QueueInfo},
    page::List,
    status::Status,
};
use marvain_domain::{Timestamp, identity::Space, memory::Memory};
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
        to_review: 200,
        deliveries: 3,
        dead_letters: 1,
        outbox: 0,
        audit_size: 120,
        audit_waiting: 2,
        verifier_key: "marvain.local/x+c74f20a3+ARpc".into(),
        broker: BrokerStats { connections: 1, messages_in: 5, messages_out: 6, ..BrokerStats::default() },
    };
    insta::assert_snapshot!(status::status(&status, look()), @r#"
    hub           marvain 0.1.0, up since 3 h ago
    you           owner, owner
    planner       offline rules
    satellites    1 of 2 online
    privacy mode  on in bedroom
    to approve    1: `marvain action list --state awaiting_approval`
    to review     200 or more: `marvain memory list --state candidate`
    deliveries    3 under way, 0 effects to go out
    dead letters  1
    audit log     120 entries sealed, 2 waiting
    audit key     marvain.local/x+c74f20a3+ARpc
    broker        1 connections, 5 messages in, 6 out, 0 dropped, 0 denied
    "#);
}

#[test]
fn readings_over_time() {
    let series = |points: Value, next: Option<&str>| {
        canned(json!({"satellite": "kitchen", "name": "temperature", "from": "2026-11-22T10:00:00.000Z",
                      "to": "2026-11-22T12:00:00.000Z", "step_s": 3600, "points": points, "next": next}))
    };
    let points = json!([
        {"at": "2026-11-22T10:00:00.000Z", "count": 60, "min": 20.123, "max": 22.5, "mean": 21.3333, "unit": "°C"},
        {"at": "2026-11-22T11:00:00.000Z", "count": 1, "min": 21.0, "max": 21.0, "mean": 21.0, "unit": ""}]);
    let all = vec![series(points, Some("2026-11-22T12:00:00.000Z"))];
    insta::assert_snapshot!(readings::series(&all, look()), @r#"
    AT                                 READING      VALUE     RANGE          OF
    2026-11-22T10:00:00.000Z  2 h ago  temperature  21.33 °C  20.12 to 22.5  60
    2026-11-22T11:00:00.000Z  1 h ago  temperature  21                       1
    there is more of `temperature`: ask for less time, a longer `--step`, or a larger `--limit`
    "#);
    insta::assert_snapshot!(readings::series(&[series(json!([]), None)], look()), @"nothing was measured in this time");
}

#[test]
fn satellites_at_a_glance_and_one_in_full() {
    insta::assert_snapshot!(satellites::list(&list(vec![satellite(), revoked()], Some("old")), look()), @r#"
    SATELLITE  STATE    SINCE      SPACE    PERSON  CAN
    kitchen    online   3 min ago  kitchen  -       say lamp
    old        revoked  -          -        anna
    more: --after 'old'
    "#);
    insta::assert_snapshot!(satellites::one(&canned(satellite()), look()), @r#"
    satellite     kitchen
    state         online, 3 min ago
    space         kitchen
    person        -
    certificate   ab12
    added         2 d ago
    software      marvain-satellite/0.1.0
    dropped       0 readings
    open command  act_00000000000000000000000000
    can           say text=TEXT
    can           lamp level=0..100 state=on|off — the lamp over the table
    reading       temperature 21.5 °C, 30 s ago
    "#);
    insta::assert_snapshot!(satellites::list(&list(vec![], None), look()), @"no satellites yet: `marvain claim create --out DIR`, or `marvain satellite add NAME --out DIR`");
}

#[test]
fn memories_show_their_evidence_and_reasons() {
    insta::assert_snapshot!(memories::list(&list(vec![memory()], None), look()), @r#"
    MEMORY                          STATE   TIER      ABOUT  CHANGED  CONTENT
    mem_00000000000000000000000000  edited  semantic  anna   1 h ago  the tea is in the tin
    "#);
    insta::assert_snapshot!(memories::one(&canned(memory()), look()), @r#"
    memory    mem_00000000000000000000000000
    state     edited, 1 h ago by person:anna
    content   the tea is in the tin
    tier      semantic
    about     anna
    proposed  2 h ago by agent:marvain with offline, 90 % sure
    evidence  “remember that the tea is in the tin�[2J” — anna, 2 h ago, through kitchen in kitchen (evt_00000000000000000000000000)
    before    tea: tin (person:anna, 1 h ago)
    "#);
    let recalled = json!({"memory": memory(), "score": 0.04125, "reasons": [
        {"reason": "similar", "rank": 1, "similarity": 0.81}, {"reason": "words", "rank": 2, "score": 3.5},
        {"reason": "recent", "days": 3.2}, {"reason": "subject", "person": "anna"}]});
    insta::assert_snapshot!(memories::recalled(&list(vec![recalled], None), look()), @r#"
    1. the tea is in the tin
       id        mem_00000000000000000000000000
       score     0.0413
       because   means something like it (nearest 1, 0.81); shares words with it (best 2, 3.50); is 3 days old; is about anna
       evidence  “remember that the tea is in the tin�[2J” — anna, 2 h ago, through kitchen in kitchen (evt_00000000000000000000000000)
    "#);
}

#[test]
fn an_action_is_shown_exactly_as_it_would_be_done() {
    insta::assert_snapshot!(actions::list(&list(vec![action()], Some("cursor")), look()), @r#"
    ACTION                          STATE              RISK    PROPOSED   WHAT
    act_00000000000000000000000000  awaiting_approval  medium  1 min ago  kitchen lamp level=40 state="on"
    more: --after 'cursor'
    "#);
    insta::assert_snapshot!(actions::one(&canned(action()), look()), @r#"
    action        act_00000000000000000000000000
    state         awaiting_approval, 1 min ago, until in 14 min
    target        kitchen
    capability    lamp
    argument      level = 40
    argument      state = "on"
    risk          medium
    why           Anna asked for light
    proposed      1 min ago by agent:marvain
    on behalf of  anna
    heard by      kitchen
    event         evt_00000000000000000000000000
    policy        ask: run-for-members
    args hash     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    "#);
}

#[test]
fn people_consents_and_spaces() {
    let people = || {
        list(
            vec![
                json!({"id": "anna", "display_name": "Anna", "role": "owner", "has_token": true,
                       "has_account": false, "created_at": "2026-11-20T12:00:00.000Z"}),
                json!({"id": "ben", "display_name": "Ben", "role": "guest", "has_token": false,
                       "has_account": true, "created_at": "2026-11-22T11:59:59.500Z"}),
            ],
            None,
        )
    };
    insta::assert_snapshot!(household::people(&people(), look()), @r#"
    PERSON  NAME  ROLE   TOKEN  ACCOUNT  ADDED
    anna    Anna  owner  yes    no       2 d ago
    ben     Ben   guest  no     yes      now
    "#);
    insta::assert_snapshot!(household::roles(&people(), look()), @r#"
    ROLE     PEOPLE
    owner    anna
    admin
    member
    guest    ben
    blocked
    "#);
    let consent = |kind: &str, expires: Option<&str>, revoked: Option<&str>| {
        json!({"person": "anna", "kind": kind, "purpose": "the house", "granted_at": "2026-11-21T12:00:00.000Z",
               "granted_by": "person:anna", "expires_at": expires, "revoked_at": revoked})
    };
    let consents = vec![
        consent("memory", Some("2026-12-22T12:00:00.000Z"), None),
        consent("voice", Some("2026-11-22T11:00:00.000Z"), None),
        consent("face", None, Some("2026-11-22T11:30:00.000Z")),
    ];
    insta::assert_snapshot!(household::consents(&list(consents, None), look()), @r#"
    CONSENT  STATE               UNTIL    GIVEN    RECORDED BY  PURPOSE
    memory   active              in 30 d  1 d ago  person:anna  the house
    voice    expired             1 h ago  1 d ago  person:anna  the house
    face     revoked 30 min ago  -        1 d ago  person:anna  the house
    "#);
    let spaces = vec![
        json!({"id": "kitchen", "location": "home", "created_at": "2026-11-20T12:00:00.000Z"}),
        json!({"id": "bedroom", "created_at": "2026-11-20T12:00:00.000Z",
               "privacy": {"since": "2026-11-22T11:50:00.000Z", "by": "person:anna"}}),
    ];
    insta::assert_snapshot!(household::spaces(&list(spaces, None), look()), @r#"
    SPACE    LOCATION  PRIVACY MODE                   ADDED
    kitchen  home      off                            2 d ago
    bedroom  -         on, 10 min ago by person:anna  2 d ago
    "#);
}

#[test]
fn the_audit_log_says_what_is_wrong_and_where() {
    let entries = vec![
        json!({"seq": 7, "time": NOW, "actor": "person:anna", "on_behalf_of": [], "kind": "action.approved",
               "data": {"action": "act_0"}}),
        json!({"seq": null, "time": NOW, "actor": "person:ben", "on_behalf_of": [], "kind": "request.refused",
               "data": {"operation": "backup"}}),
    ];
    insta::assert_snapshot!(audit::tail(&list(entries, None), look()), @r#"
    SEQ      TIME                      ACTOR        KIND             DATA
    7        2026-11-22T12:00:00.000Z  person:anna  action.approved  {"action":"act_0"}
    waiting  2026-11-22T12:00:00.000Z  person:ben   request.refused  {"operation":"backup"}
    "#);
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
    insta::assert_snapshot!(audit::verification(&found, look()), @r#"
    audit log    NOT INTACT
    entries      299 read, 300 signed for
    checkpoints  3 with a valid signature
    root         00ff

    FINDING      ENTRY  OBJECT            WHAT
    edited       12     tile/entries/000  the entry is not the one that was signed
    rolled_back  -      -                 a trusted checkpoint speaks of 400 entries
    and 4 findings more
    "#);
}

#[test]
fn reminders_at_a_glance() {
    let reminder = |n: u8, due: &str, origin: Value| {
        json!({"id": format!("rem_0000000000000000000000000{n}"), "text": "water the\nplants", "due": due,
               "satellite": "kitchen", "origin": origin})
    };
    let all = vec![
        reminder(0, "2026-11-22T12:10:00Z", json!({"person": "anna"})),
        reminder(1, "2026-11-23T12:00:00Z", json!({})),
    ];
    insta::assert_snapshot!(reminders::list(&list(all, Some("x")), look()), @r#"
    REMINDER                        DUE        OF    THROUGH  TEXT
    rem_00000000000000000000000000  in 10 min  anna  kitchen  water the plants
    rem_00000000000000000000000001  in 1 d     -     kitchen  water the plants
    more: --after 'x'
    "#);
    assert_eq!(reminders::list(&list(vec![], None), look()), "none");
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
    insta::assert_snapshot!(operations::queues(&queues, look()), @r#"
    QUEUE    WAITING  IN FLIGHT  DEAD  OLDEST
    observe  2        0          0     -
    plan     2        0          1     1 min ago
    "#);
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
    insta::assert_snapshot!(operations::dead_letters(&List { items: vec![letter], next: None }, look()), @r#"
    DEAD LETTER                     GIVEN UP    TRIES  TOPIC             WHY                              PAYLOAD
    dlv_00000000000000000000000000  20 min ago  8      (the hub itself)  the model cannot be reached now  {"event":"evt_0"}
    "#);
    let backup = BackupInfo { path: "/data/backups/1".into(), bytes: 5 << 20, at: at(NOW), audit_size: 120 };
    insta::assert_snapshot!(operations::backup(&backup, look()), @r#"
    backup     /data/backups/1
    size       5.0 MiB
    audit log  120 entries
    "#);
}

#[test]
fn json_is_one_document_that_says_where_a_list_goes_on() {
    let output = |json| Output { json, look: look() };
    let spaces =
        || list::<Space>(vec![json!({"id": "kitchen", "created_at": "2026-11-20T12:00:00.000Z"})], Some("kitchen"));
    insta::assert_snapshot!(output(true).render(&spaces(), household::spaces).unwrap(), @r#"
    {
      "items": [
        {
          "id": "kitchen",
          "created_at": "2026-11-20T12:00:00.000Z"
        }
      ],
      "next": "kitchen"
    }
    "#);
    let human = output(false).render(&spaces(), household::spaces).unwrap();
    assert!(human.ends_with("more: --after 'kitchen'"), "{human}");
    // What is no JSON for people is JSON for programs all the same, whole and unchanged.
    let text: Value =
        serde_json::from_str(&output(true).render(&canned::<Memory>(memory()), memories::one).unwrap()).unwrap();
    assert_eq!(text["evidence"][0]["excerpt"], memory()["evidence"][0]["excerpt"]);
}
