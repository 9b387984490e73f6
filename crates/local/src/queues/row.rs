//! A delivery as it is read from its row.

use super::QueueError;
use marvain_domain::Timestamp;
use marvain_hub::port::Delivery;
use marvain_topics::Queue;
use rusqlite::Row;

/// The columns that [`delivery`] reads, in their order.
pub(super) const COLUMNS: &str = "id, queue, topic, principal, received_at, body";

pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery, QueueError> {
    let (id, queue): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Delivery {
        id: id.parse().map_err(|error| QueueError::Bug(format!("{error}")))?,
        queue: Queue::from_name(&queue).ok_or_else(|| QueueError::Bug(format!("`{queue}` is no queue")))?,
        topic: row.get(2)?,
        principal: row.get(3)?,
        received_at: Timestamp::from_ms(row.get(4)?),
        body: row.get(5)?,
    })
}
