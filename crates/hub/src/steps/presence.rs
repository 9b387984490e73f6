//! `presence`: who is connected, and what they say they can do.
//!
//! Lifecycle events may come late and out of order ("Lifecycle events", AWS IoT Core developer guide); the client's
//! version number tells which is newest. A disconnect has the number of its connect or a higher one. The count begins anew
//! for a client that has been away for about an hour.

use super::{sender, topic_of};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{PresenceOf, presence_key, satellite_key},
    hub::Hub,
    port::Delivery,
};
use marvain_domain::{
    Principal, Timestamp,
    id::SatelliteId,
    identity::{Presence, Satellite},
};
use marvain_topics::{
    ShadowName, ShadowOp, Topic, is_lifecycle,
    wire::{Lifecycle, PresenceDocuments},
};
use serde_json::json;
use std::cmp::Ordering;

/// How much later than all that is known an event with a lower number is, if the count has begun anew: milliseconds.
const COUNT_ANEW_MS: u64 = 60 * 60 * 1000;

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    // Whoever enrols has a client id that is nobody's name yet. Lifecycle events are the broker's own: no client can send
    // one.
    let topic = match topic_of(delivery) {
        Err(_) if delivery.topic.as_deref().is_some_and(is_lifecycle) => return Ok(Changes::default()),
        topic => topic?,
    };
    match topic {
        Topic::Connected { thing } => connection(hub, delivery, &thing, true, now).await,
        Topic::Disconnected { thing } => connection(hub, delivery, &thing, false, now).await,
        Topic::Shadow { thing, name: ShadowName::Presence, op: ShadowOp::UpdateDocuments } => {
            report(hub, delivery, &thing, now).await
        }
        _ => Err(StepError::reject("not a topic of presence")),
    }
}

/// Lifecycle events are the broker's own. Clients that are no satellites, like one that enrols, are passed over.
async fn connection(
    hub: &Hub,
    delivery: &Delivery,
    thing: &SatelliteId,
    online: bool,
    now: Timestamp,
) -> Result<Changes, StepError> {
    let lifecycle = Lifecycle::parse(&delivery.body).map_err(StepError::reject)?;
    let mut changes = Changes::default();
    if hub.load::<Satellite>(&satellite_key(thing)).await?.is_none() {
        return Ok(changes);
    }
    let (old, before) = known(hub, thing).await?;
    if !is_newer(&lifecycle, online, &before.presence) {
        return Ok(changes);
    }
    let presence = Presence {
        online,
        since: Some(Timestamp::from_ms(lifecycle.timestamp)),
        version: lifecycle.version_number,
        ..before.presence
    };
    changes.upsert(old.as_ref(), &PresenceOf { presence, ..before })?;
    let kind = if online { "satellite.connected" } else { "satellite.disconnected" };
    let data = json!({"version": lifecycle.version_number, "reason": lifecycle.disconnect_reason});
    changes.audit(now, &Principal::Satellite(thing.clone()), kind, data);
    Ok(changes)
}

/// Does the event come after what is known?
fn is_newer(event: &Lifecycle, online: bool, known: &Presence) -> bool {
    let Some(since) = known.since else { return true };
    let anew = event.timestamp >= since.as_ms().saturating_add(COUNT_ANEW_MS);
    match event.version_number.cmp(&known.version) {
        Ordering::Greater => true,
        Ordering::Equal => anew || (!online && known.online),
        Ordering::Less => anew,
    }
}

async fn report(hub: &Hub, delivery: &Delivery, thing: &SatelliteId, now: Timestamp) -> Result<Changes, StepError> {
    let satellite = sender(hub, delivery, thing).await?;
    let documents = PresenceDocuments::parse(&delivery.body).map_err(StepError::reject)?;
    let mut changes = Changes::default();
    let (old, before) = known(hub, thing).await?;
    let Some(reported) = documents.current.state.reported else {
        return Ok(changes);
    };
    if documents.current.version <= before.shadow_version {
        return Ok(changes);
    }
    let changed = before.presence.capabilities != reported.capabilities;
    let names: Vec<_> = reported.capabilities.iter().map(|capability| capability.name.clone()).collect();
    let presence = Presence {
        software: Some(reported.software),
        capabilities: reported.capabilities,
        dropped_telemetry: reported.dropped_telemetry,
        paused: reported.paused,
        ..before.presence
    };
    let after = PresenceOf { satellite: satellite.id, shadow_version: documents.current.version, presence };
    changes.upsert(old.as_ref(), &after)?;
    if changed {
        let data = json!({"capabilities": names});
        changes.audit(now, &Principal::Satellite(thing.clone()), "satellite.described", data);
    }
    Ok(changes)
}

async fn known(
    hub: &Hub,
    thing: &SatelliteId,
) -> Result<(Option<crate::changes::Stored<PresenceOf>>, PresenceOf), StepError> {
    let old = hub.load::<PresenceOf>(&presence_key(thing)).await?;
    let before = old.as_ref().map(|old| old.value.clone());
    let unknown = || PresenceOf { satellite: thing.clone(), shadow_version: 0, presence: Presence::default() };
    Ok((old, before.unwrap_or_else(unknown)))
}
