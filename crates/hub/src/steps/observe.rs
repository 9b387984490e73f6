//! `observe`: what satellites notice and people say, recorded with its lineage — or, in privacy mode, not.

use super::{sender, topic_of};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{event_key, session_key},
    hub::Hub,
    port::{Delivery, Effect},
};
use marvain_domain::{
    Principal, Timestamp,
    event::{Event, EventBody, Session, check_event, join_session},
    id::{EventId, PersonId, SessionId, SpaceId},
    identity::Satellite,
};
use marvain_topics::{Queue, Topic, wire::EventPayload};
use serde_json::json;

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let Topic::Event { thing, kind } = topic_of(delivery)? else {
        return Err(StepError::reject("not an event's topic"));
    };
    let satellite = sender(hub, delivery, &thing).await?;
    let payload = EventPayload::parse(&delivery.body).map_err(StepError::reject)?;
    if payload.body.kind() != kind.as_str() {
        return Err(StepError::reject(format!(
            "`kind` is `{}` on the topic of `{}`",
            payload.body.kind(),
            kind.as_str()
        )));
    }
    let heard =
        Heard { person: satellite.person.clone(), satellite, key: payload.id, at: payload.at, body: payload.body };
    record(hub, heard, &Principal::Satellite(thing), now).await
}

/// Something that was noticed, not recorded yet.
pub(crate) struct Heard {
    /// Who noticed it.
    pub(crate) satellite: Satellite,
    /// Whose words.
    pub(crate) person: Option<PersonId>,
    /// Tells it from the satellite's other events.
    pub(crate) key: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) body: EventBody,
}

/// Records what was heard, unless it was recorded before or privacy mode forbids it.
pub(crate) async fn record(hub: &Hub, heard: Heard, actor: &Principal, now: Timestamp) -> Result<Changes, StepError> {
    let Heard { satellite, person, key, at, body } = heard;
    check_event(&body, at, now).map_err(StepError::reject)?;
    let mut changes = Changes::default();
    let id = EventId::derive(&[satellite.id.as_str(), &key]);
    if hub.load::<Event>(&event_key(&id)).await?.is_some() {
        return Ok(changes);
    }
    let suppressed = body == EventBody::Suppressed;
    if suppressed || hub.is_private(satellite.space.as_ref()).await? {
        let held_back_by = if suppressed { "satellite" } else { "hub" };
        let data = json!({"satellite": satellite.id, "space": satellite.space, "held_back_by": held_back_by});
        changes.audit(now, actor, "event.suppressed", data);
        return Ok(changes);
    }
    let session = match &satellite.space {
        Some(space) => Some(join(hub, space, &id, now, &mut changes).await?),
        None => None,
    };
    let kind = body.kind();
    let event = Event {
        id: id.clone(),
        satellite: satellite.id,
        space: satellite.space,
        person,
        session,
        at,
        received_at: now,
        body: Some(body),
    };
    changes.create(&event)?;
    if event.text().is_some() {
        changes.effects.push(Effect::Hop { queue: Queue::Plan, body: json!({"event": id}) });
    }
    let data = json!({
        "event": id, "kind": kind, "satellite": event.satellite, "space": event.space, "session": event.session,
        "person": event.person, "occurred_at": at,
    });
    changes.audit(now, actor, "event.observed", data);
    Ok(changes)
}

async fn join(
    hub: &Hub,
    space: &SpaceId,
    event: &EventId,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<SessionId, StepError> {
    let open = hub.load::<Session>(&session_key(space)).await?;
    let session = join_session(open.as_ref().map(|open| &open.value), space, event, now);
    if let Some(open) = open.as_ref().filter(|open| open.value.id != session.id) {
        changes.create(&Session { ended_at: Some(now), ..open.value.clone() })?;
    }
    changes.upsert(open.as_ref(), &session)?;
    Ok(session.id)
}
