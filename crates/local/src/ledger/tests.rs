//! A full disk, and orders that the port leaves open.

use super::SqliteLedger;
use crate::store::StoreError;
use futures_util::future::join_all;
use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::{Commit, Committed, Expect, Index, IndexKey, Key, Ledger, LedgerError, Query, Write};
use serde_json::json;

fn put(name: &str, bytes: usize) -> Commit {
    let write = Write::Put {
        key: Key { pk: "p".into(), sk: name.into() },
        list: Some(IndexKey { pk: "list".into(), sk: "same".into() }),
        due: None,
        expires_at: None,
        body: json!("x".repeat(bytes)),
        expect: Expect::Any,
    };
    Commit {
        id: DeliveryId::derive(&[name]),
        at: Timestamp::EPOCH,
        writes: vec![write],
        effects: vec![],
        audit: vec![],
    }
}

/// Lets the database grow by so many pages of 4,096 bytes and no more.
async fn limit(ledger: &SqliteLedger, pages: u64) {
    let limit = ledger.store().write(move |connection| {
        let used: u64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        Ok::<_, StoreError>(connection.pragma_update(None, "max_page_count", used + pages)?)
    });
    limit.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&directory.path().join("ledger.db")).unwrap();
    limit(&ledger, 8).await;
    for n in 0..3 {
        let full = ledger.commit(put(&format!("large {n}"), 100_000)).await;
        assert!(matches!(full, Err(LedgerError::Unavailable(_))), "{full:?}");
    }
    assert_eq!(ledger.commit(put("small", 10)).await.unwrap(), Committed::Applied, "what fits is written");
    assert!(!ledger.is_applied(&DeliveryId::derive(&["large 0"])).await.unwrap());

    // Many at once: those that were acknowledged are there, the others are not, and may be tried again.
    let names: Vec<String> = (0..20).map(|n| format!("many {n}")).collect();
    let results = join_all(names.iter().map(|name| ledger.commit(put(name, 5_000)))).await;
    assert!(results.iter().any(Result::is_err));
    for (name, result) in names.iter().zip(&results) {
        assert_eq!(
            ledger.is_applied(&DeliveryId::derive(&[name])).await.unwrap(),
            result.is_ok(),
            "{name}: {result:?}"
        );
    }
    limit(&ledger, 1_000).await;
    for (name, before) in names.iter().zip(results) {
        let expected = if before.is_ok() { Committed::Repeated } else { Committed::Applied };
        assert_eq!(ledger.commit(put(name, 5_000)).await.unwrap(), expected);
    }
    assert_eq!(ledger.commit(put("large 0", 100_000)).await.unwrap(), Committed::Applied);
}

#[tokio::test]
async fn equal_sort_keys_are_ordered_by_primary_key() {
    let ledger = SqliteLedger::open_in_memory().unwrap();
    for name in ["c", "a", "b"] {
        ledger.commit(put(name, 1)).await.unwrap();
    }
    let mut query = Query {
        index: Index::List,
        pk: "list".into(),
        prefix: String::new(),
        through: None,
        descending: false,
        limit: 10,
        after: None,
    };
    for expected in [["a", "b", "c"], ["c", "b", "a"]] {
        let page = ledger.query(&query).await.unwrap();
        assert_eq!(page.records.iter().map(|record| record.key.sk.as_str()).collect::<Vec<_>>(), expected);
        query.descending = true;
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_bug() {
    let ledger = SqliteLedger::open_in_memory().unwrap();
    let most = super::commit::BODY_BYTES_MAX - 2;
    ledger.commit(put("most", most)).await.unwrap();
    assert!(matches!(ledger.commit(put("more", most + 1)).await, Err(LedgerError::Bug(_))));
}
