//! Payloads between satellites and hub, version 1. JSON, UTF-8; times are RFC 3339.
//!
//! Unknown fields are ignored, so that either side can be newer; another `v` is refused. A payload says nothing about
//! who sent it: that is the topic's and the certificate's to say.

pub mod provisioning;
mod refusal;

pub use refusal::WireError;

use crate::channel::BROKER_PAYLOAD_BYTES_MAX;
use marvain_domain::{
    Timestamp,
    action::{ActionState, Outcome},
    capability::{Capability, CapabilityName},
    event::EventBody,
    id::ActionId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The version of everything here.
pub const WIRE_VERSION: u8 = 1;
/// Largest payload of ours in bytes, well under AWS IoT's 128 KB.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024;
/// Longest id that a satellite gives an event, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 64;
/// Most readings in one telemetry payload.
pub const READINGS_MAX: usize = 32;

/// One JSON value of at most `bytes_max` bytes, and nothing after it.
fn json<T: DeserializeOwned>(bytes: &[u8], bytes_max: usize) -> Result<T, WireError> {
    if bytes.is_empty() {
        return Err(WireError::Empty);
    }
    if bytes.len() > bytes_max {
        return Err(WireError::TooLarge { bytes: bytes.len(), bytes_max });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| WireError::NotUtf8(e.valid_up_to()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Some fields of a payload. Flattened and tagged types would lose the path of a field that is wrong.
fn fields<T: DeserializeOwned>(payload: &Value) -> Result<T, WireError> {
    Ok(serde_path_to_error::deserialize(payload)?)
}

/// A payload of ours and of this version: another version may have other fields, so it is looked at first.
fn versioned(bytes: &[u8]) -> Result<Value, WireError> {
    #[derive(Deserialize)]
    struct Version {
        v: u8,
    }
    let payload = Value::Object(json(bytes, PAYLOAD_BYTES_MAX)?);
    let Version { v } = fields(&payload)?;
    if v == WIRE_VERSION { Ok(payload) } else { Err(WireError::Version(v)) }
}

fn check_id(id: &str) -> Result<(), WireError> {
    bounds("id", (1..=EVENT_ID_BYTES_MAX).contains(&id.len()), format!("1 to {EVENT_ID_BYTES_MAX} bytes"))
}

fn bounds(field: &'static str, holds: bool, expected: impl Into<String>) -> Result<(), WireError> {
    if holds { Ok(()) } else { Err(WireError::Bounds { field, expected: expected.into() }) }
}

/// On `…/event/{kind}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventPayload {
    /// Version.
    pub v: u8,
    /// The satellite's own id for it: repeated when the event is repeated.
    pub id: String,
    /// When it happened, by the satellite's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl EventPayload {
    /// Parses and bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            Transcript,
            Observation,
            Suppressed,
        }
        #[derive(Deserialize)]
        struct Head {
            v: u8,
            id: String,
            at: Timestamp,
            kind: Kind,
        }
        #[derive(Deserialize)]
        struct Transcript {
            text: String,
        }
        #[derive(Deserialize)]
        struct Observation {
            name: String,
            #[serde(default)]
            details: Map<String, Value>,
        }
        let payload = versioned(bytes)?;
        let Head { v, id, at, kind } = fields(&payload)?;
        check_id(&id)?;
        let body = match kind {
            Kind::Transcript => fields(&payload).map(|Transcript { text }| EventBody::Transcript { text })?,
            Kind::Observation => {
                fields(&payload).map(|Observation { name, details }| EventBody::Observation { name, details })?
            }
            Kind::Suppressed => EventBody::Suppressed,
        };
        Ok(Self { v, id, at, body })
    }
}

/// One measured value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// What was measured, at most 64 bytes.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit, at most 16 bytes; empty for a plain number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// On `…/telemetry`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TelemetryPayload {
    /// Version.
    pub v: u8,
    /// The satellite's own id for it.
    pub id: String,
    /// When it was measured.
    pub at: Timestamp,
    /// The values.
    pub readings: Vec<Reading>,
}

impl TelemetryPayload {
    /// Parses and bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let payload: Self = fields(&versioned(bytes)?)?;
        check_id(&payload.id)?;
        let count = payload.readings.len();
        bounds("readings", (1..=READINGS_MAX).contains(&count), format!("1 to {READINGS_MAX} values"))?;
        for reading in &payload.readings {
            bounds("readings.name", (1..=64).contains(&reading.name.len()), "1 to 64 bytes")?;
            bounds("readings.unit", reading.unit.len() <= 16, "at most 16 bytes")?;
        }
        Ok(payload)
    }
}

