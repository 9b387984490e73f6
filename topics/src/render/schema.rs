//! JSON Schemas (draft 2020-12) of the payloads.
//!
//! JSON Schema counts characters where [`crate::wire`] counts bytes: a schema is never stricter than the parser, and the
//! parser has the last word. Unknown fields are let through, so that either side can be newer.

use crate::{
    channel::Payload,
    table::{PARAMETER_CODE, PARAMETER_SERIAL},
    wire::{EVENT_ID_BYTES_MAX, READINGS_MAX, WIRE_VERSION},
};
use marvain_domain::{
    capability::{ARG_TEXT_BYTES_MAX, ARGS_MAX, CAPABILITIES_MAX, CAPABILITY_NAME_BYTES_MAX},
    event::TRANSCRIPT_BYTES_MAX,
    id::NAME_BYTES_MAX,
};
use serde_json::{Map, Value, json};

/// The schema of a payload.
pub fn schema(payload: Payload) -> Value {
    match payload {
        Payload::Transcript => event("transcript", [("text", text(1, TRANSCRIPT_BYTES_MAX))], &["text"]),
        Payload::Observation => event(
            "observation",
            [("name", json!({"type": "string"})), ("details", json!({"type": "object"}))],
            &["name"],
        ),
        Payload::Suppressed => event("suppressed", [], &[]),
        Payload::Telemetry => telemetry(),
        Payload::Report => report(),
        Payload::ShadowGet => object([("clientToken", token())], &[]),
        Payload::PresenceUpdate => {
            let state = object([("reported", presence())], &["reported"]);
            object([("state", state), ("clientToken", token())], &["state"])
        }
        Payload::PresenceAccepted => {
            let reported = json!({"anyOf": [presence(), {"type": "null"}]});
            shadow(object([("reported", reported)], &[]), &[])
        }
        Payload::PresenceDocuments => {
            let side = shadow(object([("reported", presence())], &[]), &["version"]);
            object([("current", side), ("timestamp", count())], &["current"])
        }
        Payload::CommandsAccepted => shadow(object([("desired", commands())], &[]), &["version"]),
        Payload::CommandsDelta => shadow(commands(), &["version"]),
        Payload::ConfigAccepted => shadow(object([("desired", config())], &[]), &["version"]),
        Payload::ConfigDelta => shadow(config(), &["version"]),
        Payload::ShadowRejected => {
            let code = json!({"type": "integer", "minimum": 400, "maximum": 599});
            let message = json!({"type": "string"});
            let fields = [("code", code), ("message", message), ("timestamp", count()), ("clientToken", token())];
            object(fields, &["code", "message"])
        }
        Payload::Lifecycle => lifecycle(),
        Payload::CreateFromCsr => object([("certificateSigningRequest", pem())], &["certificateSigningRequest"]),
        Payload::Created => {
            let id = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
            let token = ("certificateOwnershipToken", text(1, 4096));
            let fields = [("certificateId", id), ("certificatePem", pem()), token];
            object(fields, &["certificateId", "certificatePem", "certificateOwnershipToken"])
        }
        Payload::Provision => {
            let parameters = [(PARAMETER_SERIAL, name()), (PARAMETER_CODE, text(1, 64))];
            let parameters = object(parameters, &[PARAMETER_SERIAL, PARAMETER_CODE]);
            let fields = [("certificateOwnershipToken", text(1, 4096)), ("parameters", parameters)];
            object(fields, &["certificateOwnershipToken", "parameters"])
        }
        Payload::Provisioned => {
            let configuration = json!({"type": "object"});
            object([("thingName", name()), ("deviceConfiguration", configuration)], &["thingName"])
        }
        Payload::Refused => {
            let status = json!({"type": "integer", "minimum": 400, "maximum": 599});
            let words = || json!({"type": "string"});
            let fields = [("statusCode", status), ("errorCode", words()), ("errorMessage", words())];
            object(fields, &["statusCode", "errorCode", "errorMessage"])
        }
    }
}

fn object<const N: usize>(fields: [(&str, Value); N], required: &[&str]) -> Value {
    let properties: Map<_, _> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// A schema of an object with more fields, for payloads that have a head in common.
fn extended<const N: usize>(mut schema: Value, fields: [(&str, Value); N], required: &[&str]) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(fields.map(|(name, schema)| (name.to_owned(), schema)));
    }
    if let Some(names) = schema.get_mut("required").and_then(Value::as_array_mut) {
        names.extend(required.iter().map(|name| json!(name)));
    }
    schema
}

fn text(least: usize, most: usize) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn token() -> Value {
    // "Device Shadow REST API", client token.
    text(0, 64)
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time", "description": "RFC 3339, between 1970 and 9999"})
}

