//! The shape that the model must answer in, and the way back from it to a draft.
//!
//! The schema is rendered from the domain: tiers, the offers of this very request and their declared arguments. It
//! keeps to what strict structured output allows (OpenAI, "Structured model outputs", section "Supported schemas"):
//! every property is required, none is added, what is optional may be null. The answer is checked all the same.

use marvain_domain::{
    action::Target,
    capability::ArgSpec,
    id::PersonId,
    memory::Tier,
    plan::{DRAFT_ACTIONS_MAX, DRAFT_BYTES_MAX, DRAFT_MEMORIES_MAX, Draft, DraftError, Offer},
};
use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value, json};

/// Most offers that are put to the model: a strict schema may have 5,000 properties in all.
pub(super) const OFFERS_MAX: usize = 200;

/// An offer's name in prompt and answer: `hub/reminder.set`, `satellite/kitchen/lamp`.
pub(super) fn offer_name(offer: &Offer) -> String {
    match &offer.target {
        Target::Satellite(id) => format!("satellite/{id}/{}", offer.capability.name),
        Target::Hub => format!("hub/{}", offer.capability.name),
    }
}

/// The JSON schema of an answer. `speaker` is the only person whom a memory may be about by id.
pub(super) fn schema(offers: &[Offer], speaker: Option<&PersonId>) -> Value {
    let subject = match speaker {
        Some(person) => json!({"type": ["string", "null"], "enum": [person, null]}),
        None => json!({"type": "null"}),
    };
    let memory = object([
        ("tier", json!({"type": "string", "enum": Tier::ALL.map(Tier::as_str)})),
        ("content", json!({"type": "string"})),
        ("subject", subject),
        ("confidence", json!({"type": "number", "minimum": 0, "maximum": 1})),
    ]);
    let actions: Vec<Value> = offers.iter().map(action).collect();
    let (actions, most) =
        if actions.is_empty() { (json!({"type": "null"}), 0) } else { (json!({"anyOf": actions}), DRAFT_ACTIONS_MAX) };
    object([
        ("memories", json!({"type": "array", "maxItems": DRAFT_MEMORIES_MAX, "items": memory})),
        ("actions", json!({"type": "array", "maxItems": most, "items": actions})),
    ])
}

fn action(offer: &Offer) -> Value {
    let args = offer.capability.args.iter().map(|(name, spec)| (name.as_str(), arg(spec)));
    object([
        ("offer", json!({"type": "string", "enum": [offer_name(offer)]})),
        ("args", object(args)),
        ("why", json!({"type": "string"})),
    ])
}

fn arg(spec: &ArgSpec) -> Value {
    let (mut schema, optional) = match spec {
        ArgSpec::Text { one_of, max_bytes, optional } if one_of.is_empty() => {
            (json!({"type": "string", "description": format!("one line, at most {max_bytes} bytes")}), *optional)
        }
        ArgSpec::Text { one_of, optional, .. } => (json!({"type": "string", "enum": one_of}), *optional),
        ArgSpec::Number { min, max, whole, optional } => {
            let kind = if *whole { "integer" } else { "number" };
            (json!({"type": kind, "minimum": min, "maximum": max}), *optional)
        }
        ArgSpec::Flag { optional } => (json!({"type": "boolean"}), *optional),
    };
    if optional {
        schema = json!({"anyOf": [schema, {"type": "null"}]});
    }
    schema
}

fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

/// An answer in the shape of [`schema`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    memories: Vec<Value>,
    actions: Vec<AnswerAction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerAction {
    offer: String,
    args: Map<String, Value>,
    why: String,
}

/// The draft that an answer is, parsed like any other; an offer that was not made is refused.
pub(super) fn draft(answer: &str, offers: &[Offer]) -> Result<Draft, DraftError> {
    if answer.len() > DRAFT_BYTES_MAX {
        return Err(DraftError::TooLong(answer.len()));
    }
    let answer: Answer = serde_json::from_str(answer).map_err(DraftError::Shape)?;
    let actions: Vec<Value> =
        answer.actions.into_iter().map(|action| named(action, offers)).collect::<Result<_, _>>()?;
    Draft::parse(&json!({"memories": answer.memories, "actions": actions}).to_string())
}

