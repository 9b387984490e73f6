//! Lifecycle events and what must be remembered to publish them all: which clients are connected, and their wills.
//! Developer Guide, "Lifecycle events".
//!
//! A row of `clients` is marked connected in the same commit as the event that says so. After a crash the marks that are
//! left become disconnect events, so presence never sticks.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use crate::broker::{Broker, CloseReason, Connected};
use crate::ids::CertificateId;
use crate::message::{Message, QoS};
use crate::rules::Origin;
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

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
    topics: Option<&'a [TopicFilter]>,
}

/// A client that is marked connected.
struct Marked {
    client_id: Arc<str>,
    version: i64,
    session_identifier: String,
    principal: String,
    will: Option<Message>,
}

/// Marks a client connected and publishes the event. A connection that it takes the client id from ends here, too.
pub(crate) fn connected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    will: Option<&Message>,
) -> Result<(), StoreError> {
    if let Some(marked) = marked(tx, &connected.client_id)? {
        ended(tx, broker, &marked, CloseReason::DuplicateClientId)?;
    }
    let (principal, ip_address) = (connected.certificate_id.to_string(), connected.ip.to_string());
    let version: i64 = tx
        .connection
        .prepare_cached(
            "INSERT INTO clients (client_id, version, connected, session_identifier, principal, ip_address,
                                  will_topic, will_payload, will_qos, will_retain)
             VALUES (?1, 0, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (client_id) DO UPDATE SET version = version + 1, connected = 1,
                 session_identifier = excluded.session_identifier, principal = excluded.principal,
                 ip_address = excluded.ip_address, will_topic = excluded.will_topic, will_payload = excluded.will_payload,
                 will_qos = excluded.will_qos, will_retain = excluded.will_retain
             RETURNING version",
        )?
        .query_row(
            params![
                &*connected.client_id,
                connected.session_identifier,
                principal,
                ip_address,
                will.map(|will| will.topic.as_str()),
                will.map(|will| will.payload.as_slice()),
                will.map(|will| will.qos.level()),
                will.map(|will| will.retain),
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

/// Ends the presence of a connection, unless another one has taken over. Says whether it did.
pub(crate) fn disconnected(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    reason: CloseReason,
) -> Result<bool, StoreError> {
    match marked(tx, &connected.client_id)? {
        Some(marked) if marked.session_identifier == connected.session_identifier => {
            ended(tx, broker, &marked, reason)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Ends the presence of every client that was connected when this process was last killed.
pub(crate) fn recover(tx: &mut Tx<'_>, broker: &Arc<Broker>) -> Result<(), StoreError> {
    let connected: Vec<String> = tx
        .connection
        .prepare("SELECT client_id FROM clients WHERE connected = 1 ORDER BY client_id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for client_id in connected {
        if let Some(marked) = marked(tx, &client_id)? {
            ended(tx, broker, &marked, CloseReason::ServerError)?;
        }
    }
    Ok(())
}

/// Publishes that a client has subscribed to, or unsubscribed from, `topics`.
pub(crate) fn subscriptions_changed(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    connected: &Connected,
    subscribed: bool,
    topics: &[TopicFilter],
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
    tx.connection
        .prepare_cached(
            "SELECT client_id, version, session_identifier, principal, will_topic, will_payload, will_qos, will_retain
             FROM clients WHERE client_id = ?1 AND connected = 1",
        )?
        .query_row([client_id], |row| Ok(read_marked(row)))
        .optional()?
        .transpose()
}

fn read_marked(row: &Row<'_>) -> Result<Marked, StoreError> {
    let will = match row.get::<_, Option<String>>(4)? {
        None => None,
        Some(topic) => Some(Message {
            topic: TopicName::parse(&topic).map_err(|error| StoreError::Value(error.to_string()))?,
            payload: row.get::<_, Vec<u8>>(5)?.into_payload(),
            qos: QoS::from_level(row.get(6)?),
            retain: row.get(7)?,
        }),
    };
    Ok(Marked {
        client_id: row.get::<_, String>(0)?.into(),
        version: row.get(1)?,
        session_identifier: row.get(2)?,
        principal: row.get(3)?,
        will,
    })
}

fn ended(tx: &mut Tx<'_>, broker: &Arc<Broker>, marked: &Marked, reason: CloseReason) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "UPDATE clients SET connected = 0, will_topic = NULL, will_payload = NULL, will_qos = NULL, will_retain = NULL
             WHERE client_id = ?1",
        )?
        .execute([&*marked.client_id])?;
    if let (Some(will), true) = (&marked.will, reason.publishes_will()) {
        let origin = Origin {
            principal: principal(&marked.principal)?,
            client_id: Some(Arc::clone(&marked.client_id)),
            received_at_ms: broker.clock.now_ms(),
        };
        broker.publish_in(tx, will.clone(), &origin)?;
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
