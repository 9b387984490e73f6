//! Queries: order, bounds, pages.

use super::{commit, delete, key, names, place, put};
use crate::port::{Expect, Index, Ledger, LedgerError, Query, Record, Write};
use serde_json::json;
use std::collections::BTreeSet;

fn query(index: Index, pk: &str) -> Query {
    Query { index, pk: pk.into(), prefix: String::new(), through: None, descending: false, limit: 100, after: None }
}

async fn find(ledger: &impl Ledger, query: Query) -> Vec<String> {
    let page = ledger.query(&query).await.unwrap();
    names(&page.records).into_iter().map(str::to_owned).collect()
}

fn indexed(sk: &str, list: Option<&str>, due: Option<&str>) -> Write {
    Write::Put {
        key: key("p", sk),
        list: list.and_then(|sk| place("list", sk)),
        due: due.and_then(|sk| place("due", sk)),
        expires_at: None,
        body: json!(sk),
        expect: Expect::Any,
    }
}

pub(super) async fn each_index_has_its_order(ledger: &impl Ledger) {
    let mut writes = vec![
        indexed("b", Some("1"), Some("9")),
        indexed("a", Some("3"), None),
        indexed("Z", None, Some("7")),
        indexed("ü", Some("2"), Some("8")),
    ];
    writes.push(put(&key("q", "a"), json!("another partition"), Expect::Any));
    ledger.commit(commit("records", writes)).await.unwrap();
    let cases = [
        (Index::Primary, "p", vec!["Z", "a", "b", "ü"]),
        (Index::List, "list", vec!["b", "ü", "a"]),
        (Index::Due, "due", vec!["Z", "ü", "b"]),
        (Index::Primary, "list", vec![]),
        (Index::List, "p", vec![]),
        (Index::Due, "list", vec![]),
    ];
    for (index, pk, mut expected) in cases {
        assert_eq!(find(ledger, query(index, pk)).await, expected, "{index:?} {pk}");
        expected.reverse();
        let backwards = Query { descending: true, ..query(index, pk) };
        assert_eq!(find(ledger, backwards).await, expected, "{index:?} {pk} descending");
    }
}

pub(super) async fn bounds_narrow_a_query(ledger: &impl Ledger) {
    let writes = ["a", "a/", "a/1", "a/2", "a/2x", "a0", "b", "a/%", "a/_"].map(|sk| indexed(sk, Some(sk), Some(sk)));
    ledger.commit(commit("records", writes.to_vec())).await.unwrap();
    let cases: [(&str, Option<&str>, &[&str]); 7] = [
        ("a/", None, &["a/", "a/%", "a/1", "a/2", "a/2x", "a/_"]),
        ("a/2", None, &["a/2", "a/2x"]),
        ("a/%", None, &["a/%"]),
        ("c", None, &[]),
        ("", Some("a/1"), &["a", "a/", "a/%", "a/1"]),
        ("a/", Some("a/2"), &["a/", "a/%", "a/1", "a/2"]),
        ("a/", Some("a"), &[]),
    ];
    for (index, pk) in [(Index::Primary, "p"), (Index::List, "list"), (Index::Due, "due")] {
        for (prefix, through, expected) in cases {
            for descending in [false, true] {
                let bounded = Query {
                    prefix: prefix.into(),
                    through: through.map(str::to_owned),
                    descending,
                    ..query(index, pk)
                };
                let mut found = find(ledger, bounded).await;
                if descending {
                    found.reverse();
                }
                assert_eq!(found, expected, "{index:?} prefix `{prefix}` through {through:?} descending {descending}");
            }
        }
    }
}

pub(super) async fn pages_join_without_gap_or_repetition(ledger: &impl Ledger) {
    // Sort keys in the indexes repeat, so that pages end between equal ones.
    for chunk in 0..23 {
        let writes = (0..50).map(|n| {
            let sk = format!("{:04}", chunk * 50 + n);
            indexed(&sk, Some(&sk[..2]), Some("same"))
        });
        ledger.commit(commit(&format!("chunk {chunk}"), writes.collect())).await.unwrap();
    }
    for (index, pk) in [(Index::Primary, "p"), (Index::List, "list"), (Index::Due, "due")] {
        for (limit, descending) in [(7, false), (7, true), (1000, false), (1000, true)] {
            let mut ask = Query { limit, descending, ..query(index, pk) };
            let mut found: Vec<Record> = vec![];
            loop {
                let page = ledger.query(&ask).await.unwrap();
                assert!(page.records.len() <= limit);
                found.extend(page.records);
                ask.after = page.next;
                if ask.after.is_none() {
                    break;
                }
            }
            assert_eq!(found.len(), 1150, "{index:?}");
            assert_eq!(names(&found).into_iter().collect::<BTreeSet<_>>().len(), 1150, "{index:?}");
            let sort = |record: &Record| match index {
                Index::Primary => record.key.sk.clone(),
                Index::List => record.list.clone().unwrap().sk,
                Index::Due => record.due.clone().unwrap().sk,
            };
            assert!(found.is_sorted_by(|a, b| if descending { sort(a) >= sort(b) } else { sort(a) <= sort(b) }));
        }
    }
    let exact = Query { prefix: "000".into(), limit: 10, ..query(Index::Primary, "p") };
    assert_eq!(ledger.query(&exact).await.unwrap().next, None, "nothing is behind a page that holds the rest");
}

pub(super) async fn indexes_follow_writes(ledger: &impl Ledger) {
    ledger
        .commit(commit("1", vec![indexed("a", Some("1"), Some("1")), indexed("b", Some("2"), Some("2"))]))
        .await
        .unwrap();
    ledger.commit(commit("2", vec![indexed("a", Some("3"), None), delete(&key("p", "b"), Expect::Any)])).await.unwrap();
    assert_eq!(find(ledger, query(Index::List, "list")).await, ["a"]);
    assert!(find(ledger, query(Index::Due, "due")).await.is_empty());
    let through = Query { through: Some("2".into()), ..query(Index::List, "list") };
    assert!(find(ledger, through).await.is_empty());
}

pub(super) async fn wrong_queries_are_refused(ledger: &impl Ledger) {
    let writes = ["a", "b", "c"].map(|sk| indexed(sk, Some(sk), Some(sk)));
    ledger.commit(commit("records", writes.to_vec())).await.unwrap();
    let page = ledger.query(&Query { limit: 1, ..query(Index::Primary, "p") }).await.unwrap();
    for limit in [0, 1001] {
        let result = ledger.query(&Query { limit, ..query(Index::Primary, "p") }).await;
        assert!(matches!(result, Err(LedgerError::Bug(_))), "limit of {limit}: {result:?}");
    }
    let cursors = [
        ("made up", Query { after: Some("b".into()), ..query(Index::Primary, "p") }),
        ("another index's", Query { after: page.next.clone(), ..query(Index::List, "list") }),
        ("another partition's", Query { after: page.next, ..query(Index::Primary, "q") }),
    ];
    for (name, wrong) in cursors {
        let result = ledger.query(&wrong).await;
        assert!(matches!(result, Err(LedgerError::Cursor)), "{name}: {result:?}");
    }
}
