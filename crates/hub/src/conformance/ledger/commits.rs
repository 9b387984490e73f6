//! Commits: once, whole, and only if their conditions hold.

use super::{Storage, assert_conflict, commit, delete, delivery, effect, full, key, place, put, version};
use crate::port::{Committed, Expect, Key, Ledger, LedgerError, Record, Write};
use marvain_domain::Timestamp;
use serde_json::{Value, json};

pub(super) async fn a_commit_is_applied_once<S: Storage<Adapter: Ledger>>(storage: &S) {
    let lamp = key("space/den", "lamp");
    let on = full("on", put(&lamp, json!({ "on": true }), Expect::Any));
    let ledger = storage.open().await;
    assert!(!ledger.is_applied(&on.id).await.unwrap());
    assert_eq!(ledger.commit(on.clone()).await.unwrap(), Committed::Applied);
    assert!(ledger.is_applied(&on.id).await.unwrap());
    ledger.commit(commit("off", vec![put(&lamp, json!({ "on": false }), Expect::Version(1))])).await.unwrap();
    drop(ledger);

    let ledger = storage.open().await;
    // The repetition says something else: what counts is the id.
    for again in [on.clone(), full("on", put(&lamp, json!("other"), Expect::Absent))] {
        assert_eq!(ledger.commit(again).await.unwrap(), Committed::Repeated);
    }
    let record = ledger.get(&lamp).await.unwrap().unwrap();
    assert_eq!((record.version, record.body), (2, json!({ "on": false })));
    assert_eq!(ledger.outbox(10).await.unwrap().len(), 1);
    assert_eq!(ledger.unsealed(10).await.unwrap().len(), 1);
    // A commit without contents is remembered as well.
    assert_eq!(ledger.commit(commit("nothing", vec![])).await.unwrap(), Committed::Applied);
    assert_eq!(ledger.commit(commit("nothing", vec![])).await.unwrap(), Committed::Repeated);
}

pub(super) async fn conditions_hold_or_nothing_is_applied(ledger: &impl Ledger) {
    let there = key("p", "there");
    let gone = key("p", "gone");
    let other = key("p", "other");
    let first = vec![put(&there, json!(1), Expect::Absent), put(&gone, json!(1), Expect::Absent)];
    ledger.commit(commit("first", first)).await.unwrap();
    let second = vec![put(&there, json!(2), Expect::Version(1)), delete(&gone, Expect::Version(1))];
    ledger.commit(commit("second", second)).await.unwrap();

    let wrong: [(&Key, Write); 7] = [
        (&there, put(&there, json!(9), Expect::Absent)),
        (&there, put(&there, json!(9), Expect::Version(1))),
        (&there, put(&there, json!(9), Expect::Version(3))),
        (&there, delete(&there, Expect::Version(1))),
        (&there, delete(&there, Expect::Absent)),
        (&gone, put(&gone, json!(9), Expect::Version(1))),
        (&gone, delete(&gone, Expect::Version(1))),
    ];
    for (case, (over, write)) in wrong.into_iter().enumerate() {
        let mut stale = full(&format!("stale {case}"), put(&other, json!(9), Expect::Any));
        stale.writes.push(write);
        assert_conflict(ledger.commit(stale.clone()).await, over);
        assert!(!ledger.is_applied(&stale.id).await.unwrap(), "case {case}: a conflict must not count as applied");
    }
    assert_eq!(version(ledger, &there).await, Some(2));
    assert_eq!(version(ledger, &gone).await, None);
    assert_eq!(version(ledger, &other).await, None);
    assert!(ledger.outbox(10).await.unwrap().is_empty(), "a conflict leaves no effect");
    assert!(ledger.unsealed(10).await.unwrap().is_empty(), "a conflict leaves no audit row");

    // After gathering again the same delivery goes through.
    let again = full("stale 1", put(&there, json!(3), Expect::Version(2)));
    assert_eq!(ledger.commit(again).await.unwrap(), Committed::Applied);
    // What is not there can be removed without a condition.
    ledger
        .commit(commit("twice gone", vec![delete(&gone, Expect::Any), delete(&other, Expect::Absent)]))
        .await
        .unwrap();
}

