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

/// One commit of removals, after what is owed.
pub(crate) async fn sweep(broker: &Arc<Broker>) -> Result<(), StoreError> {
    settle_owed(broker).await?;
    let job = {
        let broker = Arc::clone(broker);
        move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let now_ms = broker.clock.now_ms();
            // Before their clients are forgotten.
            lifecycle::publish_wills(tx, &broker, now_ms, WILLS_MAX)?;
            sweep_sessions(tx, &broker, now_ms, ROWS_MAX)?;
            sweep_queues(tx, &broker, now_ms, ROWS_MAX)?;
            give_out_shared(tx, &broker)?;
            sweep_retained(tx, now_ms, ROWS_MAX)?;
            provisioning::sweep(tx, now_ms)?;
            let expired = certificates::sweep(tx.connection, now_ms, ROWS_MAX)?;
            if !expired.is_empty() {
                broker.registry_changed(tx);
                let broker = Arc::clone(&broker);
                let close = move |id| broker.live.close_certificate(id, CloseReason::ForbiddenAccess);
                tx.after_commit(move || expired.into_iter().for_each(close));
            }
            presence::sweep(tx, now_ms, ROWS_MAX)?;
            shadows::sweep(tx, now_ms, ROWS_MAX)?;
            jobs::sweep(tx, &broker, now_ms, TIMEOUTS_MAX)?;
            jobs::follow(tx, &broker, FOLLOWED_MAX)?;
            let dropped = broker.rules.sweep(tx, ROWS_MAX)?;
            tx.after_commit(move || broker.counters.dropped_outbox.add(dropped));
            Ok(())
        }
    };
    broker.store.write(job).await
}
