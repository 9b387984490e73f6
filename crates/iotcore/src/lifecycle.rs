//! Lifecycle events and what must be remembered to publish them all: which clients are connected, and their wills.
//! Developer Guide, "Lifecycle events".
//!
//! A row of `clients` is marked connected in the same commit as the event that says so. After a crash the marks that are
//! left become disconnect events, so presence never sticks. The row of a client that stays away is forgotten, and with it
//! the version number of its events, which then begins anew.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use crate::broker::{Broker, CloseReason, Connected};
use crate::ids::CertificateId;
use crate::limits::LIFECYCLE_VERSION_MS;
use crate::message::{LastWill, Message, Properties, QoS, expires_ms};
use crate::rules::Origin;
use crate::store::{StoreError, Tx};
use crate::topic::{SubscribedFilter, TopicName};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    client_id: &'a str,
    timestamp: u64,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_initiated_disconnect: Option<bool>,
    session_identifier: &'a str,
    principal_identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<&'a [SubscribedFilter]>,
}

/// A client that is marked connected.
struct Marked {
    client_id: Arc<str>,
    version: i64,
    session_identifier: String,
    principal: String,
    will: Option<LastWill>,
}

/// Marks a client connected and publishes the event. A connection that it takes the client id from ends here, too. `resumed` is
/// whether its session goes on: then a will that waits is not published. MQTT 5.0 section 3.1.3.2.2.
pub(crate) fn connected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    will: Option<&LastWill>,
    resumed: bool,
) -> Result<(), StoreError> {
    if let Some(marked) = marked(tx, &connected.client_id)? {
        let waits = marked.will.as_ref().is_some_and(|will| will.delay_s > 0);
        ended(tx, broker, &marked, CloseReason::DuplicateClientId, !(resumed && waits))?;
    }
    if !resumed && let Some(gone) = client(tx, &connected.client_id, false)? {
        publish_will(tx, broker, &gone)?;
    }
    let (principal, ip_address) = (connected.certificate_id.to_string(), connected.ip.to_string());
    let version: i64 = tx
        .connection
        .prepare_cached(
            "INSERT INTO clients (client_id, version, session_identifier, principal, ip_address,
                                  will_topic, will_payload, will_qos, will_retain,
                                  will_properties, will_expiry_s, will_delay_s)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (client_id) DO UPDATE SET version = version + 1, forget_ms = NULL,
                 session_identifier = excluded.session_identifier, principal = excluded.principal,
                 ip_address = excluded.ip_address, will_topic = excluded.will_topic, will_payload = excluded.will_payload,
                 will_qos = excluded.will_qos, will_retain = excluded.will_retain,
                 will_properties = excluded.will_properties, will_expiry_s = excluded.will_expiry_s,
                 will_delay_s = excluded.will_delay_s, will_due_ms = NULL
             RETURNING version",
        )?
        .query_row(
            params![
                &*connected.client_id,
                connected.session_identifier,
                principal,
                ip_address,
                will.map(|will| will.message.topic.as_str()),
                will.map(|will| will.message.payload.as_slice()),
                will.map(|will| will.message.qos.level()),
                will.map(|will| will.message.retain),
                will.and_then(|will| will.message.stored_properties()),
                will.and_then(|will| will.expiry_s),
                will.map(|will| will.delay_s),
            ],
            |row| row.get(0),
        )?;
    let event = Event {
        client_id: &connected.client_id,
        timestamp: broker.clock.now_ms(),
        event_type: "connected",
        client_initiated_disconnect: None,
        session_identifier: &connected.session_identifier,
        principal_identifier: &principal,
        disconnect_reason: None,
        ip_address: Some(&ip_address),
        version_number: Some(version),
        topics: None,
    };
    publish(tx, broker, "presence/connected", &event)
}

/// Whether nobody has taken over from a connection.
pub(crate) fn is_current(tx: &Tx<'_>, connected: &Connected) -> Result<bool, StoreError> {
    let marked = marked(tx, &connected.client_id)?;
    Ok(marked.is_some_and(|marked| marked.session_identifier == connected.session_identifier))
}

/// Ends the presence of a connection that is current. `with_will` is whether its will is published.
pub(crate) fn disconnected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    reason: CloseReason,
    with_will: bool,
) -> Result<(), StoreError> {
    match marked(tx, &connected.client_id)? {
        Some(marked) => ended(tx, broker, &marked, reason, with_will),
        None => Ok(()),
    }
}

