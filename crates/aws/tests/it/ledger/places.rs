//! Entries in indexes: one for each place of a record and no other, also when a commit has no room for them.

use super::{
    NOW, Table, commit,
    faulty::{Fate, client},
    full, key, listing, place, put,
};
use futures_util::future::join_all;
use marvain_hub::port::{Committed, Expect, Index, Ledger, LedgerError, Query, Write};
use marvain_peers::Dynoxide;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;

/// 50 records in two indexes: 150 items.
fn large(name: &str, list: &str, expect: Expect) -> Vec<Write> {
    (0..50)
        .map(|n| put(&format!("{n:02}"), &format!("{list}{n:02}"), Some(&format!("{n:02}")), json!(name), expect))
        .collect()
}

async fn found(ledger: &impl Ledger, index: Index) -> Vec<String> {
    let pk = if index == Index::List { "list" } else { "due" };
    let page = ledger.query(&listing(index, pk)).await.unwrap();
    page.records.into_iter().map(|record| record.key.sk).collect()
}

#[tokio::test]
async fn large_commits_move_records_between_places_and_leave_nothing_behind() {
    let server = Dynoxide::start().await;
    let table = Table::plain(&server.url()).await;
    let ledger = table.ledger();
    let all: Vec<String> = (0..50).map(|n| format!("{n:02}")).collect();
    ledger.commit(full("made", large("made", "a", Expect::Absent))).await.unwrap();
    for (version, list) in [(1, "b"), (2, "b"), (3, "a")] {
        let moved = full(&format!("moved {version}"), large("moved", list, Expect::Version(version)));
        assert_eq!(ledger.commit(moved).await.unwrap(), Committed::Applied);
        assert_eq!(found(&ledger, Index::List).await, all);
        assert_eq!(found(&ledger, Index::Due).await, all);
        assert_eq!(table.keys("list#").await.len(), 50, "moved to {list}");
        assert_eq!(table.keys("due#").await.len(), 50);
        assert!(table.keys("spill#").await.is_empty());
    }
    let gone = (0..50).map(|n| Write::Delete { key: key(&format!("{n:02}")), expect: Expect::Any });
    ledger.commit(full("gone", gone.collect())).await.unwrap();
    for prefix in ["record#", "list#", "due#", "spill#"] {
        assert_eq!(table.keys(prefix).await, [], "{prefix}");
    }
}

#[tokio::test]
async fn readers_finish_what_a_crash_has_left_of_a_large_commit() {
    let server = Dynoxide::start().await;
    let whole = Table::plain(&server.url()).await;
    // The process dies when its transaction is durable.
    let durable = Arc::new(Notify::new());
    let tell = durable.clone();
    let mut transactions = 0;
    let schedule = move |operation: &str| {
        transactions += usize::from(operation == "TransactWriteItems");
        if transactions == 0 {
            Fate::Pass
        } else {
            tell.notify_one();
            Fate::Hangs
        }
    };
    let dying = Table { client: client(&server.url(), schedule).0, name: whole.name.clone() };
    let ledger = dying.ledger();
    let commit = full("large", large("large", "a", Expect::Absent));
    let task = tokio::spawn({
        let commit = commit.clone();
        async move { ledger.commit(commit).await }
    });
    durable.notified().await;
    while whole.keys("spill#").await.len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    task.abort();
    assert!(whole.keys("list#").await.is_empty());

    let ledgers: Vec<_> = (0..4).map(|_| whole.ledger()).collect();
    for listed in join_all(ledgers.iter().map(|ledger| found(ledger, Index::Due))).await {
        assert_eq!(listed.len(), 50, "each of many readers sees all of it");
    }
    assert_eq!(found(&ledgers[0], Index::List).await.len(), 50);
    assert!(whole.keys("spill#").await.is_empty());
    assert_eq!(whole.keys("due#").await.len(), 50);
    assert_eq!(ledgers[0].commit(commit).await.unwrap(), Committed::Repeated);
}