fn named(action: AnswerAction, offers: &[Offer]) -> Result<Value, DraftError> {
    let offer = offers.iter().find(|offer| offer_name(offer) == action.offer).ok_or_else(|| {
        let name: String = action.offer.chars().take(120).collect();
        DraftError::Shape(serde_json::Error::custom(format!("`{name}` is not offered")))
    })?;
    // An optional argument that is left out is null in a strict schema.
    let args: Map<String, Value> = action.args.into_iter().filter(|(_, value)| !value.is_null()).collect();
    Ok(json!({"target": offer.target, "capability": offer.capability.name, "args": args, "why": action.why}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers() -> Vec<Offer> {
        let lamp = json!({"name": "lamp", "kind": "command", "args": {
            "level": {"type": "number", "min": 0, "max": 100, "whole": true, "optional": true},
            "slow": {"type": "flag", "optional": true},
            "state": {"type": "text", "enum": ["on", "off"]}}});
        let ping = json!({"name": "ping", "kind": "builtin"});
        let forget =
            json!({"name": "memory.forget", "kind": "hub", "args": {"memory": {"type": "text", "max_bytes": 40}}});
        let den = Target::Satellite("den".parse().unwrap());
        [(den.clone(), lamp), (den, ping), (Target::Hub, forget)]
            .map(|(target, capability)| Offer { target, capability: serde_json::from_value(capability).unwrap() })
            .into()
    }

    #[test]
    fn the_schema_names_what_is_offered() {
        let anna: PersonId = "anna".parse().unwrap();
        let schema = schema(&offers(), Some(&anna));
        let lamp = json!({"type": "object", "required": ["offer", "args", "why"], "additionalProperties": false, "properties": {
            "offer": {"type": "string", "enum": ["satellite/den/lamp"]},
            "args": {"type": "object", "required": ["level", "slow", "state"], "additionalProperties": false, "properties": {
                "level": {"anyOf": [{"type": "integer", "minimum": 0.0, "maximum": 100.0}, {"type": "null"}]},
                "slow": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                "state": {"type": "string", "enum": ["on", "off"]}}},
            "why": {"type": "string"}}});
        assert_eq!(schema.pointer("/properties/actions/items/anyOf/0"), Some(&lamp));
        let subject = json!({"type": ["string", "null"], "enum": ["anna", null]});
        assert_eq!(schema.pointer("/properties/memories/items/properties/subject"), Some(&subject));
        assert_eq!(super::schema(&[], None).pointer("/properties/actions/maxItems"), Some(&json!(0)));
    }

    #[test]
    fn answers_become_drafts_or_are_refused() {
        let lamp = |args: &str| {
            format!(r#"{{"memories":[],"actions":[{{"offer":"satellite/den/lamp","args":{args},"why":"asked"}}]}}"#)
        };
        let parsed = draft(&lamp(r#"{"state":"on","level":null,"slow":null}"#), &offers()).unwrap();
        assert_eq!(
            serde_json::to_value(&parsed.actions).unwrap(),
            json!([
            {"target": {"satellite": "den"}, "capability": "lamp", "args": {"state": "on"}, "why": "asked"}])
        );
        let many = format!(
            r#"{{"memories":[],"actions":[{}]}}"#,
            [r#"{"offer":"satellite/den/ping","args":{},"why":""}"#; 5].join(",")
        );
        for bad in [
            "",
            "Sure! I turned the lamp on.",
            r#"{"memories":[],"actions":[],"approved":true}"#,
            r#"{"memories":[{"tier":"semantic","content":"x","subject":"not a person","confidence":1}],"actions":[]}"#,
            r#"{"memories":[],"actions":[{"offer":"satellite/den/door","args":{},"why":"asked"}]}"#,
            r#"{"memories":[],"actions":[{"offer":"hub/lamp","args":{},"why":"asked"}]}"#,
            &lamp(r#""on""#),
            &lamp(r#"{"state":"on"},"target":"hub""#),
            &many,
            &" ".repeat(DRAFT_BYTES_MAX + 1),
        ] {
            assert!(draft(bad, &offers()).is_err(), "{bad}");
        }
    }
}