pub(super) async fn versions_count_writes(ledger: &impl Ledger) {
    let counted = key("p", "counted");
    for expected in 1..=3 {
        let expect = if expected == 1 { Expect::Absent } else { Expect::Version(expected - 1) };
        ledger.commit(commit(&format!("write {expected}"), vec![put(&counted, json!(0), expect)])).await.unwrap();
        assert_eq!(version(ledger, &counted).await, Some(expected));
    }
    ledger.commit(commit("any", vec![put(&counted, json!(0), Expect::Any)])).await.unwrap();
    assert_eq!(version(ledger, &counted).await, Some(4));
    ledger.commit(commit("delete", vec![delete(&counted, Expect::Version(4))])).await.unwrap();
    assert_eq!(version(ledger, &counted).await, None);
    ledger.commit(commit("anew", vec![put(&counted, json!(0), Expect::Absent)])).await.unwrap();
    assert_eq!(version(ledger, &counted).await, Some(1));
}

pub(super) async fn bodies_come_back_as_they_were<S: Storage<Adapter: Ledger>>(storage: &S) {
    let bodies = [
        Value::Null,
        json!("it's \"quoted\" \\ \u{0} \u{7f} ü 東京 🦀"),
        json!({ "": [], "nested": { "deep": [1, -1, 0.1, 1e300, 9_007_199_254_740_993_u64, true, null] } }),
        json!({ "big": "x".repeat(256 * 1024) }),
    ];
    let expected: Vec<Record> = bodies
        .into_iter()
        .zip(0..)
        .map(|(body, n)| Record {
            // Keys sort and compare as bytes, whatever they hold.
            key: key("p/ü 'x' %_", &format!("{n}#\u{1}")),
            version: 1,
            list: place("list", &format!("ä{n}")),
            due: (n % 2 == 0).then(|| place("due", "x").unwrap()),
            expires_at: Some(Timestamp::from_ms(1_800_000_000_001)),
            body,
        })
        .collect();
    let writes = expected.iter().cloned().map(|record| Write::Put {
        key: record.key,
        list: record.list,
        due: record.due,
        expires_at: record.expires_at,
        body: record.body,
        expect: Expect::Absent,
    });
    storage.open().await.commit(commit("bodies", writes.collect())).await.unwrap();
    let ledger = storage.open().await;
    for record in expected {
        assert_eq!(ledger.get(&record.key).await.unwrap().as_ref(), Some(&record));
    }
    assert_eq!(ledger.get(&key("p/ü 'x' %_", "")).await.unwrap(), None);
}

pub(super) async fn the_impossible_is_a_bug(ledger: &impl Ledger) {
    let writes = |count: usize| (0..count).map(|n| put(&key("p", &n.to_string()), json!(n), Expect::Absent)).collect();
    let twice = vec![put(&key("p", "a"), json!(1), Expect::Any), delete(&key("p", "a"), Expect::Any)];
    for (name, wrong) in [("51 writes", writes(51)), ("one key twice", twice)] {
        let mut wrong = commit(name, wrong);
        wrong.effects.push(effect(name));
        let result = ledger.commit(wrong).await;
        assert!(matches!(result, Err(LedgerError::Bug(_))), "{name}: {result:?}");
        assert!(!ledger.is_applied(&delivery(name)).await.unwrap());
    }
    assert!(ledger.outbox(1).await.unwrap().is_empty());
    assert_eq!(version(ledger, &key("p", "a")).await, None);
    assert_eq!(ledger.commit(commit("50 writes", writes(50))).await.unwrap(), Committed::Applied);
    assert_eq!(version(ledger, &key("p", "49")).await, Some(1));
}
