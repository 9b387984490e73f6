//! The shadow service on its reserved topics: each request is one job of the store's writer, so the requests of a shadow are
//! applied one after another, and the new shadow is durable together with the replies that are queued for absent clients.
//! Developer Guide, "Device Shadow MQTT topics".

use std::sync::Arc;

use mqtt_protocol_core::mqtt::common::ArcPayload;
use rusqlite::{Connection, OptionalExtension, params};

use crate::broker::Broker;
use crate::ids::CertificateId;
use crate::limits::{PAGE_ITEMS_MAX, SHADOW_TOMBSTONE_MS};
use crate::message::{Message, QoS};
use crate::names::{ShadowName, ThingName};
use crate::rules::Origin;
use crate::shadow::{Rejected, Shadow, ShadowAddress, ShadowError, ShadowOperation, ShadowTopic};
use crate::store::{Pending, StoreError, Tx};
use crate::topic::TopicName;

/// What may be asked of a shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Update,
    Delete,
}

/// One request of one shadow.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) address: ShadowAddress,
    pub(crate) verb: Verb,
}

/// The payload of the accepted reply, or why there is none.
pub(crate) type Reply = Result<Vec<u8>, Rejected>;

/// The request that publishing to `topic` is, if it is one.
pub(crate) fn parse_request(topic: &TopicName) -> Option<Request> {
    let ShadowTopic { address, operation } = ShadowTopic::parse(topic)?;
    let verb = match operation {
        ShadowOperation::Get => Verb::Get,
        ShadowOperation::Update => Verb::Update,
        ShadowOperation::Delete => Verb::Delete,
        _ => return None,
    };
    Some(Request { address, verb })
}

/// Hands the request to the writer. When it is done, the replies have been published.
pub(crate) async fn submit(
    broker: &Arc<Broker>,
    request: Request,
    payload: ArcPayload,
    client_id: Option<Arc<str>>,
    principal: Option<CertificateId>,
) -> Result<Pending<Reply, StoreError>, StoreError> {
    submit_unless(None, broker, request, payload, client_id, principal).await
}

/// Like [`submit`], but a request that is `refused` is rejected with that, whatever it asks.
pub(crate) async fn submit_unless(
    refused: Option<ShadowError>,
    broker: &Arc<Broker>,
    request: Request,
    payload: ArcPayload,
    client_id: Option<Arc<str>>,
    principal: Option<CertificateId>,
) -> Result<Pending<Reply, StoreError>, StoreError> {
    let broker_of_job = Arc::clone(broker);
    let job = move |tx: &mut Tx<'_>| {
        let origin = Origin { principal, client_id, received_at_ms: broker_of_job.clock.now_ms() };
        answer(tx, &broker_of_job, &request, payload.as_slice(), &origin, refused)
    };
    broker.store.submit(job).await
}

/// A request's replies in the order they are published, and the shadow to store, if it has changed.
struct Answer {
    shadow: Option<Shadow>,
    accepted: Vec<u8>,
    also: Vec<(ShadowOperation, Vec<u8>)>,
}

