//! The table of channels, for programs that are not written in Rust.

use crate::{
    channel::{
        CHANNELS, Channel, FILTERS_PER_SUBSCRIBE_MAX, Payload, QOS, SHADOW_BYTES_MAX, TOPIC_BYTES_MAX,
        TOPIC_SLASHES_MAX,
    },
    wire::{EVENT_ID_BYTES_MAX, PAYLOAD_BYTES_MAX, READINGS_MAX, WIRE_VERSION},
};
use marvain_domain::{
    capability::{ARGS_MAX, CAPABILITIES_MAX},
    event::TRANSCRIPT_BYTES_MAX,
    id::NAME_BYTES_MAX,
};
use serde_json::{Value, json};

/// `channels.json`: limits, payloads, and one channel a row. `{thing}` in a topic is the satellite's name.
pub fn channels() -> Value {
    let channel = |channel: &Channel| {
        json!({
            "name": channel.name().to_string(),
            "topic": channel.shape.with_thing("{thing}").to_string(),
            "party": channel.party.as_str(),
            "direction": channel.direction.as_str(),
            "qos": QOS,
            "payload": channel.payload.name(),
        })
    };
    let payload = |payload: &Payload| {
        let value = json!({"about": payload.about(), "bytes_max": payload.bytes_max()});
        (payload.name().to_owned(), value)
    };
    json!({
        "version": WIRE_VERSION,
        "limits": {
            "args_max": ARGS_MAX,
            "capabilities_max": CAPABILITIES_MAX,
            "event_id_bytes_max": EVENT_ID_BYTES_MAX,
            "filters_per_subscribe_max": FILTERS_PER_SUBSCRIBE_MAX,
            "payload_bytes_max": PAYLOAD_BYTES_MAX,
            "readings_max": READINGS_MAX,
            "shadow_bytes_max": SHADOW_BYTES_MAX,
            "thing_name_bytes_max": NAME_BYTES_MAX,
            "topic_bytes_max": TOPIC_BYTES_MAX,
            "topic_slashes_max": TOPIC_SLASHES_MAX,
            "transcript_bytes_max": TRANSCRIPT_BYTES_MAX,
        },
        "payloads": Payload::ALL.iter().map(payload).collect::<serde_json::Map<_, _>>(),
        "channels": CHANNELS.iter().map(channel).collect::<Vec<_>>(),
    })
}