/// On `…/report`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportPayload {
    /// Version.
    pub v: u8,
    /// Which command.
    pub action: ActionId,
    /// `acknowledged`, `succeeded`, `failed`, `rejected` or `expired`.
    pub state: ActionState,
    /// When, by the satellite's clock.
    pub at: Timestamp,
    /// Details.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl ReportPayload {
    /// Parses and bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        use ActionState::{Acknowledged, Expired, Failed, Rejected, Succeeded};
        #[derive(Deserialize)]
        struct Report {
            v: u8,
            action: ActionId,
            state: ActionState,
            at: Timestamp,
            result: Option<Value>,
            error: Option<String>,
        }
        let Report { v, action, state, at, result, error } = fields(&versioned(bytes)?)?;
        let known = matches!(state, Acknowledged | Succeeded | Failed | Rejected | Expired);
        bounds("state", known, "acknowledged, succeeded, failed, rejected or expired")?;
        Ok(Self { v, action, state, at, outcome: Outcome { result, error } })
    }
}

/// One open command: desired state of the shadow `commands`, under its action id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Command {
    /// With which capability.
    pub capability: CapabilityName,
    /// With which arguments; a shadow drops an object that is empty.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// Until when the satellite may begin.
    pub expires_at: Timestamp,
}

/// State of the shadow `commands`, as it comes in `get/accepted` (under `desired`) and in `update/delta`.
pub type Commands = BTreeMap<ActionId, Command>;

/// Reported state of the shadow `presence`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PresenceReported {
    /// Version of the agent's software.
    pub software: String,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Readings dropped since set-up because the spool was full.
    #[serde(default)]
    pub dropped_telemetry: u64,
    /// Inputs pause because the spool is full of events.
    #[serde(default)]
    pub paused: bool,
}

/// Desired state of the shadow `config`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ConfigDesired {
    /// Privacy mode is on in the satellite's space: nothing that an input says may leave the device.
    #[serde(default)]
    pub privacy: bool,
}

/// A shadow's answer or delta, as far as marvain reads it ("Device Shadow service documents").
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ShadowDocument<T> {
    /// Under `state`.
    pub state: T,
    /// Grows with each change.
    #[serde(default)]
    pub version: u64,
}

/// `state` of a `get/accepted`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ShadowState<T> {
    /// Missing when nothing is desired.
    #[serde(default = "none")]
    pub desired: Option<T>,
}

const fn none<T>() -> Option<T> {
    None
}

/// On `update/documents` of the shadow `presence`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct PresenceDocuments {
    /// After the change.
    pub current: PresenceDocument,
}

/// One side of [`PresenceDocuments`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct PresenceDocument {
    /// Its state.
    pub state: PresenceState,
    /// Grows with each change.
    pub version: u64,
}

/// State of the shadow `presence`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct PresenceState {
    /// What the satellite says.
    #[serde(default)]
    pub reported: Option<PresenceReported>,
}

impl PresenceDocuments {
    /// Parses and bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        use marvain_domain::capability::{ARGS_MAX, CAPABILITIES_MAX};
        // The broker's, not ours: the document twice, each time with metadata for every value in it.
        let documents: Self = json(bytes, BROKER_PAYLOAD_BYTES_MAX)?;
        if let Some(reported) = &documents.current.state.reported {
            let capabilities = &reported.capabilities;
            bounds("capabilities", capabilities.len() <= CAPABILITIES_MAX, format!("at most {CAPABILITIES_MAX}"))?;
            let fits = capabilities.iter().all(|c| c.args.len() <= ARGS_MAX && c.description.len() <= 200);
            bounds("capabilities.args", fits, format!("at most {ARGS_MAX}, described in 200 bytes"))?;
            bounds("software", reported.software.len() <= 64, "at most 64 bytes")?;
        }
        Ok(documents)
    }
}

/// A lifecycle event of AWS IoT Core, as far as marvain reads it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    /// Counts up per client, so that reordered events can be told apart.
    #[serde(default)]
    pub version_number: u64,
    /// Why a connection ended.
    #[serde(default)]
    pub disconnect_reason: Option<String>,
}

impl Lifecycle {
    /// Parses.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        json(bytes, BROKER_PAYLOAD_BYTES_MAX)
    }
}
