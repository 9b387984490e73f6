use crate::world::World;
use marvain_hub::Outcome;
use marvain_topics::Queue;
use serde_json::json;

/// Each is refused with words that name the field and the limit, and leaves an audit entry and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_by_name_and_audited() {
    let mut world = World::new().await;
    let certificate = world.certificate("pi").await;
    let event = |change: serde_json::Value| {
        let mut body = json!({"v": 1, "id": "1", "at": "2026-11-22T09:00:00Z", "kind": "transcript", "text": "hi"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        body.to_string().into_bytes()
    };
    let transcript = "marvain/v1/pi/event/transcript";
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("empty", transcript, vec![]),
        ("malformed", transcript, b"{".to_vec()),
        ("not utf-8", transcript, vec![0xff, 0xfe]),
        ("oversized", transcript, vec![b' '; 20_000]),
        ("long text", transcript, event(json!({"text": "x".repeat(4097)}))),
        ("empty text", transcript, event(json!({"text": ""}))),
        ("wrong type", transcript, event(json!({"text": 7}))),
        ("no id", transcript, event(json!({"id": ""}))),
        ("version", transcript, event(json!({"v": 9}))),
        ("future", transcript, event(json!({"at": "2030-01-01T00:00:00Z"}))),
        ("past", transcript, event(json!({"at": "1999-01-01T00:00:00Z"}))),
        ("no time", transcript, event(json!({"at": "yesterday"}))),
        ("other kind", "marvain/v1/pi/event/observation", event(json!({}))),
        ("unknown channel", "marvain/v1/pi/event/gossip", event(json!({}))),
        ("another thing", "marvain/v1/other/event/transcript", event(json!({}))),
    ];
    let mut answers = String::new();
    for (name, topic, body) in cases {
        let before = world.audit(1000).await.len();
        let outcome = world.deliver(Queue::Observe, topic, Some(&certificate), body).await;
        let Outcome::Rejected(why) = outcome else { panic!("{name}: {outcome:?}") };
        answers.push_str(&format!("{name}: {why}\n"));
        let after = world.audit(1000).await;
        assert_eq!(after.len(), before + 1, "{name}");
        assert_eq!(after.last().unwrap().kind, "delivery.rejected", "{name}");
    }
    insta::assert_snapshot!(answers, @r"
    empty: the payload is empty
    malformed: `.`: EOF while parsing an object at line 1 column 1
    not utf-8: the payload is not UTF-8 from byte 0 on
    oversized: the payload has 20000 bytes, more than 16384
    long text: `text` must have 1 to 4096 bytes, not 4097
    empty text: `text` must have 1 to 4096 bytes, not 0
    wrong type: `text`: invalid type: integer `…`, expected a string
    no id: `id` must be 1 to 64 bytes
    version: `v` is 9, not 1
    future: `at` is more than 86400 s ahead of the hub's clock
    past: `at` is more than 34560000 s ago
    no time: `at`: `…` is no RFC 3339 time between 1970 and 9999
    other kind: `kind` is `transcript` on the topic of `observation`
    unknown channel: `marvain/v1/pi/event/gossip` is no topic of marvain's
    another thing: no satellite `other`
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_says_who_it_is_and_nothing_else_does() {
    let mut world = World::new().await;
    let body =
        json!({"v": 1, "id": "1", "at": world.now, "kind": "transcript", "text": "hi", "thing": "pi"}).to_string();
    for certificate in [None, Some("another")] {
        let outcome = world.deliver(Queue::Observe, "marvain/v1/pi/event/transcript", certificate, &body).await;
        assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    }
    let caller = world.owner();
    let certificate = world.certificate("pi").await;
    world.hub.revoke_satellite(&caller, &"pi".parse().unwrap()).await.unwrap();
    assert_eq!(world.revoked(), std::slice::from_ref(&certificate));
    let outcome = world.deliver(Queue::Observe, "marvain/v1/pi/event/transcript", Some(&certificate), &body).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hubs_own_steps_are_out_of_reach_for_devices() {
    let mut world = World::new().await;
    let certificate = world.certificate("pi").await;
    for queue in [Queue::Plan, Queue::Judge, Queue::Dispatch, Queue::Memory] {
        let outcome = world.deliver(queue, "marvain/v1/pi/report", Some(&certificate), "{}").await;
        assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    }
}
