//! The durable queues of persistent sessions.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{Connection, OptionalExtension, params};

use super::mailbox::Delivery;
use super::router::Session;
use crate::message::{Message, QoS};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::topic::TopicName;

/// Messages read from a queue at once.
pub(crate) const PAGE_MESSAGES_MAX: usize = 32;

/// Puts `message` into the queue of each session that still exists, its payload once if there are several.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    sessions: &[Arc<Session>],
    message: &Arc<Message>,
    counters: &Arc<Counters>,
) -> Result<(), StoreError> {
    let payload = message.payload.as_slice();
    let shared = match sessions {
        [] | [_] => None,
        _ => {
            tx.connection.prepare_cached("INSERT INTO payloads (payload, refs) VALUES (?1, 0)")?.execute([payload])?;
            Some(tx.connection.last_insert_rowid())
        }
    };
    let mut refs = 0_i64;
    for session in sessions {
        let Some(durable) = &session.durable else { continue };
        if durable.is_full() {
            counters.dropped_queue_full.add(1);
            continue;
        }
        let seq = tx.next_seq();
        let inline = if shared.is_some() { None } else { Some(payload) };
        let inserted = tx
            .connection
            .prepare_cached(
                "INSERT INTO queue (session_id, seq, topic, retain, payload, payload_id)
                 SELECT id, ?2, ?3, ?4, ?5, ?6 FROM sessions WHERE id = ?1",
            )?
            .execute(params![durable.id, seq, message.topic.as_str(), message.retain, inline, shared])?;
        if inserted == 1 {
            refs += 1;
            let (session, message, counters) = (Arc::clone(session), Arc::clone(message), Arc::clone(counters));
            tx.after_commit(move || {
                counters.queued.add(1);
                session.queued(&message, seq);
            });
        }
    }
    if let Some(shared) = shared {
        let sql = if refs == 0 {
            "DELETE FROM payloads WHERE id = ?1 AND ?2 = 0"
        } else {
            "UPDATE payloads SET refs = ?2 WHERE id = ?1"
        };
        tx.connection.prepare_cached(sql)?.execute([shared, refs])?;
    }
    Ok(())
}

/// Removes what the client has acknowledged.
pub(crate) fn acknowledge(tx: &mut Tx<'_>, session_id: i64, seqs: &[i64]) -> Result<u64, StoreError> {
    let mut delete = tx.connection.prepare_cached("DELETE FROM queue WHERE session_id = ?1 AND seq = ?2")?;
    let mut removed = 0;
    for seq in seqs {
        removed += delete.execute([session_id, *seq])? as u64;
    }
    Ok(removed)
}

/// The next messages after `seq`, at most [`PAGE_MESSAGES_MAX`].
pub(crate) fn page(connection: &Connection, session_id: i64, after: i64) -> Result<Vec<Delivery>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT seq, topic, retain, coalesce(q.payload, p.payload)
         FROM queue AS q LEFT JOIN payloads AS p ON p.id = q.payload_id
         WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = select.query(params![session_id, after, PAGE_MESSAGES_MAX as i64])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let topic = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let topic = TopicName::parse(topic).map_err(|error| StoreError::Value(error.to_string()))?;
        let payload = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?.into_payload();
        let message = Message { topic, payload, qos: QoS::AtLeastOnce, retain: row.get(2)? };
        page.push(Delivery { message: Arc::new(message), seq: Some(row.get(0)?) });
    }
    Ok(page)
}

/// How many messages wait for a session.
pub(crate) fn depth(connection: &Connection, session_id: i64) -> Result<u64, StoreError> {
    let depth = connection
        .prepare_cached("SELECT count(*) FROM queue WHERE session_id = ?1")?
        .query_row([session_id], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(depth.unwrap_or_default().unsigned_abs())
}
