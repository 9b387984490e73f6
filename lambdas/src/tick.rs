//! The tick, as EventBridge's schedule asks for it every minute, and once a day what wakes the database.
//!
//! What has expired in the ledger DynamoDB drops by itself (Amazon DynamoDB Developer Guide, "Using time to live").

use crate::emf::Metric;
use marvain_domain::Timestamp;
use marvain_hub::{Hub, Ticked, port::LedgerError};
use std::sync::atomic::{AtomicBool, Ordering};

/// Ticks between two sweeps, unless one has left something to do: each keeps a database that scales to zero awake for minutes.
const TICKS_PER_SWEEP: u64 = 24 * 60;
/// Time between ticks, in milliseconds: the shortest that EventBridge's schedules have.
const TICK_MS: u64 = 60_000;

/// The upkeep of a hub; what it knows between two ticks it may forget.
#[derive(Debug, Default)]
pub struct Upkeep {
    is_more: AtomicBool,
}

impl Upkeep {
    /// Does what is due, and sweeps when it is time. What the metrics say of it.
    ///
    /// # Errors
    /// [`LedgerError`]: the next tick does it.
    pub async fn run(&self, hub: &Hub, now: Timestamp) -> Result<Vec<(Metric, u64)>, LedgerError> {
        let Ticked { due, left_behind, stuck } = hub.tick(now).await?;
        if left_behind > 0 {
            tracing::warn!(left_behind, stuck, "effects were left behind");
        }
        let is_time = (now.as_ms() / TICK_MS).is_multiple_of(TICKS_PER_SWEEP);
        if is_time || self.is_more.load(Ordering::Relaxed) {
            self.is_more.store(hub.sweep(now).await.is_more, Ordering::Relaxed);
        }
        Ok(vec![
            (Metric::Due, due as u64),
            (Metric::OutboxStuck, stuck as u64),
            // Here as well as where it is sealed: who seals no more says nothing any more.
            (Metric::AuditWaiting, hub.audit_waiting().await? as u64),
        ])
    }
}
