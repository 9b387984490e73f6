//! Looking at queues: counts, dead letters and their second chance.

use super::{DeadLetter, DeadLetters, QueueCounts, QueueError, Redrive, row};
use marvain_domain::Timestamp;
use marvain_topics::Queue;
use rusqlite::{Connection, params};

pub(super) fn counts(connection: &Connection, now: Timestamp) -> Result<Vec<QueueCounts>, QueueError> {
    let mut count = connection.prepare_cached(
        "SELECT queue,
                count(*) FILTER (WHERE dead_at IS NULL AND (hidden_until IS NULL OR hidden_until <= ?1)),
                count(*) FILTER (WHERE hidden_until > ?1 AND receipt IS NOT NULL),
                count(*) FILTER (WHERE hidden_until > ?1 AND receipt IS NULL),
                count(*) FILTER (WHERE dead_at IS NOT NULL),
                min(received_at) FILTER (WHERE dead_at IS NULL)
         FROM deliveries GROUP BY queue",
    )?;
    let mut counts = Queue::ALL.map(QueueCounts::none);
    let mut rows = count.query([now.as_ms()])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if let Some(count) = counts.iter_mut().find(|count| count.queue.name() == name) {
            count.ready = row.get(1)?;
            count.in_flight = row.get(2)?;
            count.delayed = row.get(3)?;
            count.dead = row.get(4)?;
            count.oldest_at = row.get::<_, Option<u64>>(5)?.map(Timestamp::from_ms);
        }
    }
    Ok(counts.to_vec())
}

pub(super) fn list(
    connection: &Connection,
    queue: Option<Queue>,
    after: Option<u64>,
    limit: usize,
) -> Result<DeadLetters, QueueError> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {}, attempts, error, dead_at, place FROM deliveries
         WHERE dead_at IS NOT NULL AND place > ? AND ifnull(queue = ?, TRUE) ORDER BY place LIMIT ?",
        row::COLUMNS
    ))?;
    let mut rows = select.query(params![after.unwrap_or(0), queue.map(Queue::name), limit.saturating_add(1)])?;
    let mut page = DeadLetters::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.letters.len() == limit {
            page.next = last;
            break;
        }
        page.letters.push(DeadLetter {
            delivery: row::delivery(row)?,
            attempts: row.get(6)?,
            error: row.get(7)?,
            dead_at: Timestamp::from_ms(row.get(8)?),
        });
        last = Some(row.get(9)?);
    }
    Ok(page)
}

pub(super) fn redrive(connection: &Connection, which: &Redrive) -> Result<usize, QueueError> {
    let (queue, id) = match which {
        Redrive::Queue(queue) => (queue, None),
        Redrive::Delivery(queue, id) => (queue, Some(id.as_str())),
    };
    let mut update = connection.prepare_cached(
        "UPDATE deliveries SET dead_at = NULL, attempts = 0
         WHERE dead_at IS NOT NULL AND queue = ?1 AND ifnull(id = ?2, TRUE)",
    )?;
    Ok(update.execute(params![queue.name(), id])?)
}
