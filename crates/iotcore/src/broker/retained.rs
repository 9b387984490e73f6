//! Retained messages: the last one of each topic, for those who subscribe later. Developer Guide, "MQTT retained messages".

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{Connection, OptionalExtension, params};

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

/// A retained message that is to be sent; read when it is its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) topic: TopicName,
    pub(crate) qos: QoS,
}

/// The retained messages that `filter` matches, at most [`RETAINED_PER_FILTER_MAX`], with no more than `qos`.
pub(crate) fn matching(connection: &Connection, filter: &TopicFilter, qos: QoS) -> Result<Vec<Retained>, StoreError> {
    let text = filter.as_str();
    let exact = !text.contains(['+', '#']);
    // All topics that match begin with what comes before the first wildcard; `a/#` matches `a` as well.
    let prefix = text.split(['+', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut select = connection.prepare_cached(
        "SELECT topic, qos FROM retained
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
        found.push(Retained { topic, qos: QoS::from_level(row.get(1)?).min(qos) });
    }
    Ok(found)
}

/// The message itself, unless it was removed meanwhile.
pub(crate) fn load(connection: &Connection, retained: &Retained) -> Result<Option<Arc<Message>>, StoreError> {
    let payload = connection
        .prepare_cached("SELECT payload FROM retained WHERE topic = ?1")?
        .query_row([retained.topic.as_str()], |row| Ok(row.get_ref(0)?.as_blob()?.into_payload()))
        .optional()?;
    let Retained { topic, qos } = retained;
    Ok(payload.map(|payload| Arc::new(Message { topic: topic.clone(), payload, qos: *qos, retain: true })))
}
