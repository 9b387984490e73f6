//! The suite of the port [`Ledger`].

mod audit;
mod commits;
mod concurrency;
mod outbox;
mod purge;
mod queries;

use super::Storage;
use crate::port::{Commit, Effect, Expect, IndexKey, Key, Ledger, LedgerError, Record, Write};
use marvain_domain::{AuditDraft, Principal, Timestamp, id::DeliveryId};
use marvain_topics::Queue;
use serde_json::{Value, json};

/// Runs the suite; `fresh` makes storage for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn ledger<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Ledger>,
{
    ledger_basics(&fresh).await;
    ledger_pages(&fresh).await;
    ledger_concurrency(&fresh).await;
}

/// The part of the suite that does one thing at a time, with few records.
///
/// # Panics
/// As [`ledger`].
pub async fn ledger_basics<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Ledger>,
{
    commits::a_commit_is_applied_once(&fresh().await).await;
    commits::conditions_hold_or_nothing_is_applied(&fresh().await.open().await).await;
    commits::versions_count_writes(&fresh().await.open().await).await;
    commits::bodies_come_back_as_they_were(&fresh().await).await;
    commits::the_impossible_is_a_bug(&fresh().await.open().await).await;
    queries::each_index_has_its_order(&fresh().await.open().await).await;
    queries::bounds_narrow_a_query(&fresh().await.open().await).await;
    queries::indexes_follow_writes(&fresh().await.open().await).await;
    queries::wrong_queries_are_refused(&fresh().await.open().await).await;
    outbox::effects_wait_in_order_until_they_are_sent(&fresh().await).await;
    audit::rows_go_from_commit_to_seal(&fresh().await).await;
    audit::places_are_given_once_and_without_gap(&fresh().await.open().await).await;
    audit::the_head_never_goes_back(&fresh().await.open().await).await;
    purge::what_is_over_goes_and_nothing_else(&fresh().await.open().await).await;
}

/// The part of the suite with more records than a page holds.
///
/// # Panics
/// As [`ledger`].
pub async fn ledger_pages<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Ledger>,
{
    queries::pages_join_without_gap_or_repetition(&fresh().await.open().await).await;
}

/// The part of the suite that does many things at once.
///
/// # Panics
/// As [`ledger`].
pub async fn ledger_concurrency<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Ledger>,
{
    concurrency::one_writer_wins_each_version(&fresh().await.open().await).await;
    concurrency::distinct_commits_all_land(&fresh().await).await;
    concurrency::one_commit_many_times_at_once_is_applied_once(&fresh().await.open().await).await;
}

/// Noon of some day.
const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);

fn key(pk: &str, sk: &str) -> Key {
    Key { pk: pk.into(), sk: sk.into() }
}

fn place(pk: &str, sk: &str) -> Option<IndexKey> {
    Some(IndexKey { pk: pk.into(), sk: sk.into() })
}

fn put(key: &Key, body: Value, expect: Expect) -> Write {
    Write::Put { key: key.clone(), list: None, due: None, expires_at: None, body, expect }
}

fn delete(key: &Key, expect: Expect) -> Write {
    Write::Delete { key: key.clone(), expect }
}

fn delivery(name: &str) -> DeliveryId {
    DeliveryId::derive(&[name])
}

fn commit(name: &str, writes: Vec<Write>) -> Commit {
    Commit { id: delivery(name), at: NOW, writes, effects: vec![], audit: vec![] }
}

/// A commit with one write, one effect and one audit entry.
fn full(name: &str, write: Write) -> Commit {
    Commit { effects: vec![effect(name)], audit: vec![draft(name)], ..commit(name, vec![write]) }
}

fn effect(about: &str) -> Effect {
    Effect::Hop { queue: Queue::Plan, body: json!({ "about": about }) }
}

fn draft(about: &str) -> AuditDraft {
    let data = json!({ "about": about });
    AuditDraft { at: NOW, actor: Principal::System, on_behalf_of: vec![], kind: "suite.ran".into(), data }
}

/// Asserts that a result is a conflict over this record.
fn assert_conflict<T: std::fmt::Debug>(result: Result<T, LedgerError>, over: &Key) {
    match result {
        Err(LedgerError::Conflict { pk, sk }) => assert_eq!((pk, sk), (over.pk.clone(), over.sk.clone())),
        other => panic!("a conflict over {over:?} is due, not {other:?}"),
    }
}

async fn version(ledger: &impl Ledger, key: &Key) -> Option<u64> {
    ledger.get(key).await.unwrap().map(|record| record.version)
}

fn names(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.sk.as_str()).collect()
}
