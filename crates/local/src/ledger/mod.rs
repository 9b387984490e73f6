//! The port `Ledger` on SQLite: one table shaped like DynamoDB's, with outbox and audit rows beside it.
//!
//! Indexes are read in the order of sort key, then primary key. It knows no record's meaning and no clock.

mod audit;
mod commit;
mod fault;
mod query;
#[cfg(test)]
mod tests;

use crate::store::{OpenError, Schema, Store};
use async_trait::async_trait;
use fault::Fault;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, OutboxId},
};
use marvain_hub::port::{
    AuditRow, Commit, Committed, DELIVERY_MEMORY_S, Head, Key, Ledger, LedgerError, Outgoing, Page, Query, Record,
};
use rusqlite::{Connection, Row, params};
use std::path::Path;

const SCHEMA: Schema = Schema { migrations: &[include_str!("../../../../sql/local/ledger.sql")], at_open: "" };
/// Rows that one transaction of a purge drops, so that commits need not wait for all of it.
const PURGE_ROWS_MAX: usize = 1000;

/// Facts and state in a SQLite file.
pub struct SqliteLedger {
    store: Store,
}

impl SqliteLedger {
    /// Opens the file, creating it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`], with the file as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(path, SCHEMA)? })
    }

    /// An empty ledger that is gone when it is dropped.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory or thread for it.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Ok(Self { store: Store::open_in_memory(SCHEMA)? })
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        Ok(self.store.read(work).await?)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        Ok(self.store.write(work).await?)
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn get(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        let key = key.clone();
        self.read(move |connection| query::get(connection, &key)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, LedgerError> {
        let query = query.clone();
        self.read(move |connection| query::query(connection, &query)).await
    }

    async fn is_applied(&self, id: &DeliveryId) -> Result<bool, LedgerError> {
        let id = id.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT 1 FROM applied WHERE id = ?")?;
            Ok(statement.exists([id.as_str()])?)
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, LedgerError> {
        commit::check(&commit)?;
        self.write(move |connection| commit::apply(connection, &commit)).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, at, effect FROM outbox ORDER BY place LIMIT ?")?;
            let rows = statement.query_map([limit], |row| Ok(outgoing(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    async fn sent(&self, ids: &[OutboxId]) -> Result<(), LedgerError> {
        let ids = ids.to_vec();
        self.write(move |connection| {
            let mut statement = connection.prepare_cached("DELETE FROM outbox WHERE id = ?")?;
            ids.iter().try_for_each(|id| statement.execute([id.as_str()]).map(drop)).map_err(Fault::from)
        })
        .await
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.read(move |connection| audit::unsealed(connection, limit)).await
    }

    async fn unsealed_last(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        self.read(move |connection| audit::unsealed_last(connection, limit)).await
    }

    async fn sequence(&self, first: u64, rows: &[u64]) -> Result<(), LedgerError> {
        let rows = rows.to_vec();
        self.write(move |connection| audit::sequence(connection, first, &rows)).await
    }

    async fn seal(&self, head: &Head) -> Result<(), LedgerError> {
        let head = head.clone();
        self.write(move |connection| audit::seal(connection, &head)).await
    }

    async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.read(audit::head).await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let forgotten = now.as_ms().saturating_sub(DELIVERY_MEMORY_S * 1000);
        let mut dropped = 0;
        for (sql, until) in [
            (
                "DELETE FROM records WHERE (pk, sk) IN
                   (SELECT pk, sk FROM records WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
                now.as_ms(),
            ),
            ("DELETE FROM applied WHERE id IN (SELECT id FROM applied WHERE at < ? ORDER BY at LIMIT ?)", forgotten),
        ] {
            loop {
                let rows = self
                    .write(move |connection| {
                        Ok(connection.prepare_cached(sql)?.execute(params![until, PURGE_ROWS_MAX])?)
                    })
                    .await?;
                dropped += rows as u64;
                if rows < PURGE_ROWS_MAX {
                    break;
                }
            }
        }
        Ok(dropped)
    }
}

fn outgoing(row: &Row<'_>) -> Result<Outgoing, Fault> {
    let (id, effect): (String, String) = (row.get(0)?, row.get(2)?);
    Ok(Outgoing {
        id: id.parse().map_err(|error| Fault::Bug(format!("outbox: {error}")))?,
        effect: serde_json::from_str(&effect)?,
        at: Timestamp::from_ms(row.get(1)?),
    })
}
