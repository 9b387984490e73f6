//! The port `Ledger` on DynamoDB: one table, and a transaction a commit.
//!
//! **One table.** Records, the places they have in indexes, the deliveries that are applied, effects and audit rows lie in one
//! table ([`TABLE`]), so that a commit is one TransactWriteItems. Its first operation puts the delivery's item and demands
//! that there is none: a repetition ends there. That item names the call that wrote it, so that a call whose answer was lost
//! learns that it was applied by itself. DynamoDB's own token for the same request (ten minutes) stands before that.
//!
//! **Indexes are items.** A global secondary index is eventually consistent, and the hub relies on lists: forgetting sweeps
//! them, the last owner is counted in one, and the port says that reads see what was acknowledged. So a place in an index is an
//! item of the table, written in the same transaction and read strongly consistent (`places.rs`). An entry has the keys of its
//! record and not its body: it costs 2 write units where a copy in an index would cost as many as the body, and a read unit for
//! each record listed. A transaction takes 100 items; `places.rs` says what happens to a commit that would need more.
//!
//! **Few items.** The effects of a commit share an item, and so do its audit rows.
//!
//! **Order of audit rows.** Each commit that has some draws a number from a counter before its transaction begins, outside of it.
//! Who begins after a commit was acknowledged draws a larger number; two at the same time may come in either order. A counter
//! inside the transaction would let commits wait for each other.
//!
//! **Errors.** Throttling, conflicts of transactions, lost answers and errors of the server are tried again with growing, jittered
//! pauses for some 15 seconds, then they are [`LedgerError::Unavailable`]. A trace event says each (`operation`, `why`, `tries`).
//! The SDK's own retries are off.
//!
//! **Capacity** (Amazon DynamoDB Developer Guide, "Read/write capacity mode"; measured by `tests/it/ledger/capacity.rs`), for
//! items of at most 1 KB: a commit consumes 2 write units for the delivery, 2 for each record, 2 for each entry that is made or
//! removed, 2 if it has effects, 3 if it has audit rows (one of them for the counter); an effect that went out 1 a commit. If
//! it replaces or removes records, it reads 1 unit for each and 1 for the delivery. A record in 1 KB more needs 2 more to be
//! written. `get` takes 1 read unit a 4 KB; `query` of an index 1, and 1 a 4 KB of entries, and 1 for each record.
//!
//! **Permissions**: `dynamodb:GetItem`, `BatchGetItem`, `Query`, `PutItem`, `UpdateItem`, `DeleteItem`, `BatchWriteItem` and
//! `ConditionCheckItem` on the table, of readers of lists too, for they may finish entries; `Scan` only for who purges.
//!
//! It knows no record's meaning and no clock.

mod attempt;
mod audit;
mod commit;
mod item;
mod keys;
mod op;
mod outbox;
mod pack;
mod places;
mod purge;
mod query;
mod schema;
mod table;

pub use schema::{CreateError, KeyAttribute, Schema, TABLE};

use async_trait::async_trait;
use attempt::Dice;
use aws_sdk_dynamodb::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
};
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, OutboxId},
};
use marvain_hub::port::{AuditRow, Commit, Committed, Head, Key, Ledger, LedgerError, Outgoing, Page, Query, Record};
use outbox::Known;
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use table::Table;

/// How long one request may take, in milliseconds. What is late may have been carried out all the same.
const ATTEMPT_MS: u64 = 5_000;
/// How long a connection may take, in milliseconds.
const CONNECT_MS: u64 = 1_000;

/// Where a ledger is, and who uses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerSettings {
    /// Name of the table.
    pub table: String,
    /// A random number of this process's own: it tells its calls from those of others, and spreads its retries.
    pub instance: u64,
}

/// What waits in a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// Effects that are not known to be carried out.
    pub effects: usize,
    /// Audit rows that are not sealed.
    pub audit_rows: usize,
}

/// Facts and state in a DynamoDB table.
pub struct DynamoLedger {
    table: Table,
    instance: u64,
    calls: AtomicU64,
    known: Mutex<Known>,
}

impl DynamoLedger {
    /// A ledger in a table that is there. The client's retries and time limits are replaced by the ledger's.
    pub fn new(client: &Client, settings: LedgerSettings) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS))
            .operation_attempt_timeout(Duration::from_millis(ATTEMPT_MS));
        let config =
            client.config().to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts.build());
        let LedgerSettings { table, instance } = settings;
        let table = Table { client: Client::from_conf(config.build()), name: table, dice: Dice::new(instance) };
        Self { table, instance, calls: AtomicU64::new(0), known: Mutex::default() }
    }

    /// What waits, counted up to `most` of each; for people to look at, so that it may lag a little and costs half.
    ///
    /// # Errors
    /// [`LedgerError`], if the table cannot be read.
    pub async fn backlog(&self, most: usize) -> Result<Backlog, LedgerError> {
        let (effects, audit_rows) =
            futures_util::future::try_join(self.count(keys::OUTBOX, most), self.count(keys::AUDIT, most)).await?;
        Ok(Backlog { effects, audit_rows })
    }

    async fn count(&self, pk: &str, most: usize) -> Result<usize, LedgerError> {
        let mut count = 0;
        let part = table::Part { consistent: false, ..table::Part::all(pk) };
        self.table
            .walk(part, most, |item| {
                count += pack::texts(&item).len();
                Ok(count < most)
            })
            .await?;
        Ok(count.min(most))
    }

    /// A name for one call that no other has; with a number behind it at most 36 characters, as tokens of requests have.
    fn call(&self) -> String {
        format!("{:016x}{:08x}", self.instance, self.calls.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn get(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        // DynamoDB takes no empty sort key, so that nothing is there.
        if key.sk.is_empty() {
            return Ok(None);
        }
        self.table.get(&keys::record(key)).await?.map(|item| item::record(&item)).transpose()
    }

    async fn query(&self, query: &Query) -> Result<Page, LedgerError> {
        self.find(query).await
    }

    async fn is_applied(&self, id: &DeliveryId) -> Result<bool, LedgerError> {
        Ok(self.table.get(&keys::applied(id)).await?.is_some())
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, LedgerError> {
        self.apply(&commit).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError> {
        self.waiting_effects(limit).await
    }

    async fn sent(&self, ids: &[OutboxId]) -> Result<(), LedgerError> {
        self.confirm(ids).await
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.first_rows(limit).await
    }

    async fn unsealed_last(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.last_rows(limit).await
    }

    async fn sequence(&self, first: u64, rows: &[u64]) -> Result<(), LedgerError> {
        self.give_places(first, rows).await
    }

    async fn seal(&self, head: &Head) -> Result<(), LedgerError> {
        self.seal_to(head).await
    }

    async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.sealed_head().await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.drop_expired(now).await
    }
}
