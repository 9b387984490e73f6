//! Retained messages: the last one of each topic, for those who subscribe later. Developer Guide, "MQTT retained messages".

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{Connection, params};

use crate::limits::{RETAINED_MESSAGES_MAX, RETAINED_PER_FILTER_MAX};
use crate::message::{Message, QoS};
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

/// Keeps `message` as its topic's; one with an empty payload removes it. MQTT 3.1.1 section 3.3.1.3.
pub(crate) fn retain(tx: &mut Tx<'_>, message: &Message, now_ms: u64) -> Result<(), StoreError> {
    if message.payload.is_empty() {
        tx.connection.prepare_cached("DELETE FROM retained WHERE topic = ?1")?.execute([message.topic.as_str()])?;
        return Ok(());
    }
    let kept = tx
        .connection
        .prepare_cached(
            "INSERT INTO retained (topic, payload, qos, updated_ms)
             SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT count(*) FROM retained) < ?5 OR EXISTS (SELECT 1 FROM retained WHERE topic = ?1)
             ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload, qos = excluded.qos, updated_ms = excluded.updated_ms",
        )?
        .execute(params![
            message.topic.as_str(),
            message.payload.as_slice(),
            message.qos.level(),
            now_ms as i64,
            RETAINED_MESSAGES_MAX as i64
        ])?;
    if kept == 0 {
        return Err(StoreError::Value(format!("{RETAINED_MESSAGES_MAX} messages are retained already")));
    }
    Ok(())
}

/// The retained messages that `filter` matches, at most [`RETAINED_PER_FILTER_MAX`], with no more than `qos`.
pub(crate) fn matching(connection: &Connection, filter: &TopicFilter, qos: QoS) -> Result<Vec<Arc<Message>>, StoreError> {
    let text = filter.as_str();
    let exact = !text.contains(['+', '#']);
    // All topics that match begin with what comes before the first wildcard; `a/#` matches `a` as well.
    let prefix = text.split(['+', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut select = connection.prepare_cached(
        "SELECT topic, payload, qos FROM retained
         WHERE topic >= ?1 AND (?2 AND topic = ?3 OR NOT ?2 AND substr(topic, 1, length(?1)) = ?1) ORDER BY topic",
    )?;
    let mut rows = select.query(params![if exact { text } else { prefix }, exact, text])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let topic = TopicName::parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)
            .map_err(|error| StoreError::Value(error.to_string()))?;
        if !filter.matches(&topic) {
            continue;
        }
        if found.len() == RETAINED_PER_FILTER_MAX {
            tracing::warn!(%filter, "more than {RETAINED_PER_FILTER_MAX} retained messages match: the others are not sent");
            break;
        }
        let payload = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?.into_payload();
        let qos = QoS::from_level(row.get(2)?).min(qos);
        found.push(Arc::new(Message { topic, payload, qos, retain: true }));
    }
    Ok(found)
}