#[tokio::test]
async fn entries_of_expired_records_are_not_shown_and_expire_with_them() {
    let server = Dynoxide::start().await;
    let table = Table::plain(&server.url()).await;
    let ledger = table.ledger();
    let brief = |sk: &str, expires_in_s: Option<u64>, expect: Expect| Write::Put {
        key: key(sk),
        list: place("list", sk),
        due: None,
        expires_at: expires_in_s.map(|s| NOW.plus_s(s)),
        body: json!(0),
        expect,
    };
    let writes = vec![
        brief("a", Some(1), Expect::Absent),
        brief("b", Some(1), Expect::Absent),
        brief("c", None, Expect::Absent),
    ];
    ledger.commit(commit("made", writes)).await.unwrap();
    // Its time is changed, not its place.
    ledger.commit(commit("kept", vec![brief("b", Some(100), Expect::Version(1))])).await.unwrap();
    assert_eq!(ledger.purge(NOW.plus_s(1)).await.unwrap(), 1);
    assert_eq!(found(&ledger, Index::List).await, ["b", "c"]);
    assert_eq!(table.keys("list#").await.len(), 2);
    assert_eq!(ledger.purge(NOW.plus_s(100)).await.unwrap(), 1);
    assert_eq!(found(&ledger, Index::List).await, ["c"]);
}

#[tokio::test]
async fn a_cursor_goes_on_whatever_else_the_query_asks() {
    let server = Dynoxide::start().await;
    let ledger = Table::plain(&server.url()).await.ledger();
    let writes = ["a1", "b1", "b2", "b3", "c1"].map(|sk| put(sk, sk, Some(sk), json!(0), Expect::Absent));
    ledger.commit(commit("made", writes.to_vec())).await.unwrap();
    for (index, pk) in [(Index::Primary, "p"), (Index::List, "list"), (Index::Due, "due")] {
        let second = ledger.query(&Query { limit: 2, ..listing(index, pk) }).await.unwrap().next;
        let cases: [(&str, Option<&str>, bool, &[&str]); 6] = [
            ("b", None, false, &["b2", "b3"]),
            ("c", None, false, &["c1"]),
            ("a", None, false, &[]),
            ("", Some("b2"), false, &["b2"]),
            ("", None, true, &["a1"]),
            ("c", None, true, &[]),
        ];
        for (prefix, through, descending, expected) in cases {
            let (prefix, through) = (prefix.to_owned(), through.map(str::to_owned));
            let query = Query { prefix, through, descending, after: second.clone(), ..listing(index, pk) };
            let page = ledger.query(&query).await.unwrap();
            let sks: Vec<String> = page.records.into_iter().map(|record| record.key.sk).collect();
            assert_eq!(sks, expected, "{query:?}");
        }
    }
}

#[tokio::test]
async fn what_the_table_cannot_hold_is_a_bug() {
    let server = Dynoxide::start().await;
    let ledger = Table::plain(&server.url()).await.ledger();
    let body = |bytes: usize| json!("x".repeat(bytes));
    let many = (0..12).map(|n| put(&n.to_string(), "l", None, body(380_000), Expect::Absent)).collect();
    let scattered = (0..50).map(|n| Write::Put {
        key: key(&n.to_string()),
        list: place(&format!("list {n}"), "a"),
        due: place(&format!("due {n}"), "a"),
        expires_at: None,
        body: json!(0),
        expect: Expect::Absent,
    });
    let cases: [(&str, Vec<Write>); 6] = [
        ("a body beyond the limit", vec![put("a", "l", None, body(400 * 1024), Expect::Any)]),
        ("more than a transaction holds", many),
        ("more partitions of indexes than a transaction has room for", scattered.collect()),
        ("no sort key", vec![put("", "l", None, json!(0), Expect::Any)]),
        ("a sort key with a NUL", vec![put("a\0b", "l", None, json!(0), Expect::Any)]),
        (
            "sort keys that are too long together",
            vec![put(&"s".repeat(600), &"l".repeat(600), None, json!(0), Expect::Any)],
        ),
    ];
    for (name, writes) in cases {
        let wrong = full(name, writes);
        let refused = ledger.commit(wrong.clone()).await;
        assert!(matches!(refused, Err(LedgerError::Bug(_))), "{name}: {refused:?}");
        assert!(!ledger.is_applied(&wrong.id).await.unwrap(), "{name}");
    }
    let most = full("as much as there may be", vec![put("a", "l", None, body(400 * 1024 - 200), Expect::Any)]);
    assert_eq!(ledger.commit(most).await.unwrap(), Committed::Applied);
}