fn pem() -> Value {
    json!({"type": "string", "pattern": "^-----BEGIN "})
}

fn name() -> Value {
    json!({"type": "string", "pattern": format!("^[A-Za-z0-9][A-Za-z0-9_-]{{0,{}}}$", NAME_BYTES_MAX - 1)})
}

fn capability_name() -> Value {
    json!({"type": "string", "pattern": format!("^[a-z][a-z0-9_.-]{{0,{}}}$", CAPABILITY_NAME_BYTES_MAX - 1)})
}

const ACTION_ID: &str = "^act_[0-9a-v]{26}$";

/// What every payload of ours begins with.
fn head() -> Value {
    object([("v", json!({"const": WIRE_VERSION})), ("at", time())], &["v", "at"])
}

fn event<const N: usize>(kind: &str, fields: [(&str, Value); N], required: &[&str]) -> Value {
    let head =
        extended(head(), [("id", text(1, EVENT_ID_BYTES_MAX)), ("kind", json!({"const": kind}))], &["id", "kind"]);
    extended(head, fields, required)
}

fn telemetry() -> Value {
    let fields = [("name", text(1, 64)), ("value", json!({"type": "number"})), ("unit", text(0, 16))];
    let reading = object(fields, &["name", "value"]);
    let readings = json!({"type": "array", "minItems": 1, "maxItems": READINGS_MAX, "items": reading});
    extended(head(), [("id", text(1, EVENT_ID_BYTES_MAX)), ("readings", readings)], &["id", "readings"])
}

fn report() -> Value {
    let fields = [
        ("action", json!({"type": "string", "pattern": ACTION_ID})),
        ("state", json!({"enum": ["acknowledged", "succeeded", "failed", "rejected", "expired"]})),
        ("result", json!({"description": "what came of it"})),
        ("error", json!({"type": ["string", "null"], "description": "what went wrong"})),
    ];
    extended(head(), fields, &["action", "state"])
}

/// What a shadow's documents have in common ("Device Shadow service documents").
fn shadow(state: Value, required: &[&str]) -> Value {
    let fields = [("state", state), ("version", count()), ("timestamp", count()), ("clientToken", token())];
    extended(object(fields, &["state"]), [("metadata", json!({"type": "object"}))], required)
}

fn config() -> Value {
    object([("privacy", json!({"type": "boolean"}))], &[])
}

fn commands() -> Value {
    let fields = [("capability", capability_name()), ("args", json!({"type": "object"})), ("expires_at", time())];
    let command = object(fields, &["capability", "args", "expires_at"]);
    json!({"type": "object", "patternProperties": {ACTION_ID: command}, "additionalProperties": false})
}

fn presence() -> Value {
    let capabilities = json!({"type": "array", "maxItems": CAPABILITIES_MAX, "items": capability()});
    let fields = [
        ("software", text(0, 64)),
        ("capabilities", capabilities),
        ("dropped_telemetry", count()),
        ("paused", json!({"type": "boolean"})),
    ];
    object(fields, &["software"])
}

fn capability() -> Value {
    let args = json!({"type": "object", "maxProperties": ARGS_MAX, "additionalProperties": argument()});
    let kind = json!({"enum": ["builtin", "command", "hub"]});
    let fields = [("name", capability_name()), ("kind", kind), ("description", text(0, 200)), ("args", args)];
    closed(object(fields, &["name", "kind"]))
}

fn argument() -> Value {
    let of_type = |name: &str| ("type", json!({"const": name}));
    let flag = || json!({"type": "boolean"});
    let number = || json!({"type": "number"});
    let values = json!({"type": "array", "items": {"type": "string"}});
    let bytes = json!({"type": "integer", "minimum": 0, "default": ARG_TEXT_BYTES_MAX});
    let text = [of_type("text"), ("enum", values), ("max_bytes", bytes), ("optional", flag())];
    let numeric = [of_type("number"), ("min", number()), ("max", number()), ("whole", flag()), ("optional", flag())];
    json!({"oneOf": [
        closed(object(text, &["type"])),
        closed(object(numeric, &["type", "min", "max"])),
        closed(object([of_type("flag"), ("optional", flag())], &["type"])),
    ]})
}

/// Without fields that it does not name.
fn closed(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    schema
}

fn lifecycle() -> Value {
    let word = || json!({"type": "string"});
    let fields = [
        ("clientId", word()),
        ("timestamp", count()),
        ("eventType", json!({"enum": ["connected", "disconnected"]})),
        ("sessionIdentifier", word()),
        ("principalIdentifier", word()),
        ("versionNumber", count()),
        ("clientInitiatedDisconnect", json!({"type": "boolean"})),
        ("disconnectReason", word()),
        ("ipAddress", word()),
    ];
    object(fields, &["timestamp"])
}
