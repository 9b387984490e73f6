//! The shape that the model must answer in, and the way back from it to a draft.
//!
//! The schema is rendered from the domain: tiers, the offers of this very request and their declared arguments. It
//! keeps to what strict structured output allows (OpenAI, "Structured model outputs", section "Supported schemas"):
//! every property is required, none is added, what is optional may be null. The answer is checked all the same.

use marvain_domain::{
    capability::ArgSpec,
    id::PersonId,
    memory::Tier,
    plan::{DRAFT_ACTIONS_MAX, DRAFT_MEMORIES_MAX, Draft, DraftError, Offer},
};
use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value, json};

/// Most offers that are put to the model: a strict schema may have 5,000 properties in all.
pub(super) const OFFERS_MAX: usize = 200;

/// An offer's name in prompt and answer: `hub/reminder.set`, `satellite/kitchen/lamp`.
pub(super) fn offer_name(offer: &Offer) -> String {
    match &offer.target {
        marvain_domain::action::Target::Satellite(id) => format!("satellite/{id}/{}", offer.capability.name),
        marvain_domain::action::Target::Hub => format!("hub/{}", offer.capability.name),
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
    if answer.len() > marvain_domain::plan::DRAFT_BYTES_MAX {
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
