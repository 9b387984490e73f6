//! Sealing the audit log: asked for by the table's stream when rows are there, and every minute in case that was missed.
//! What the event says does not matter: all that waits is sealed.

use crate::{TimeLeft, emf::Metric};
use marvain_domain::chain;
use marvain_hub::{Hub, SealError};

/// What sealing came to, for the metrics.
pub type Values = Vec<(Metric, u64)>;

/// Seals until nothing waits or the time is up.
///
/// # Errors
/// [`SealError`]: whoever asked asks again. What was sealed before stays so.
pub async fn run(hub: &Hub, left: TimeLeft) -> Result<Values, SealError> {
    let mut entries = 0;
    let ended = loop {
        match left.to(hub.seal()).await {
            Ok(Ok(sealed)) if sealed.entries == 0 => break Ok(()),
            Ok(Ok(sealed)) => entries += sealed.entries as u64,
            Ok(Err(error)) => break Err(error),
            Err(up) => {
                tracing::warn!(entries, "{up}: what waits is sealed next time");
                break Ok(());
            }
        }
    };
    if let Err(error) = &ended {
        tracing::error!(error = chain(error), entries, "sealing failed and is tried again");
    }
    ended?;
    Ok(vec![(Metric::Sealed, entries), (Metric::AuditWaiting, hub.audit_waiting().await? as u64)])
}
