//! The AsyncAPI 3.0 document of a satellite: what it sends and receives, first with a claim, then as itself.
//!
//! The hub's own side is not part of it: that is rules and queues.

use crate::{
    channel::{CHANNELS, Channel, Party, Payload, QOS},
    render::schema::schema,
    wire::WIRE_VERSION,
};
use marvain_domain::id::NAME_BYTES_MAX;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The document ("AsyncAPI Specification 3.0.0"; bindings: "MQTT Bindings" 0.2.0).
pub fn document() -> Value {
    let rows = || CHANNELS.iter().filter(|row| row.party != Party::Hub);
    let payloads: BTreeSet<_> = rows().map(|row| row.payload).collect();
    let messages = payloads.iter().map(|payload| (payload.name().to_owned(), message(*payload)));
    let schemas = payloads.iter().map(|payload| (payload.name().to_owned(), schema(*payload)));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "marvain satellite",
            "version": format!("{WIRE_VERSION}.0.0"),
            "description": "What a satellite says to its hub and hears from it, over MQTT.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": rows().map(|row| (row.name().to_string(), channel(row))).collect::<Map<_, _>>(),
        "operations": rows().map(|row| (operation_name(row), operation(row))).collect::<Map<_, _>>(),
        "components": {
            "messages": messages.collect::<Map<_, _>>(),
            "schemas": schemas.collect::<Map<_, _>>(),
            "securitySchemes": {
                "certificate": {"type": "X509", "description": "the satellite's own certificate"},
                "claim": {"type": "X509", "description": "a claim, good for nothing but provisioning"},
            },
        },
    })
}

fn channel(row: &Channel) -> Value {
    let payload = row.payload.name();
    let address = row.shape.with_thing("{thing}").to_string();
    let mut channel = json!({"messages": {payload: {"$ref": format!("#/components/messages/{payload}")}}});
    if let Some(channel) = channel.as_object_mut() {
        if address.contains("{thing}") {
            let about = format!("The satellite's name, at most {NAME_BYTES_MAX} bytes.");
            channel.insert("parameters".to_owned(), json!({"thing": {"description": about}}));
        }
        channel.insert("address".to_owned(), json!(address));
    }
    channel
}

fn operation_name(row: &Channel) -> String {
    format!("{}.{}", row.direction.as_str(), row.name())
}

fn operation(row: &Channel) -> Value {
    let channel = format!("#/channels/{}", row.name());
    let scheme = match row.party {
        Party::Claim => "claim",
        Party::Satellite | Party::Hub => "certificate",
    };
    json!({
        "action": row.direction.as_str(),
        "channel": {"$ref": &channel},
        "messages": [{"$ref": format!("{channel}/messages/{}", row.payload.name())}],
        "security": [{"$ref": format!("#/components/securitySchemes/{scheme}")}],
        "bindings": {"mqtt": {"qos": QOS, "retain": false, "bindingVersion": "0.2.0"}},
    })
}

fn message(payload: Payload) -> Value {
    json!({
        "name": payload.name(),
        "summary": format!("{}. At most {} bytes.", payload.about(), payload.bytes_max()),
        "contentType": "application/json",
        "payload": {"$ref": format!("#/components/schemas/{}", payload.name())},
    })
}
