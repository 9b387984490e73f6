//! Faults, one by one and all together.

use super::{
    NOW, Table,
    faulty::{Fate, client, weather},
    full, key, listing, put,
};
use aws_sdk_dynamodb::Client;
use futures_util::future::join_all;
use marvain_hub::{
    conformance,
    port::{Committed, Expect, Index, Ledger, LedgerError},
};
use marvain_peers::Dynoxide;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[tokio::test]
async fn conforms_through_faults() {
    let server = Dynoxide::start().await;
    join_all([1, 2, 3].map(async |seed| {
        // Three of ten requests meet one.
        let (client, happened) = client(&server.url(), weather(seed, 5));
        let fresh = async || Table::new(&server.url(), client.clone()).await;
        conformance::ledger_basics(fresh).await;
        conformance::ledger_concurrency(fresh).await;
        let happened = happened.lock().unwrap();
        for fate in [Fate::Throttled, Fate::Conflict, Fate::Dropped, Fate::AnswerLost, Fate::Failed, Fate::FailedAfter]
        {
            assert!(happened.contains_key(&("TransactWriteItems".to_owned(), fate)), "{fate:?} with seed {seed}");
        }
    }))
    .await;
}

/// The first transaction meets `fate`, all else passes.
fn once(url: &str, fate: Fate) -> Client {
    let mut left = Some(fate);
    let schedule = move |operation: &str| match operation {
        "TransactWriteItems" => left.take().unwrap_or(Fate::Pass),
        _ => Fate::Pass,
    };
    client(url, schedule).0
}

#[tokio::test]
async fn whoever_loses_an_answer_learns_what_became_of_the_commit() {
    let server = Dynoxide::start().await;
    for fate in [Fate::Throttled, Fate::Conflict, Fate::Dropped, Fate::AnswerLost, Fate::Failed, Fate::FailedAfter] {
        for expect in [Expect::Absent, Expect::Any] {
            let table = Table::new(&server.url(), once(&server.url(), fate)).await;
            let ledger = table.ledger();
            let commit = full("one", vec![put("a", "1", None, json!(1), expect)]);
            assert_eq!(ledger.commit(commit.clone()).await.unwrap(), Committed::Applied, "{fate:?} {expect:?}");
            assert_eq!(ledger.get(&key("a")).await.unwrap().unwrap().version, 1, "{fate:?}");
            assert_eq!(ledger.commit(commit).await.unwrap(), Committed::Repeated, "{fate:?}");
            assert_eq!(ledger.outbox(10).await.unwrap().len(), 1, "{fate:?}");
            assert_eq!(ledger.unsealed(10).await.unwrap().len(), 2, "{fate:?}");
        }
    }
}

#[tokio::test]
async fn a_commit_that_changes_a_record_and_loses_its_answer_is_no_conflict_with_itself() {
    let server = Dynoxide::start().await;
    let table = Table::new(&server.url(), once(&server.url(), Fate::Pass)).await;
    table.ledger().commit(full("first", vec![put("a", "1", None, json!(1), Expect::Absent)])).await.unwrap();
    let lossy = Table { client: once(&server.url(), Fate::FailedAfter), name: table.name.clone() };
    let second = full("second", vec![put("a", "2", None, json!(2), Expect::Version(1))]);
    assert_eq!(lossy.ledger().commit(second.clone()).await.unwrap(), Committed::Applied);
    assert_eq!(table.ledger().commit(second).await.unwrap(), Committed::Repeated);
    let third = full("third", vec![put("a", "2", None, json!(2), Expect::Version(1))]);
    assert!(matches!(lossy.ledger().commit(third).await, Err(LedgerError::Conflict { .. })));
}

#[tokio::test]
async fn a_table_that_throttles_on_is_unavailable_and_later_it_is_not() {
    let server = Dynoxide::start().await;
    let is_down = Arc::new(AtomicBool::new(true));
    let down = is_down.clone();
    let schedule = move |_: &str| if down.load(Ordering::Relaxed) { Fate::Throttled } else { Fate::Pass };
    let table = Table::new(&server.url(), client(&server.url(), schedule).0).await;
    let ledger = table.ledger();
    let commit = full("one", vec![put("a", "1", None, json!(1), Expect::Absent)]);
    let a = key("a");
    let (committed, read) = futures_util::join!(ledger.commit(commit.clone()), ledger.get(&a));
    for refused in [committed.map(drop), read.map(drop)] {
        let error = refused.unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(matches!(error, LedgerError::Unavailable(_)) && why.starts_with("throttled after"), "{why}");
    }
    is_down.store(false, Ordering::Relaxed);
    assert_eq!(ledger.commit(commit).await.unwrap(), Committed::Applied);
    assert_eq!(ledger.query(&listing(Index::List, "list")).await.unwrap().records.len(), 1);
    assert_eq!(ledger.purge(NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_unavailable_at_once() {
    let server = Dynoxide::start().await;
    let table = Table { name: "nowhere".into(), ..Table::plain(&server.url()).await };
    assert!(matches!(table.ledger().get(&key("a")).await, Err(LedgerError::Unavailable(_))));
}
