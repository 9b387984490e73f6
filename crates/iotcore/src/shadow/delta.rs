//! What is desired and not reported.

use serde_json::{Map, Value};

use super::merge::Section;

/// The members of `desired` that `reported` lacks or has with another value, with their metadata. Objects are compared
/// member by member, arrays whole ("Device Shadow MQTT topics", `update/delta`). Empty when there is no difference.
pub(super) fn delta(desired: &Section, reported: &Section) -> Section {
    let (state, metadata) = differing(&desired.state, &desired.metadata, &reported.state);
    Section { state, metadata }
}

fn differing(
    desired: &Map<String, Value>,
    metadata: &Map<String, Value>,
    reported: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut found = (Map::new(), Map::new());
    for (key, wanted) in desired {
        let stamps = metadata.get(key).unwrap_or(&Value::Null);
        let (state, metadata) = match (wanted, stamps, reported.get(key)) {
            (wanted, _, Some(actual)) if is_same(wanted, actual) => continue,
            (Value::Object(wanted), Value::Object(stamps), Some(Value::Object(actual))) => {
                let (state, metadata) = differing(wanted, stamps, actual);
                if state.is_empty() {
                    continue;
                }
                (Value::Object(state), Value::Object(metadata))
            }
            _ => (wanted.clone(), stamps.clone()),
        };
        found.0.insert(key.clone(), state);
        found.1.insert(key.clone(), metadata);
    }
    found
}

/// Numbers are compared by value, so that a device may report `1.0` for `1`; everything else as it stands.
fn is_same(wanted: &Value, actual: &Value) -> bool {
    match (wanted, actual) {
        (Value::Number(wanted), Value::Number(actual)) if wanted.is_f64() != actual.is_f64() => {
            wanted.as_f64() == actual.as_f64()
        }
        _ => wanted == actual,
    }
}
