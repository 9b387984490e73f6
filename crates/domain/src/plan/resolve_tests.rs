use super::*;
use crate::{
    Timestamp,
    capability::Capability,
    event::EventBody,
    memory::Tier,
    plan::{MEMORY_FORGET, Offer, REMINDER_SET, RecalledMemory, hub_tools},
};
use serde_json::{Value, json};

fn shown(name: &str) -> MemoryId {
    MemoryId::derive(&[name])
}

/// Two memories are shown: one of the plants, one of the safe.
fn request(said: &str) -> PlanRequest {
    let say: Capability =
        serde_json::from_value(json!({"name": "say", "kind": "builtin", "args": {"text": {"type": "text"}}})).unwrap();
    let recalled = [("plants", "the plants are in the hall"), ("safe", "the safe opens with 4711")];
    PlanRequest {
        agent: "marvain".parse().unwrap(),
        event: Event {
            id: EventId::derive(&["1"]),
            satellite: "den".parse().unwrap(),
            space: None,
            person: None,
            session: None,
            at: Timestamp::EPOCH,
            received_at: Timestamp::EPOCH,
            body: Some(EventBody::Transcript { text: said.into() }),
        },
        recalled: recalled
            .into_iter()
            .map(|(id, content)| RecalledMemory { id: shown(id), tier: Tier::Semantic, content: content.into() })
            .collect(),
        offers: hub_tools()
            .into_iter()
            .chain([say])
            .map(|capability| Offer { target: Target::Hub, capability })
            .collect(),
        now: Timestamp::EPOCH,
        time_zone: "UTC".into(),
    }
}

fn action(capability: &str, args: Value) -> Value {
    json!({"target": "hub", "capability": capability, "args": args, "why": ""})
}

/// The one action that comes of it.
fn resolved(said: &str, remember: &[&str], action: Value) -> Action {
    let memories: Vec<_> =
        remember.iter().map(|content| json!({"tier": "semantic", "content": content, "confidence": 1})).collect();
    let draft = Draft::parse(&json!({"memories": memories, "actions": [action]}).to_string()).unwrap();
    let plan = resolve(&draft, &request(said), "test");
    assert_eq!(plan.refused, []);
    plan.actions.into_iter().next().unwrap()
}

/// The memories whose words the one action may carry.
fn carried(said: &str, remember: &[&str], action: Value) -> Vec<MemoryId> {
    resolved(said, remember, action).origin.memories
}

fn reminder(text: &str) -> Value {
    action(REMINDER_SET, json!({"text": text, "due": "2026-11-22T10:00:00Z", "satellite": "den"}))
}

#[test]
fn what_speaks_may_carry_the_words_of_all_that_was_shown_and_made() {
    let made = memories_of(&EventId::derive(&["1"])).next().unwrap();
    let say = action("say", json!({"text": "yes"}));
    assert_eq!(carried("anything", &["tea is in the tin"], say), [shown("plants"), shown("safe"), made]);
}

#[test]
fn anything_else_carries_the_words_that_it_shares() {
    let made = memories_of(&EventId::derive(&["1"])).next().unwrap();
    assert_eq!(carried("remind me to water the plants", &[], reminder("water the plants")), []);
    assert_eq!(carried("remind me of the code", &[], reminder("the code is 4711")), [shown("safe")]);
    let said = "remember that Bob is ill and remind me to call him";
    assert_eq!(carried(said, &["Bob is ill"], reminder("call Bob")), [made]);
    assert_eq!(carried(said, &["Bob and the cat are ill"], reminder("call the doctor and pay")), []);
}

#[test]
fn what_forgets_does_not_say_what_is_forgotten() {
    let args = json!({"memory": shown("safe").as_str()});
    let action = json!({"target": "hub", "capability": MEMORY_FORGET, "args": args, "why": "the safe opens with 4711"});
    let action = resolved("forget about the safe", &[], action);
    assert_eq!((action.why.as_str(), action.origin.memories), (FORGET_WHY, vec![]));
}
