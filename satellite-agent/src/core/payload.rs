//! The payloads that the agent makes, and the ids it gives them. Their shapes are [`marvain_topics::wire`]'s.

use super::types::{Channel, Position, Record};
use marvain_domain::{
    Timestamp,
    action::{ActionState, Outcome, RESULT_BYTES_MAX},
    event::{EventBody, TRANSCRIPT_BYTES_MAX},
    id::ActionId,
};
use marvain_topics::wire::{
    EventPayload, PAYLOAD_BYTES_MAX, PresenceReported, Reading, ReportPayload, TelemetryPayload, WIRE_VERSION,
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

/// Random bytes of a [`BootId`].
pub const BOOT_ID_BYTES: usize = 12;
/// Longest error that a report carries, in bytes.
pub const ERROR_BYTES_MAX: usize = 1024;

/// Names one run of the agent. 96 random bits, so that ids of events are never used twice, not even by a satellite whose
/// state directory was wiped; a stored counter would begin again then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BootId(pub [u8; BOOT_ID_BYTES]);

/// Ids of events and readings: the run's and a number.
#[derive(Debug)]
pub(super) struct Ids {
    boot: BootId,
    next: u64,
}

impl Ids {
    pub(super) const fn new(boot: BootId) -> Self {
        Self { boot, next: 1 }
    }

    fn next(&mut self) -> String {
        let id = format!("{}-{}", hex::encode(self.boot.0), self.next);
        self.next = self.next.saturating_add(1);
        id
    }
}

/// Why something is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is too long.
    #[error("the line has {0} bytes, more than {TRANSCRIPT_BYTES_MAX}")]
    Text(usize),
    /// The payload is too large, or cannot be written as JSON.
    #[error("its payload has {0} bytes, more than {PAYLOAD_BYTES_MAX}")]
    Payload(usize),
}

fn record<T: Serialize>(channel: Channel, payload: &T, position: Option<Position>) -> Result<Record, Refusal> {
    let payload = serde_json::value::to_raw_value(payload).map_err(|_| Refusal::Payload(0))?;
    let bytes = payload.get().len();
    if bytes > PAYLOAD_BYTES_MAX { Err(Refusal::Payload(bytes)) } else { Ok(Record { channel, payload, position }) }
}

/// An event.
pub(super) fn event(
    ids: &mut Ids,
    body: EventBody,
    at: Timestamp,
    position: Option<Position>,
) -> Result<Record, Refusal> {
    let channel = match &body {
        EventBody::Transcript { .. } => Channel::Transcript,
        EventBody::Observation { .. } => Channel::Observation,
        EventBody::Suppressed => Channel::Suppressed,
    };
    record(channel, &EventPayload { v: WIRE_VERSION, id: ids.next(), at, body }, position)
}

/// A line of text as an event's body.
pub(super) fn line(input: &str, emit: crate::config::Emit, text: String) -> Result<EventBody, Refusal> {
    if text.len() > TRANSCRIPT_BYTES_MAX {
        return Err(Refusal::Text(text.len()));
    }
    Ok(match emit {
        crate::config::Emit::Transcript => EventBody::Transcript { text },
        crate::config::Emit::Observation => {
            let details = Map::from_iter([("text".to_owned(), Value::String(text))]);
            EventBody::Observation { name: input.to_owned(), details }
        }
    })
}

/// Readings.
pub(super) fn telemetry(ids: &mut Ids, readings: Vec<Reading>, at: Timestamp) -> Result<Record, Refusal> {
    record(Channel::Telemetry, &TelemetryPayload { v: WIRE_VERSION, id: ids.next(), at, readings }, None)
}

/// How a command went. What is too long is cut, so that a report always fits.
pub(super) fn report(
    action: &ActionId,
    state: ActionState,
    outcome: Outcome,
    at: Timestamp,
) -> Result<Record, Refusal> {
    let result = outcome.result.filter(|result| result.to_string().len() <= RESULT_BYTES_MAX);
    let error = outcome.error.map(|error| head(&error, ERROR_BYTES_MAX).to_owned());
    let outcome = Outcome { result, error };
    record(Channel::Report, &ReportPayload { v: WIRE_VERSION, action: action.clone(), state, at, outcome }, None)
}

/// What is left of a spooled event in privacy mode: its id and its time.
pub(super) fn suppress(payload: &RawValue) -> Option<Box<RawValue>> {
    let event = EventPayload::parse(payload.get().as_bytes()).ok()?;
    serde_json::value::to_raw_value(&EventPayload { body: EventBody::Suppressed, ..event }).ok()
}

#[derive(Serialize)]
struct Update<'a> {
    state: Reported<'a>,
}

#[derive(Serialize)]
struct Reported<'a> {
    reported: &'a PresenceReported,
}

/// Request on `update` of the shadow `presence` ("Device Shadow service documents", request state document).
pub(super) fn presence(reported: &PresenceReported) -> Option<String> {
    serde_json::to_string(&Update { state: Reported { reported } }).ok()
}

/// The beginning of `text`, at most `most` bytes, whole characters.
pub fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
