//! A ledger that remembers which records were ever written, so that a test can look at all of them.

use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, OutboxId},
};
use marvain_hub::port::{
    AuditRow, Commit, Committed, Head, Key, Ledger, LedgerError, Outgoing, Page, Query, Record, Write,
};
use marvain_local::SqliteLedger;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) struct Watched {
    inner: SqliteLedger,
    keys: Mutex<BTreeSet<Key>>,
    refuses_seal: AtomicBool,
}

impl Watched {
    pub(crate) fn new(inner: SqliteLedger) -> Self {
        Self { inner, keys: Mutex::default(), refuses_seal: AtomicBool::new(false) }
    }

    /// The next seal is lost, as if the process had ended before it.
    pub(crate) fn refuse_next_seal(&self) {
        self.refuses_seal.store(true, Ordering::Relaxed);
    }

    /// All that the ledger holds: every record, and what waits in the outbox.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap().clone();
        let mut all = Vec::new();
        for key in keys {
            all.extend(self.inner.get(&key).await.unwrap().map(|record| format!("{record:?}")));
        }
        all.extend(self.inner.outbox(1000).await.unwrap().iter().map(|outgoing| format!("{outgoing:?}")));
        all
    }
}

#[async_trait]
impl Ledger for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        self.inner.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, LedgerError> {
        self.inner.query(query).await
    }

    async fn is_applied(&self, id: &DeliveryId) -> Result<bool, LedgerError> {
        self.inner.is_applied(id).await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, LedgerError> {
        let key = |write: &Write| match write {
            Write::Put { key, .. } | Write::Delete { key, .. } => key.clone(),
        };
        self.keys.lock().unwrap().extend(commit.writes.iter().map(key));
        self.inner.commit(commit).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError> {
        self.inner.outbox(limit).await
    }

    async fn sent(&self, ids: &[OutboxId]) -> Result<(), LedgerError> {
        self.inner.sent(ids).await
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.inner.unsealed(limit).await
    }

    async fn unsealed_last(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.inner.unsealed_last(limit).await
    }

    async fn sequence(&self, first: u64, rows: &[u64]) -> Result<(), LedgerError> {
        self.inner.sequence(first, rows).await
    }

    async fn seal(&self, head: &Head) -> Result<(), LedgerError> {
        if self.refuses_seal.swap(false, Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("refused".into()));
        }
        self.inner.seal(head).await
    }

    async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.inner.head().await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.inner.purge(now).await
    }
}
