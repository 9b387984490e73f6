//! Taking deliveries, and what becomes of those that were taken.

use super::{Batch, Fate, QueueError, Receipt, Received, row};
use marvain_domain::Timestamp;
use marvain_topics::Queue;
use rusqlite::{Connection, OptionalExtension, params};

/// First wait before another attempt, in milliseconds; each further one is [`BACKOFF_FACTOR`] times as long.
const BACKOFF_MS: u64 = 500;
/// See [`BACKOFF_MS`].
const BACKOFF_FACTOR: u64 = 4;
/// Longest wait before another attempt, in milliseconds.
const BACKOFF_MS_MAX: u64 = 15 * 60 * 1000;
/// Hidden deliveries that come out in one transaction, at most.
const UNHIDE_ROWS_MAX: usize = 1000;
/// A batch ends with the delivery that brings it to this size, in bytes.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Longest error that is kept, in bytes.
const ERROR_BYTES_MAX: usize = 2048;
const TIMED_OUT: &str = "the work on it was never finished";

/// How long to wait after the `attempt`th attempt, in milliseconds.
fn backoff_ms(attempt: u32) -> u64 {
    let waits = attempt.saturating_sub(1);
    BACKOFF_FACTOR.saturating_pow(waits).saturating_mul(BACKOFF_MS).min(BACKOFF_MS_MAX)
}

pub(super) fn shorten(error: &str) -> String {
    error.get(..error.floor_char_boundary(ERROR_BYTES_MAX)).unwrap_or(error).to_owned()
}

pub(super) fn receive(
    connection: &Connection,
    queue: Queue,
    max: usize,
    number: u64,
    now: Timestamp,
) -> Result<Batch, QueueError> {
    unhide(connection, queue, now)?;
    let mut batch = Batch::default();
    // A round that only buries is followed by another.
    while batch.deliveries.is_empty() {
        let ready = ready(connection, queue, max)?;
        if ready.is_empty() {
            break;
        }
        for mut received in ready {
            received.receipt.number = number;
            if received.attempt > queue.attempts_max() {
                bury(connection, received.receipt.place, TIMED_OUT, now)?;
            } else {
                hide(connection, &received, now)?;
                batch.deliveries.push(received);
            }
        }
    }
    let mut next = connection.prepare_cached(
        "SELECT hidden_until FROM deliveries WHERE queue = ? AND hidden_until IS NOT NULL ORDER BY hidden_until LIMIT 1",
    )?;
    batch.next_at = next.query_row([queue.name()], |row| row.get(0)).optional()?.map(Timestamp::from_ms);
    Ok(batch)
}

/// Brings out what was hidden until now, so that taking can go by place alone.
fn unhide(connection: &Connection, queue: Queue, now: Timestamp) -> Result<(), QueueError> {
    let mut unhide = connection.prepare_cached(
        "UPDATE deliveries SET hidden_until = NULL, receipt = NULL WHERE place IN
           (SELECT place FROM deliveries WHERE queue = ? AND hidden_until <= ? ORDER BY hidden_until LIMIT ?)",
    )?;
    unhide.execute(params![queue.name(), now.as_ms(), UNHIDE_ROWS_MAX])?;
    Ok(())
}

/// The first deliveries of the queue, with the attempt that taking them makes.
fn ready(connection: &Connection, queue: Queue, max: usize) -> Result<Vec<Received>, QueueError> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {}, place, attempts FROM deliveries
         WHERE queue = ? AND hidden_until IS NULL AND dead_at IS NULL ORDER BY place LIMIT ?",
        row::COLUMNS
    ))?;
    let mut rows = select.query(params![queue.name(), max])?;
    let mut ready = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()?
        && bytes < BATCH_BYTES_MAX
    {
        let delivery = row::delivery(row)?;
        bytes += delivery.body.len();
        let receipt = Receipt { queue, place: row.get(6)?, number: 0 };
        ready.push(Received { delivery, receipt, attempt: row.get::<_, u32>(7)?.saturating_add(1) });
    }
    Ok(ready)
}

fn hide(connection: &Connection, received: &Received, now: Timestamp) -> Result<(), QueueError> {
    let Receipt { queue, place, number } = received.receipt;
    let until = now.plus_s(queue.visibility_s().into());
    let sql = "UPDATE deliveries SET hidden_until = ?, receipt = ?, attempts = ? WHERE place = ?";
    connection.prepare_cached(sql)?.execute(params![until.as_ms(), number, received.attempt, place])?;
    Ok(())
}

fn bury(connection: &Connection, place: u64, error: &str, now: Timestamp) -> Result<(), QueueError> {
    let sql = "UPDATE deliveries SET dead_at = ?, error = ?, hidden_until = NULL, receipt = NULL WHERE place = ?";
    connection.prepare_cached(sql)?.execute(params![now.as_ms(), error, place])?;
    Ok(())
}

pub(super) fn ack(connection: &Connection, receipts: &[Receipt]) -> Result<usize, QueueError> {
    let mut delete = connection.prepare_cached("DELETE FROM deliveries WHERE place = ? AND receipt = ?")?;
    let mut gone = 0;
    for Receipt { place, number, .. } in receipts {
        gone += delete.execute([place, number])?;
    }
    Ok(gone)
}

pub(super) fn retry(
    connection: &Connection,
    Receipt { queue, place, number }: Receipt,
    error: &str,
    now: Timestamp,
) -> Result<Fate, QueueError> {
    let mut find = connection.prepare_cached("SELECT attempts FROM deliveries WHERE place = ? AND receipt = ?")?;
    let Some(attempts) = find.query_row([place, number], |row| row.get(0)).optional()? else {
        return Ok(Fate::Stale);
    };
    if attempts >= queue.attempts_max() {
        bury(connection, place, error, now)?;
        return Ok(Fate::Dead);
    }
    let at = now.plus_ms(backoff_ms(attempts));
    let sql = "UPDATE deliveries SET hidden_until = ?, error = ?, receipt = NULL WHERE place = ?";
    connection.prepare_cached(sql)?.execute(params![at.as_ms(), error, place])?;
    Ok(Fate::Again(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        let waits: Vec<u64> = [1, 2, 3, 6, 7, 8, u32::MAX].map(backoff_ms).to_vec();
        assert_eq!(waits, [500, 2_000, 8_000, 512_000, 900_000, 900_000, 900_000]);
    }

    #[test]
    fn an_error_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        let long = format!("x{}", "ü".repeat(ERROR_BYTES_MAX));
        assert_eq!(shorten(&long).len(), ERROR_BYTES_MAX - 1);
    }
}