/// Ends the presence of every client that was connected when this process was last killed.
pub(crate) fn recover(tx: &mut Tx<'_>, broker: &Arc<Broker>) -> Result<(), StoreError> {
    let connected: Vec<String> = tx
        .connection
        .prepare("SELECT client_id FROM clients WHERE forget_ms IS NULL ORDER BY client_id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for client_id in connected {
        if let Some(marked) = marked(tx, &client_id)? {
            ended(tx, broker, &marked, CloseReason::ServerError, true)?;
        }
    }
    Ok(())
}

/// A session that outlives its connection until `expires_ms` keeps the version number of its client's events.
pub(crate) fn keep_version(tx: &Tx<'_>, session_id: i64, expires_ms: u64) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "UPDATE clients SET forget_ms = max(forget_ms, ?2)
             WHERE client_id = (SELECT client_id FROM sessions WHERE id = ?1) AND forget_ms IS NOT NULL",
        )?
        .execute(params![session_id, expires_ms as i64])?;
    Ok(())
}

/// Publishes that a client has subscribed to, or unsubscribed from, `topics`.
pub(crate) fn subscriptions_changed(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    subscribed: bool,
    topics: &[SubscribedFilter],
) -> Result<(), StoreError> {
    let (event_type, kind) = if subscribed {
        ("subscribed", "subscriptions/subscribed")
    } else {
        ("unsubscribed", "subscriptions/unsubscribed")
    };
    let event = Event {
        client_id: &connected.client_id,
        timestamp: broker.clock.now_ms(),
        event_type,
        client_initiated_disconnect: None,
        session_identifier: &connected.session_identifier,
        principal_identifier: &connected.certificate_id.to_string(),
        disconnect_reason: None,
        ip_address: None,
        version_number: None,
        topics: Some(topics),
    };
    publish(tx, broker, kind, &event)
}

fn marked(tx: &Tx<'_>, client_id: &str) -> Result<Option<Marked>, StoreError> {
    client(tx, client_id, true)
}

/// A client that is connected, or one that is not.
fn client(tx: &Tx<'_>, client_id: &str, connected: bool) -> Result<Option<Marked>, StoreError> {
    tx.connection
        .prepare_cached(
            "SELECT client_id, version, session_identifier, principal, will_topic, will_payload, will_qos, will_retain,
                    will_properties, will_expiry_s, will_delay_s
             FROM clients WHERE client_id = ?1 AND (forget_ms IS NULL) = ?2",
        )?
        .query_row(params![client_id, connected], |row| Ok(read_marked(row)))
        .optional()?
        .transpose()
}

fn read_marked(row: &Row<'_>) -> Result<Marked, StoreError> {
    let will = match row.get::<_, Option<String>>(4)? {
        None => None,
        Some(topic) => {
            let topic = TopicName::parse(&topic).map_err(|error| StoreError::Value(error.to_string()))?;
            let payload = row.get::<_, Vec<u8>>(5)?.into_payload();
            let message = Message {
                retain: row.get(7)?,
                properties: Properties::from_stored(row.get(8)?),
                ..Message::new(topic, payload, QoS::from_level(row.get(6)?))
            };
            Some(LastWill { message, expiry_s: row.get(9)?, delay_s: row.get(10)? })
        }
    };
    Ok(Marked {
        client_id: row.get::<_, String>(0)?.into(),
        version: row.get(1)?,
        session_identifier: row.get(2)?,
        principal: row.get(3)?,
        will,
    })
}

fn ended(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    marked: &Marked,
    reason: CloseReason,
    with_will: bool,
) -> Result<(), StoreError> {
    let now_ms = broker.clock.now_ms();
    let waits_ms = match &marked.will {
        Some(will) if with_will => u64::from(will.delay_s.min(session_expiry_s(tx, &marked.client_id)?)) * 1000,
        _ => 0,
    };
    tx.connection
        .prepare_cached(
            "UPDATE clients SET forget_ms = max(?2, coalesce((SELECT expires_ms FROM sessions WHERE client_id = ?1), 0)),
                 will_due_ms = ?3, disconnected_ms = ?4, disconnect_reason = ?5
             WHERE client_id = ?1",
        )?
        .execute(params![
            &*marked.client_id,
            (now_ms + waits_ms.max(LIFECYCLE_VERSION_MS)) as i64,
            (waits_ms > 0).then_some((now_ms + waits_ms) as i64),
            now_ms as i64,
            reason.as_str(),
        ])?;
    if waits_ms == 0 {
        clear_will(tx, &marked.client_id)?;
        if with_will {
            publish_will(tx, broker, marked)?;
        }
    }
    let event = Event {
        client_id: &marked.client_id,
        timestamp: broker.clock.now_ms(),
        event_type: "disconnected",
        client_initiated_disconnect: Some(reason == CloseReason::ClientInitiated),
        session_identifier: &marked.session_identifier,
        principal_identifier: &marked.principal,
        disconnect_reason: Some(reason.as_str()),
        ip_address: None,
        version_number: Some(marked.version),
        topics: None,
    };
    publish(tx, broker, "presence/disconnected", &event)
}

