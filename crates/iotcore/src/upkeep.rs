//! What time does by itself: it ends sessions, tokens and versions, and keeps within their bounds what may fill up.
//!
//! It knows when and how much at once; what has expired is known beside what it is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::broker::{Broker, CloseReason, give_out_shared, settle_owed, sweep_queues, sweep_retained, sweep_sessions};
use crate::registry::certificates;
use crate::store::{StoreError, Tx};
use crate::{jobs, lifecycle, presence, provisioning, shadows};

const INTERVAL: Duration = Duration::from_secs(1);
/// Rows of one kind that are removed at once, about: the others wait for the next time, and publishes do not wait for long.
const ROWS_MAX: u64 = 10_000;

/// Job executions that time out at once.
const TIMEOUTS_MAX: u64 = 1000;
/// Things that continuous jobs are queued for at once, about.
const FOLLOWED_MAX: usize = 1000;
/// Delayed wills that are published at once.
const WILLS_MAX: u64 = 1000;

/// Sweeps every second.
pub(crate) async fn run(broker: &Arc<Broker>) -> Infallible {
    let mut every = tokio::time::interval(INTERVAL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match sweep(broker).await {
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "what has expired is not removed"),
        }
    }
}

/// What is owed, then the removals, each by itself: one that fails holds up no other. Gives the first failure.
pub(crate) async fn sweep(broker: &Arc<Broker>) -> Result<(), StoreError> {
    let mut outcome = settle_owed(broker).await;
    let mut pending = Vec::new();
    for removal in REMOVALS {
        let of_removal = Arc::clone(broker);
        let now_ms = broker.clock.now_ms();
        pending.push(broker.store.submit(move |tx: &mut Tx<'_>| removal(tx, &of_removal, now_ms)).await?);
    }
    for removal in pending {
        outcome = outcome.and(removal.durable().await);
    }
    outcome
}

type Removal = fn(&mut Tx<'_>, &Arc<Broker>, u64) -> Result<(), StoreError>;

/// In this order: wills before their clients are forgotten.
const REMOVALS: [Removal; 12] = [
    |tx, broker, now_ms| lifecycle::publish_wills(tx, broker, now_ms, WILLS_MAX),
    |tx, broker, now_ms| sweep_sessions(tx, broker, now_ms, ROWS_MAX),
    |tx, broker, now_ms| sweep_queues(tx, broker, now_ms, ROWS_MAX),
    |tx, broker, _| give_out_shared(tx, broker),
    |tx, _, now_ms| sweep_retained(tx, now_ms, ROWS_MAX),
    |tx, _, now_ms| provisioning::sweep(tx, now_ms),
    remove_expired_certificates,
    |tx, _, now_ms| presence::sweep(tx, now_ms, ROWS_MAX),
    |tx, _, now_ms| shadows::sweep(tx, now_ms, ROWS_MAX),
    |tx, broker, now_ms| jobs::sweep(tx, broker, now_ms, TIMEOUTS_MAX),
    |tx, broker, _| jobs::follow(tx, broker, FOLLOWED_MAX),
    bound_outboxes,
];

fn remove_expired_certificates(tx: &mut Tx<'_>, broker: &Arc<Broker>, now_ms: u64) -> Result<(), StoreError> {
    let expired = certificates::sweep(tx.connection, now_ms, ROWS_MAX)?;
    if !expired.is_empty() {
        broker.registry_changed(tx);
        let broker = Arc::clone(broker);
        let close = move |id| broker.live.close_certificate(id, CloseReason::ForbiddenAccess);
        tx.after_commit(move || expired.into_iter().for_each(close));
    }
    Ok(())
}

fn bound_outboxes(tx: &mut Tx<'_>, broker: &Arc<Broker>, _now_ms: u64) -> Result<(), StoreError> {
    let dropped = broker.rules.sweep(tx, ROWS_MAX)?;
    let broker = Arc::clone(broker);
    tx.after_commit(move || broker.counters.dropped_outbox.add(dropped));
    Ok(())
}