fn answer(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    Request { address, verb }: &Request,
    payload: &[u8],
    origin: &Origin,
    refused: Option<ShadowError>,
) -> Result<Reply, StoreError> {
    use ShadowOperation::{
        DeleteAccepted, DeleteRejected, GetAccepted, GetRejected, UpdateAccepted, UpdateDelta, UpdateDocuments,
        UpdateRejected,
    };
    let now_s = origin.received_at_ms / 1000;
    let current = load(tx.connection, address)?;
    let (accepted_on, rejected_on, answer) = match verb {
        Verb::Get => (GetAccepted, GetRejected, get(current.as_ref(), address, payload, now_s)),
        Verb::Update => {
            let answer = Shadow::update(current.as_ref(), payload, now_s).map(|updated| Answer {
                shadow: Some(updated.shadow),
                accepted: updated.accepted,
                also: updated
                    .delta
                    .map(|delta| (UpdateDelta, delta))
                    .into_iter()
                    .chain([(UpdateDocuments, updated.documents)])
                    .collect(),
            });
            (UpdateAccepted, UpdateRejected, answer)
        }
        Verb::Delete => {
            let answer = Shadow::delete(current.as_ref(), address, payload, now_s);
            let answer = answer.map(|(shadow, accepted)| Answer { shadow: Some(shadow), accepted, also: Vec::new() });
            (DeleteAccepted, DeleteRejected, answer)
        }
    };
    let answer = refused.map_or(answer, |error| Err(Rejected::of(error, payload)));
    let mut publish = |operation, payload: Vec<u8>| {
        let message = Message::new(address.topic(operation).to_name(), payload, QoS::AtLeastOnce);
        broker.publish_in(tx, message, origin)
    };
    match answer {
        Ok(Answer { shadow, accepted, also }) => {
            publish(accepted_on, accepted.clone())?;
            for (operation, payload) in also {
                publish(operation, payload)?;
            }
            if let Some(shadow) = shadow {
                save(tx.connection, address, &shadow, origin.received_at_ms)?;
            }
            Ok(Ok(accepted))
        }
        Err(rejected) => {
            publish(rejected_on, rejected.payload(now_s))?;
            Ok(Err(rejected))
        }
    }
}

fn get(current: Option<&Shadow>, address: &ShadowAddress, payload: &[u8], now_s: u64) -> Result<Answer, Rejected> {
    let accepted = Shadow::get(current, address, payload, now_s)?;
    Ok(Answer { shadow: None, accepted, also: Vec::new() })
}

/// The shadow, or the tombstone of a deleted one.
pub(crate) fn load(connection: &Connection, address: &ShadowAddress) -> Result<Option<Shadow>, StoreError> {
    let document: Option<String> = connection
        .prepare_cached("SELECT document FROM shadows WHERE thing = ?1 AND name = ?2")?
        .query_row(params![address.thing.as_str(), stored_name(address)], |row| row.get(0))
        .optional()?;
    document
        .map(|document| serde_json::from_str(&document).map_err(|error| StoreError::Value(error.to_string())))
        .transpose()
}

fn save(connection: &Connection, address: &ShadowAddress, shadow: &Shadow, now_ms: u64) -> Result<(), StoreError> {
    let document = serde_json::to_string(shadow).map_err(|error| StoreError::Value(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO shadows (thing, name, document, deleted_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (thing, name) DO UPDATE SET document = excluded.document, deleted_ms = excluded.deleted_ms",
        )?
        .execute(params![
            address.thing.as_str(),
            stored_name(address),
            document,
            shadow.is_deleted().then_some(now_ms as i64)
        ])?;
    Ok(())
}

/// Forgets the versions of shadows that were deleted long enough before `now_ms`, at most `rows_max`.
pub(crate) fn sweep(tx: &mut Tx<'_>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "DELETE FROM shadows
             WHERE (thing, name) IN (SELECT thing, name FROM shadows WHERE deleted_ms <= ?1 LIMIT ?2)",
        )?
        .execute(params![now_ms.saturating_sub(SHADOW_TOMBSTONE_MS) as i64, rows_max as i64])?;
    Ok(())
}

fn stored_name(address: &ShadowAddress) -> &str {
    address.name.as_ref().map_or("", ShadowName::as_str)
}

/// Names of a thing's named shadows after the name `after`, in their order, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list_named(
    connection: &Connection,
    thing: &ThingName,
    after: &str,
) -> Result<Vec<ShadowName>, StoreError> {
    connection
        .prepare_cached(
            "SELECT name FROM shadows WHERE thing = ?1 AND name > ?2 AND deleted_ms IS NULL ORDER BY name LIMIT ?3",
        )?
        .query_map(params![thing.as_str(), after, PAGE_ITEMS_MAX as i64], |row| row.get::<_, String>(0))?
        .map(|name| ShadowName::parse(&name?).map_err(|error| StoreError::Value(error.to_string())))
        .collect()
}
