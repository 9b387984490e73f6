//! Events: what satellites notice and people say, recorded with where it came from.
//!
//! An event is recorded once and never changes, but for [`Event::redact`].

use crate::{
    Timestamp,
    id::{EventId, PersonId, SatelliteId, SessionId, SpaceId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest text of a transcript, in bytes.
pub const TRANSCRIPT_BYTES_MAX: usize = 4096;
/// How far a satellite's clock may be ahead of the hub's, in seconds. What is further ahead is refused.
pub const CLOCK_AHEAD_S_MAX: u64 = 24 * 3600;
/// How old an event may be when it arrives, in seconds: a spool may be that far behind.
pub const EVENT_AGE_S_MAX: u64 = 400 * 24 * 3600;
/// A pause after which what is said in a space belongs to another session, in seconds.
pub const SESSION_GAP_S: u64 = 600;

/// What an event is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// Somebody said or typed something. The planner reads it.
    Transcript {
        /// What was said.
        text: String,
    },
    /// Something was noticed. Recorded, not planned.
    Observation {
        /// What, as its input calls it.
        name: String,
        /// Details.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        details: Map<String, Value>,
    },
    /// Something was held back on the satellite because of privacy mode; nothing else is known of it.
    Suppressed,
}

impl EventBody {
    /// Name of the kind, as in topics and records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Transcript { .. } => "transcript",
            Self::Observation { .. } => "observation",
            Self::Suppressed => "suppressed",
        }
    }
}

/// A recorded event with its lineage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Id, derived from the satellite and its own id for the event.
    pub id: EventId,
    /// Who noticed it.
    pub satellite: SatelliteId,
    /// Where that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Whose words they are, if the satellite is personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The conversation it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When it happened, by the satellite's clock.
    pub at: Timestamp,
    /// When the hub got it.
    pub received_at: Timestamp,
    /// What happened; none once it is redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<EventBody>,
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// Empty or too long a text.
    #[error("`text` must have 1 to {TRANSCRIPT_BYTES_MAX} bytes, not {0}")]
    Text(usize),
    /// From the future.
    #[error("`at` is more than {CLOCK_AHEAD_S_MAX} s ahead of the hub's clock")]
    Future,
    /// From too long ago.
    #[error("`at` is more than {EVENT_AGE_S_MAX} s ago")]
    Stale,
}

/// Is the event's content and time acceptable at `now`?
pub fn check_event(body: &EventBody, at: Timestamp, now: Timestamp) -> Result<(), EventRefusal> {
    check_time(at, now)?;
    match body {
        EventBody::Transcript { text } if text.trim().is_empty() || text.len() > TRANSCRIPT_BYTES_MAX => {
            Err(EventRefusal::Text(text.len()))
        }
        _ => Ok(()),
    }
}

/// Is `at`, by a satellite's clock, believable at `now`?
pub fn check_time(at: Timestamp, now: Timestamp) -> Result<(), EventRefusal> {
    if at.ms_since(now) > CLOCK_AHEAD_S_MAX * 1000 {
        Err(EventRefusal::Future)
    } else if now.ms_since(at) > EVENT_AGE_S_MAX * 1000 {
        Err(EventRefusal::Stale)
    } else {
        Ok(())
    }
}

impl Event {
    /// The text that was said, if it was and is still known.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Some(EventBody::Transcript { text }) => Some(text),
            _ => None,
        }
    }

    /// The event without its content; lineage stays.
    #[must_use]
    pub fn redact(&self) -> Self {
        Self { body: None, ..self.clone() }
    }
}

/// A stretch of conversation in one space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Id, derived from the space and the first event.
    pub id: SessionId,
    /// Where.
    pub space: SpaceId,
    /// When it began.
    pub started_at: Timestamp,
    /// When the hub last heard something of it.
    pub last_at: Timestamp,
    /// How many events it has.
    pub events: u64,
    /// When it ended: [`SESSION_GAP_S`] after `last_at`, noticed by the next event or a tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// The session that an event received at `now` in `space` belongs to: `open` continued, or a new one.
pub fn join_session(open: Option<&Session>, space: &SpaceId, event: &EventId, now: Timestamp) -> Session {
    match open {
        Some(s) if s.ended_at.is_none() && now.ms_since(s.last_at) < SESSION_GAP_S * 1000 => {
            Session { last_at: now.max(s.last_at), events: s.events.saturating_add(1), ..s.clone() }
        }
        _ => Session {
            id: SessionId::derive(&[space.as_str(), event.as_str()]),
            space: space.clone(),
            started_at: now,
            last_at: now,
            events: 1,
            ended_at: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_texts_have_bounds() {
        let now = Timestamp::from_ms(1_800_000_000_000);
        let said = |text: &str| EventBody::Transcript { text: text.into() };
        let hour = 3_600_000;
        assert_eq!(check_event(&said("hi"), now.plus_ms(hour), now), Ok(()));
        assert_eq!(check_event(&said("hi"), Timestamp::from_ms(now.as_ms() - hour), now), Ok(()));
        assert_eq!(check_event(&said("hi"), now.plus_ms(25 * hour), now), Err(EventRefusal::Future));
        assert_eq!(check_event(&said("hi"), Timestamp::EPOCH, now), Err(EventRefusal::Stale));
        assert_eq!(check_event(&said("  "), now, now), Err(EventRefusal::Text(2)));
        assert_eq!(check_event(&said(&"x".repeat(4097)), now, now), Err(EventRefusal::Text(4097)));
    }

    #[test]
    fn a_pause_begins_another_session() {
        let space: SpaceId = "den".parse().unwrap();
        let at = |s: u64| Timestamp::from_ms(s * 1000);
        let first = join_session(None, &space, &EventId::derive(&["1"]), at(0));
        let second = join_session(Some(&first), &space, &EventId::derive(&["2"]), at(599));
        assert_eq!((second.id.clone(), second.events), (first.id.clone(), 2));
        let third = join_session(Some(&second), &space, &EventId::derive(&["3"]), at(599 + 600));
        assert_ne!(third.id, first.id);
        let ended = Session { ended_at: Some(at(1)), ..first.clone() };
        assert_ne!(join_session(Some(&ended), &space, &EventId::derive(&["4"]), at(2)).id, first.id);
    }
}
