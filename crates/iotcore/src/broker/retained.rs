//! Retained messages: the last one of each topic, for those who subscribe later. Developer Guide, "MQTT retained messages".

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::limits::RETAINED_MESSAGES_MAX;
use crate::message::{Message, Properties, QoS};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

/// Keeps `message` as its topic's; one with an empty payload removes it. MQTT 3.1.1 section 3.3.1.3. When
/// [`RETAINED_MESSAGES_MAX`] topics have one, that of a further topic is not kept and counted. Says whether it was kept.
pub(crate) fn retain(
    tx: &mut Tx<'_>,
    message: &Message,
    now_ms: u64,
    counters: &Arc<Counters>,
) -> Result<bool, StoreError> {
    if message.payload.is_empty() {
        tx.connection.prepare_cached("DELETE FROM retained WHERE topic = ?1")?.execute([message.topic.as_str()])?;
        return Ok(true);
    }
    let rows = tx
        .connection
        .prepare_cached(
            "INSERT INTO retained (topic, payload, qos, updated_ms, properties, expires_ms)
             SELECT ?1, ?2, ?3, ?4, ?6, ?7
             WHERE EXISTS (SELECT 1 FROM retained WHERE topic = ?1) OR (SELECT count(*) FROM retained) < ?5
             ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload, qos = excluded.qos, updated_ms = excluded.updated_ms,
                 properties = excluded.properties, expires_ms = excluded.expires_ms",
        )?
        .execute(params![
            message.topic.as_str(),
            message.payload.as_slice(),
            message.qos.level(),
            now_ms as i64,
            RETAINED_MESSAGES_MAX as i64,
            message.stored_properties(),
            message.expires_ms.map(|expires_ms| expires_ms as i64)
        ])?;
    let kept = rows > 0;
    if !kept {
        tracing::warn!(topic = %message.topic, "not retained: {RETAINED_MESSAGES_MAX} messages are already");
        let counters = Arc::clone(counters);
        tx.after_commit(move || counters.dropped_retained.add(1));
    }
    Ok(kept)
}

/// A retained message that is to be sent; read when it is its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) topic: TopicName,
    pub(crate) qos: QoS,
}

/// The retained message of the topic that `filter` names, with no more than `qos`. Developer Guide, "AWS IoT differences from
/// MQTT specifications": filters with wildcards get none.
pub(crate) fn named(connection: &Connection, filter: &TopicFilter, qos: QoS) -> Result<Option<Retained>, StoreError> {
    if !filter.is_exact() {
        return Ok(None);
    }
    let retained: Option<i64> = connection
        .prepare_cached("SELECT qos FROM retained WHERE topic = ?1")?
        .query_row([filter.as_str()], |row| row.get(0))
        .optional()?;
    let Some(level) = retained else { return Ok(None) };
    let topic = TopicName::parse(filter.as_str()).map_err(|error| StoreError::Value(error.to_string()))?;
    Ok(Some(Retained { topic, qos: QoS::from_level(level).min(qos) }))
}

/// The message itself, unless it was removed meanwhile.
pub(crate) fn load(connection: &Connection, retained: &Retained) -> Result<Option<Arc<Message>>, StoreError> {
    let Retained { topic, qos } = retained;
    let read = |row: &Row<'_>| {
        let payload = row.get_ref(0)?.as_blob()?.into_payload();
        Ok(Message {
            retain: true,
            properties: Properties::from_stored(row.get(1)?),
            expires_ms: row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs),
            ..Message::new(topic.clone(), payload, *qos)
        })
    };
    let message = connection
        .prepare_cached("SELECT payload, properties, expires_ms FROM retained WHERE topic = ?1")?
        .query_row([topic.as_str()], read)
        .optional()?;
    Ok(message.map(Arc::new))
}

/// Removes messages that have expired by `now_ms`, at most `rows_max`. Developer Guide, "MQTT", message expiry.
pub(crate) fn sweep(tx: &mut Tx<'_>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "DELETE FROM retained WHERE topic IN (SELECT topic FROM retained WHERE expires_ms <= ?1 LIMIT ?2)",
        )?
        .execute(params![now_ms as i64, rows_max as i64])?;
    Ok(())
}
