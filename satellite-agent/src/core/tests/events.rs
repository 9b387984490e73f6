//! Events: spooled first, sent in order, forgotten at PUBACK, and kept back in privacy mode.

use super::*;
use std::collections::BTreeSet;

#[test]
fn events_are_on_disk_before_they_are_sent_and_gone_after_puback() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    world.say("hello");
    assert_eq!(world.disk.lanes[0].len(), 1);
    let sent = world.sent("/event/transcript");
    assert_eq!((&sent[0]["text"], &sent[0]["kind"], &sent[0]["v"]), (&json!("hello"), &json!("transcript"), &json!(1)));
    world.ack_all();
    assert!(world.disk.lanes[0].is_empty());
}

#[test]
fn what_was_said_offline_is_sent_in_order_with_the_same_ids_until_it_is_acknowledged() {
    let mut world = World::new();
    let said: Vec<String> = (0..200).map(|n| format!("line {n}")).collect();
    said.iter().for_each(|text| world.say(text));
    assert!(world.published.is_empty());
    world.connect(&json!({}), false);
    let first: Vec<_> = world.sent("/transcript");
    assert_eq!(first.len(), 64, "a window of them is in flight");
    world.disconnect();
    let mut world = world.restart(2);
    world.connect(&json!({}), false);
    let mut sent: Vec<Value> = Vec::new();
    loop {
        let more = world.sent("/transcript");
        if more.is_empty() {
            break;
        }
        sent.extend(more);
        world.ack_all();
    }
    assert_eq!(sent.iter().map(|event| event["text"].as_str().unwrap()).collect::<Vec<_>>(), said);
    assert_eq!(sent[..64], first[..], "the very same payloads");
    assert_eq!(sent.iter().map(|event| event["id"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 200);
    assert!(world.disk.lanes[0].is_empty());
}

#[test]
fn ids_of_two_runs_never_meet() {
    let ids = |boot| {
        let mut world = World::on(Disk::default(), boot);
        world.connect(&json!({}), false);
        (0..3).for_each(|_| world.say("x"));
        world.sent("/transcript").iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert!(ids(1).is_disjoint(&ids(2)));
    assert_eq!(ids(1).first().map(String::as_str), Some("010101010101010101010101-1"));
}

#[test]
fn lines_that_are_no_events_are_refused_and_the_next_goes_on() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    for text in ["", "  \t", &"x".repeat(4097), &"\u{1}".repeat(4096), "fine"] {
        world.say(text);
    }
    assert_eq!(world.texts(), ["fine"]);
    assert_eq!(world.disk.stored[0], 1);
}

#[test]
fn observations_carry_the_name_of_their_input() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    let (input, emit, text) = ("door".to_owned(), Emit::Observation, "open".to_owned());
    world.tell(Input::Line { input, emit, text, position: None });
    let sent = world.sent("/event/observation");
    assert_eq!((&sent[0]["name"], &sent[0]["details"]), (&json!("door"), &json!({"text": "open"})));
}

#[test]
fn in_privacy_mode_nothing_said_is_sent_or_stored_and_readings_go_on() {
    let mut world = World::new();
    world.connect(&json!({}), true);
    world.say("a secret");
    world.tell(Input::Readings(vec![marvain_topics::wire::Reading { name: "t".into(), value: 1.0, unit: "C".into() }]));
    let suppressed = world.sent("/event/suppressed");
    assert_eq!(suppressed[0]["kind"], "suppressed");
    let mut fields: Vec<_> = suppressed[0].as_object().unwrap().keys().collect();
    fields.sort_unstable();
    assert_eq!(fields, ["at", "id", "kind", "v"]);
    assert_eq!(world.sent("/telemetry").len(), 1);
    assert!(world.texts().is_empty());
    assert!(world.disk.lanes[0].iter().all(|entry| !entry.payload.get().contains("secret")));
}

#[test]
fn privacy_mode_is_remembered_and_waited_for() {
    let mut world = World::new();
    world.connect(&json!({}), true);
    let mut world = world.restart(2);
    world.say("a secret");
    assert!(
        world.disk.lanes[0].iter().all(|entry| !entry.payload.get().contains("secret")),
        "on until the hub says off"
    );

    let mut world = World::new();
    world.say("said before the hub could tell");
    world.tell(Input::Connected);
    assert!(world.sent("/transcript").is_empty(), "it waits for the answer of the shadow");
    world.shadow(
        ShadowName::Config,
        ShadowOp::GetAccepted,
        &json!({"state": {"desired": {"privacy": true}}, "version": 9}),
    );
    let suppressed = world.sent("/suppressed");
    assert_eq!(suppressed.len(), 1);
    assert!(!suppressed[0].to_string().contains("said"));
    assert!(world.texts().is_empty());
    world.shadow(ShadowName::Config, ShadowOp::UpdateDelta, &json!({"state": {"privacy": false}, "version": 8}));
    world.say("late");
    assert!(world.texts().is_empty(), "an older version is old news");
    world.shadow(ShadowName::Config, ShadowOp::UpdateDelta, &json!({"state": {"privacy": false}, "version": 10}));
    world.say("open");
    assert_eq!(world.texts(), ["open"]);
}
