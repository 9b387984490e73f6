//! Shadows, from their requests.

use serde_json::{Value, json};

use super::parts;
use crate::limits::{SHADOW_BYTES_MAX, SHADOW_LEVELS_MAX};
use crate::names::ThingName;
use crate::shadow::{Shadow, ShadowAddress, Updated};

/// The parts of the input are requests to one shadow, one after another. Each is rejected, or leads to a shadow that is
/// stored as it is, within its limits, and whose replies fit it.
pub fn shadow(input: &[u8]) {
    let Ok(thing) = ThingName::parse("lamp") else { return };
    let address = ShadowAddress { thing, name: None };
    let mut current: Option<Shadow> = None;
    for (request, now_s) in parts(input).into_iter().zip(1..) {
        let got = Shadow::get(current.as_ref(), &address, request, now_s);
        let deleted = Shadow::delete(current.as_ref(), &address, request, now_s);
        assert_eq!(got.is_ok(), deleted.is_ok());
        if let Ok((tombstone, _)) = deleted {
            assert!(tombstone.is_deleted() && Some(tombstone.version()) == current.as_ref().map(Shadow::version));
            assert!(Shadow::get(Some(&tombstone), &address, b"", now_s).is_err());
        }
        if let Ok(updated) = Shadow::update(current.as_ref(), request, now_s) {
            check(current.as_ref(), request, &updated, now_s);
            current = Some(updated.shadow);
        }
    }
}

fn check(before: Option<&Shadow>, request: &[u8], updated: &Updated, now_s: u64) {
    let Updated { shadow, accepted, documents, delta } = updated;
    assert_eq!(shadow.version(), before.map_or(0, Shadow::version) + 1);
    let stored = serde_json::to_vec(shadow).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<Shadow>(&stored).ok().as_ref(), Some(shadow));

    assert_eq!(parsed(accepted).get("state"), parsed(request).get("state"));
    let current = parsed(documents).get("current").cloned().unwrap_or_default();
    let part = |name| current.get(name).cloned().unwrap_or_default();
    let (state, metadata) = (part("state"), part("metadata"));
    assert!(state.to_string().len() <= SHADOW_BYTES_MAX);
    assert!(levels(&state) <= SHADOW_LEVELS_MAX + 1, "{state}");
    assert!(is_metadata_of(&metadata, &state), "{metadata} {state}");

    // A device that reports what is desired has done what it was asked.
    if delta.is_some() {
        let report = json!({"state": {"reported": shadow.desired()}}).to_string();
        match Shadow::update(Some(shadow), report.as_bytes(), now_s) {
            Ok(reported) => assert_eq!(reported.delta, None),
            // What is desired fits once, and may not fit twice.
            Err(rejected) => assert_eq!(rejected.error.code(), 413, "{rejected}"),
        }
    }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

/// How deep objects and arrays are in one another.
fn levels(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
        Value::Array(elements) => 1 + elements.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// Metadata has the shape of the state, with a time in place of each value.
fn is_metadata_of(metadata: &Value, state: &Value) -> bool {
    match (state, metadata) {
        (Value::Object(state), Value::Object(metadata)) => {
            state.len() == metadata.len()
                && state
                    .iter()
                    .all(|(key, value)| metadata.get(key).is_some_and(|metadata| is_metadata_of(metadata, value)))
        }
        (Value::Array(state), Value::Array(metadata)) => {
            state.len() == metadata.len() && state.iter().zip(metadata).all(|(s, m)| is_metadata_of(m, s))
        }
        (Value::Object(_) | Value::Array(_) | Value::Null, _) => false,
        (_, metadata) => metadata
            .as_object()
            .is_some_and(|stamp| stamp.len() == 1 && stamp.get("timestamp").is_some_and(Value::is_u64)),
    }
}
