//! Events and memories: recorded once, attributed to whoever said them, kept out in privacy mode, gone when forgotten.

use super::{Held, Oracle, Spooled, parsed, violated};
use marvain_domain::{
    event::{Event, EventBody},
    id::{DeliveryId, EventId, PersonId, SatelliteId},
    memory::{Memory, MemoryState},
};
use marvain_satellite::core::Record;
use marvain_topics::wire::EventPayload;
use serde_json::Value;

const PRIVACY: &str = "privacy mode is kept";
const FORGET: &str = "what is forgotten is gone";
const SOURCE: &str = "no message is attributed to another";

/// Words that the world made up to be told again by: `ob` and a number.
pub(crate) fn markers(text: &str) -> impl Iterator<Item = &str> {
    let is_marker =
        |word: &&str| word.strip_prefix("ob").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_marker)
}

fn text_of(body: &EventBody) -> Option<String> {
    match body {
        EventBody::Transcript { text } => Some(text.clone()),
        EventBody::Observation { details, .. } => details.get("text").and_then(Value::as_str).map(str::to_owned),
        EventBody::Suppressed => None,
    }
}

impl Oracle {
    /// A satellite has written a record into its spool, not durably yet.
    pub(crate) fn spooled(&mut self, satellite: &SatelliteId, record: &Record) {
        let Ok(payload) = EventPayload::parse(record.payload.get().as_bytes()) else { return };
        let event = EventId::derive(&[satellite.as_str(), &payload.id]);
        let text = text_of(&payload.body);
        self.unsynced.entry(satellite.clone()).or_default().push(event.clone());
        self.spooled.insert(event, Spooled { satellite: satellite.clone(), text, durable: false });
    }

    /// All that this satellite has written is durable.
    pub(crate) fn synced(&mut self, satellite: &SatelliteId) {
        for event in self.unsynced.remove(satellite).unwrap_or_default() {
            if let Some(spooled) = self.spooled.get_mut(&event) {
                spooled.durable = true;
            }
        }
    }

    /// It has crashed: what was not durable may be there or not.
    pub(crate) fn lost(&mut self, satellite: &SatelliteId) {
        self.unsynced.remove(satellite);
    }

    /// The broker is about to queue an event of this satellite.
    pub(crate) fn carried(&mut self, satellite: &SatelliteId, payload: &[u8], delivery: &DeliveryId) {
        if let Ok(payload) = EventPayload::parse(payload) {
            let event = EventId::derive(&[satellite.as_str(), &payload.id]);
            self.carried.entry(event).or_default().insert(delivery.clone());
        }
    }

    pub(crate) fn spoken(&mut self, event: EventId, person: PersonId) {
        self.spoken.insert(event, person);
    }

    pub(super) fn event_written(&mut self, old: Option<&Value>, new: &Value) -> Held {
        let Some(new) = parsed::<Event>(new) else { return violated(SOURCE, "an event does not read back") };
        if let Some(old) = old {
            let redacted = parsed::<Event>(old).map(|old| old.redact());
            return if redacted.as_ref() == Some(&new) {
                Ok(())
            } else {
                violated("an event is recorded once", format!("{} was written again", new.id))
            };
        }
        self.count("events");
        if self.is_surely_private(new.space.as_ref()) {
            return violated(PRIVACY, format!("{} was recorded in privacy mode", new.id));
        }
        if let Some(person) = self.spoken.get(&new.id) {
            if new.person.as_ref() == Some(person) {
                return Ok(());
            }
            return violated(SOURCE, format!("{} was said by {person}, recorded for {:?}", new.id, new.person));
        }
        let Some(source) = self.spooled.get(&new.id) else {
            return violated(SOURCE, format!("{} was noticed by nobody: {new:?}", new.id));
        };
        let owner = self.satellite(&source.satellite).and_then(|satellite| satellite.person);
        let text = new.body.as_ref().and_then(text_of);
        if source.satellite != new.satellite || source.text != text || owner != new.person {
            return violated(SOURCE, format!("{} came as {source:?}, recorded as {new:?}", new.id));
        }
        Ok(())
    }

    pub(super) fn memory_written(&mut self, old: Option<&Value>, new: &Value) -> Held {
        let Some(new) = parsed::<Memory>(new) else { return violated(FORGET, "a memory does not read back") };
        let old = old.and_then(parsed::<Memory>);
        if new.evidence.is_empty() {
            return violated("every memory has evidence", new.id.to_string());
        }
        match &old {
            None if self.is_surely_private(new.space.as_ref()) => {
                return violated(PRIVACY, format!("{} was remembered in privacy mode", new.id));
            }
            None => self.count("memories"),
            Some(old) if old.state == MemoryState::Tombstoned => {
                return violated(FORGET, format!("{} came back as {new:?}", new.id));
            }
            Some(old) if old.state != new.state && new.state == MemoryState::Tombstoned => {
                self.count("forgotten");
                let words = serde_json::to_string(old).unwrap_or_default();
                self.forgotten.extend(markers(&words).map(str::to_owned));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// A satellite whose certificate is not trusted any more.
    pub(super) fn satellite_written(&mut self, new: &Value) -> Held {
        if let Some(satellite) = parsed::<marvain_domain::identity::Satellite>(new)
            && satellite.status != marvain_domain::identity::SatelliteStatus::Active
        {
            self.count("revoked");
            self.revoked.insert(satellite.id);
        }
        Ok(())
    }
}
