//! A ledger that is away, is slow, loses answers and has conflicts; and, if planted, one that breaks its contract.

use super::simulated;
use crate::{options::Plant, shared::Shared};
use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, OutboxId},
};
use marvain_hub::port::{
    AuditRow, Commit, Committed, Expect, Head, Key, Ledger, LedgerError, Outgoing, Page, Query, Record, Write,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) struct SimLedger {
    pub(crate) inner: Arc<dyn Ledger>,
    pub(crate) shared: Shared,
    pub(crate) forgotten: AtomicU64,
}

impl SimLedger {
    async fn reach(&self, what: &str) -> Result<(), LedgerError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.ledger_down) {
            self.shared.note(|| format!("ledger: {what} refused"));
            return Err(LedgerError::Unavailable(simulated("away")));
        }
        Ok(())
    }

    /// The answer goes back; by then it may be old, or nobody waits for it any more.
    async fn answer<T>(&self, what: &str, value: T) -> Result<T, LedgerError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.ledger_lost) {
            self.shared.note(|| format!("ledger: answer to {what} lost"));
            return Err(LedgerError::Unavailable(simulated("answer lost")));
        }
        Ok(value)
    }

    /// The commit as a ledger without that guard would take it.
    fn spoil(&self, mut commit: Commit) -> Commit {
        if self.shared.planted(Plant::LedgerIgnoresVersions, 1000) {
            for write in &mut commit.writes {
                let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
                *expect = Expect::Any;
            }
        }
        if self.shared.planted(Plant::LedgerForgetsDeliveries, 1000) {
            let n = self.forgotten.fetch_add(1, Ordering::Relaxed);
            commit.id = DeliveryId::derive(&[commit.id.as_str(), &n.to_string()]);
        }
        if self.shared.planted(Plant::LedgerDropsAudit, 20) {
            commit.audit.pop();
        }
        if self.shared.planted(Plant::LedgerDropsOutbox, 1000) {
            commit.effects.clear();
        }
        commit
    }
}

#[async_trait]
impl Ledger for SimLedger {
    async fn get(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        self.reach("get").await?;
        let found = self.inner.get(key).await?;
        self.shared.boundary().await;
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Page, LedgerError> {
        self.reach("query").await?;
        let page = self.inner.query(query).await?;
        self.shared.boundary().await;
        Ok(page)
    }

    async fn is_applied(&self, id: &DeliveryId) -> Result<bool, LedgerError> {
        self.reach("is_applied").await?;
        let applied = self.inner.is_applied(id).await?;
        self.shared.boundary().await;
        Ok(applied && !self.shared.planted(Plant::LedgerForgetsDeliveries, 1000))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, LedgerError> {
        self.reach("commit").await?;
        let first = commit.writes.first().map(|(Write::Put { key, .. } | Write::Delete { key, .. })| key.clone());
        if let Some(Key { pk, sk }) = first
            && self.shared.strikes(|weather| weather.conflict)
        {
            self.shared.lock().oracle.count("conflicts");
            return Err(LedgerError::Conflict { pk, sk });
        }
        let committed = self.inner.commit(self.spoil(commit.clone())).await?;
        if committed == Committed::Applied {
            let mut state = self.shared.lock();
            state.note(|| {
                let kinds: Vec<_> = commit.audit.iter().map(|draft| draft.kind.as_str()).collect();
                format!("ledger: commit {} {} effects {}", commit.id, kinds.join(" "), commit.effects.len())
            });
            state.oracle.committed(&commit);
        }
        self.answer("commit", committed).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError> {
        self.reach("outbox").await?;
        self.inner.outbox(limit).await
    }

    async fn sent(&self, ids: &[OutboxId]) -> Result<(), LedgerError> {
        self.reach("sent").await?;
        self.inner.sent(ids).await?;
        self.answer("sent", ()).await
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.reach("unsealed").await?;
        self.inner.unsealed(limit).await
    }

    async fn unsealed_last(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.reach("unsealed_last").await?;
        self.inner.unsealed_last(limit).await
    }

    async fn sequence(&self, first: u64, rows: &[u64]) -> Result<(), LedgerError> {
        self.reach("sequence").await?;
        self.inner.sequence(first, rows).await?;
        self.answer("sequence", ()).await
    }

    async fn seal(&self, head: &Head) -> Result<(), LedgerError> {
        self.reach("seal").await?;
        self.inner.seal(head).await?;
        self.answer("seal", ()).await
    }

    async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.reach("head").await?;
        self.inner.head().await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.reach("purge").await?;
        self.inner.purge(now).await
    }
}
