//! One step a queue: each gathers facts, lets the domain decide, and answers with changes.

pub(crate) mod dispatch;
mod forget;
pub(crate) mod judge;
pub(crate) mod memory;
pub(crate) mod notify;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod presence;
pub(crate) mod settle;
pub(crate) mod telemetry;
mod tool;

use crate::{deliver::StepError, entity::satellite_key, hub::Hub, port::Delivery};
use marvain_domain::{
    id::{ActionId, SatelliteId},
    identity::{Satellite, SatelliteStatus},
};
use marvain_topics::Topic;
use serde::Deserialize;

/// The topic that a device's delivery came on.
pub(crate) fn topic_of(delivery: &Delivery) -> Result<Topic, StepError> {
    let topic = delivery.topic.as_deref().ok_or_else(|| StepError::reject("a device message without a topic"))?;
    topic.parse().map_err(StepError::reject)
}

/// The satellite whose topic `thing` is, if the certificate that published is its own and trusted. Whom a message is
/// from is decided here and nowhere else.
pub(crate) async fn sender(hub: &Hub, delivery: &Delivery, thing: &SatelliteId) -> Result<Satellite, StepError> {
    let satellite = hub.load::<Satellite>(&satellite_key(thing)).await?;
    let satellite = satellite.ok_or_else(|| StepError::reject(format!("no satellite `{thing}`")))?.value;
    if satellite.status != SatelliteStatus::Active {
        return Err(StepError::reject(format!("satellite `{thing}` is revoked")));
    }
    if delivery.principal.as_deref() != Some(satellite.certificate_id.as_str()) {
        return Err(StepError::reject(format!("the certificate is not that of satellite `{thing}`")));
    }
    Ok(satellite)
}

/// Body of a hop about an action.
#[derive(Deserialize)]
struct AboutAction {
    action: ActionId,
}

/// The action that a hop is about.
pub(crate) fn action_of(delivery: &Delivery) -> Result<ActionId, StepError> {
    hop_body::<AboutAction>(delivery).map(|body| body.action)
}

/// The body of one of the hub's own hops.
pub(crate) fn hop_body<T: for<'de> Deserialize<'de>>(delivery: &Delivery) -> Result<T, StepError> {
    if delivery.topic.is_some() {
        return Err(StepError::reject("a device cannot reach this step"));
    }
    serde_json::from_slice(&delivery.body).map_err(StepError::reject)
}