/// How long the session of a client outlives its connection: as long may its will wait. MQTT 5.0 section 3.1.3.2.2.
fn session_expiry_s(tx: &Tx<'_>, client_id: &str) -> Result<u32, StoreError> {
    let expiry_s = tx
        .connection
        .prepare_cached("SELECT expiry_s FROM sessions WHERE client_id = ?1")?
        .query_row([client_id], |row| row.get(0))
        .optional()?;
    Ok(expiry_s.unwrap_or_default())
}

/// The will of a client is never published.
pub(crate) fn clear_will(tx: &Tx<'_>, client_id: &str) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "UPDATE clients SET will_topic = NULL, will_payload = NULL, will_qos = NULL, will_retain = NULL,
                 will_properties = NULL, will_expiry_s = NULL, will_delay_s = NULL, will_due_ms = NULL
             WHERE client_id = ?1",
        )?
        .execute([client_id])?;
    Ok(())
}

/// Publishes the will of a client, if it has one.
fn publish_will(tx: &mut Tx<'_>, broker: &Arc<Broker>, marked: &Marked) -> Result<(), StoreError> {
    let Some(LastWill { message, expiry_s, .. }) = &marked.will else { return Ok(()) };
    let now_ms = broker.clock.now_ms();
    let origin = Origin {
        principal: principal(&marked.principal)?,
        client_id: Some(Arc::clone(&marked.client_id)),
        received_at_ms: now_ms,
    };
    let expires_ms = expiry_s.map(|interval_s| expires_ms(now_ms, interval_s));
    broker.publish_in(tx, Message { expires_ms, ..message.clone() }, &origin)
}

/// Publishes wills that have waited until `now_ms` for their clients, at most `wills_max`.
pub(crate) fn publish_wills(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    now_ms: u64,
    wills_max: u64,
) -> Result<(), StoreError> {
    let due: Vec<String> = tx
        .connection
        .prepare_cached("SELECT client_id FROM clients WHERE will_due_ms <= ?1 ORDER BY will_due_ms LIMIT ?2")?
        .query_map(params![now_ms as i64, wills_max as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for client_id in due {
        if let Some(marked) = client(tx, &client_id, false)? {
            publish_will(tx, broker, &marked)?;
        }
        clear_will(tx, &client_id)?;
    }
    Ok(())
}

/// A client id with `#` or `+` gets no lifecycle events (same page), nor does one that makes the topic too deep.
fn publish(tx: &mut Tx<'_>, broker: &Arc<Broker>, kind: &str, event: &Event<'_>) -> Result<(), StoreError> {
    let Ok(topic) = TopicName::parse(&format!("$aws/events/{kind}/{}", event.client_id)) else { return Ok(()) };
    let payload = serde_json::to_vec(event).map_err(|error| StoreError::Value(error.to_string()))?;
    let origin = Origin {
        principal: principal(event.principal_identifier)?,
        client_id: Some(event.client_id.into()),
        received_at_ms: event.timestamp,
    };
    broker.publish_in(tx, Message::new(topic, payload, QoS::AtLeastOnce), &origin)
}

fn principal(text: &str) -> Result<Option<CertificateId>, StoreError> {
    text.parse().map(Some).map_err(|error: crate::ids::CertificateIdError| StoreError::Value(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// As many wills as are published at once may be due together; the others are published with the next sweep.
    #[tokio::test]
    async fn who_is_forgotten_has_no_will_that_waits() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        let insert = |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let sql = "INSERT INTO clients (client_id, version, session_identifier, principal, ip_address, forget_ms, will_due_ms)
                       VALUES ('waits', 0, '', '', '', 5, 5), ('gone', 0, '', '', '', 5, NULL)";
            tx.connection.execute(sql, [])?;
            Ok(())
        };
        store.write(insert).await.unwrap();
        let left = || async {
            store.write(|tx: &mut Tx<'_>| crate::presence::sweep(tx, 9, 10)).await.unwrap();
            let count = |connection: &rusqlite::Connection| -> Result<i64, StoreError> {
                Ok(connection.query_row("SELECT count(*) FROM clients", [], |row| row.get(0))?)
            };
            store.read(count).await.unwrap()
        };
        assert_eq!(left().await, 1);
        store.write(|tx: &mut Tx<'_>| clear_will(tx, "waits")).await.unwrap();
        assert_eq!(left().await, 0);
    }
}
