//! Merging a request into a section of a shadow, and the metadata that says when each value was set.

use serde_json::{Map, Value, json};

/// A section of the state with its metadata, which has the state's shape with `{"timestamp": s}` in place of each value.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Section {
    pub(super) state: Map<String, Value>,
    pub(super) metadata: Map<String, Value>,
}

impl Section {
    /// Sets the members of `patch`: objects member by member, arrays and plain values whole, null removes. An object that
    /// has no members afterwards is removed too.
    pub(super) fn merge(&mut self, patch: &Map<String, Value>, now_s: u64) {
        merge(&mut self.state, &mut self.metadata, patch, now_s);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.is_empty()
    }
}

/// Recursion is as deep as a request may nest.
fn merge(state: &mut Map<String, Value>, metadata: &mut Map<String, Value>, patch: &Map<String, Value>, now_s: u64) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                state.remove(key);
                metadata.remove(key);
            }
            Value::Object(members) => {
                let mut inner = Section { state: take_object(state, key), metadata: take_object(metadata, key) };
                if inner.state.is_empty() {
                    // What stood here was no object, so its metadata is no object's either.
                    inner.metadata.clear();
                }
                inner.merge(members, now_s);
                if !inner.is_empty() {
                    state.insert(key.clone(), Value::Object(inner.state));
                    metadata.insert(key.clone(), Value::Object(inner.metadata));
                }
            }
            _ => {
                state.insert(key.clone(), value.clone());
                metadata.insert(key.clone(), stamp(value, now_s));
            }
        }
    }
}

/// Takes the object at `key` out; empty when something else or nothing stands there.
fn take_object(from: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match from.remove(key) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Metadata of `value`: a timestamp for each plain value and each null, array elements one by one.
pub(super) fn stamp(value: &Value, now_s: u64) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), stamp(value, now_s))).collect::<Map<_, _>>().into()
        }
        Value::Array(elements) => elements.iter().map(|element| stamp(element, now_s)).collect(),
        _ => json!({"timestamp": now_s}),
    }
}
