//! Ties a draft to what exists: the event that it rests on, the capabilities that are offered.

use super::{DRAFT_MEMORIES_MAX, Draft, DraftAction, DraftMemory, MEMORY_FORGET, PlanRequest};
use crate::{
    action::{Action, Invocation, Origin, Risk, Target},
    capability::{Capability, CapabilityKind},
    event::Event,
    id::{ActionId, EventId, MemoryId},
    memory::{EXCERPT_BYTES_MAX, Evidence, Memory, MemoryState},
    principal::Principal,
};
use std::collections::BTreeSet;

/// The reason of every action that forgets.
const FORGET_WHY: &str = "asked to forget it";

/// What is proposed, and what was turned down already.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// Candidates.
    pub memories: Vec<Memory>,
    /// Proposed actions.
    pub actions: Vec<Action>,
    /// What did not fit.
    pub refused: Vec<Refused>,
}

/// A part of a draft that does not fit what exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Which part: `actions[0]`.
    pub part: String,
    /// Why.
    pub why: String,
}

/// How much harm a capability can do unless a policy says otherwise: a command may change the world.
pub const fn default_risk(capability: &Capability) -> Risk {
    match capability.kind {
        CapabilityKind::Builtin => Risk::Low,
        CapabilityKind::Command => Risk::Medium,
        CapabilityKind::Hub => Risk::Low,
    }
}

/// The plan that follows from `draft` for the request it answers. `model` names who worded it. Equal inputs give equal
/// ids, so that an event planned twice proposes the same things.
pub fn resolve(draft: &Draft, request: &PlanRequest, model: &str) -> Plan {
    let mut plan = Plan::default();
    let proposer = Principal::Agent(request.agent.clone());
    let mut memory_ids = Vec::new();
    for (i, memory) in draft.memories.iter().enumerate() {
        let candidate = candidate(i, memory, request, &proposer, model);
        if !memory_ids.contains(&candidate.id) {
            memory_ids.push(candidate.id.clone());
            plan.memories.push(candidate);
        }
    }
    for (i, action) in draft.actions.iter().enumerate() {
        match proposal(i, action, &plan.memories, request, &proposer) {
            Ok(proposal) => plan.actions.push(proposal),
            Err(why) => plan.refused.push(Refused { part: format!("actions[{i}]"), why }),
        }
    }
    plan
}

fn candidate(i: usize, draft: &DraftMemory, request: &PlanRequest, proposer: &Principal, model: &str) -> Memory {
    let event = &request.event;
    Memory {
        id: memory_id(&event.id, i),
        tier: draft.tier,
        content: draft.content.trim().to_owned(),
        subject: draft.subject.clone().or_else(|| event.person.clone()),
        space: event.space.clone(),
        state: MemoryState::Candidate,
        evidence: vec![evidence(event)],
        confidence: draft.confidence,
        proposed_by: proposer.clone(),
        model: Some(model.to_owned()),
        created_at: request.now,
        changed_at: request.now,
        changed_by: proposer.clone(),
        superseded_by: None,
        supersedes: None,
        edits: Vec::new(),
    }
}

/// The evidence that an event gives.
fn evidence(event: &Event) -> Evidence {
    let text = event.text().unwrap_or_default();
    let mut end = text.len().min(EXCERPT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Evidence {
        event: event.id.clone(),
        satellite: event.satellite.clone(),
        space: event.space.clone(),
        session: event.session.clone(),
        person: event.person.clone(),
        at: event.at,
        excerpt: text.get(..end).unwrap_or_default().to_owned(),
    }
}

fn proposal(
    i: usize,
    draft: &DraftAction,
    made: &[Memory],
    request: &PlanRequest,
    proposer: &Principal,
) -> Result<Action, String> {
    let offer = request
        .offers
        .iter()
        .find(|offer| offer.target == draft.target && offer.capability.name == draft.capability)
        .ok_or_else(|| format!("nobody offers `{}` there", draft.capability))?;
    offer.capability.check_args(&draft.args).map_err(|e| e.to_string())?;
    let invocation =
        Invocation { target: draft.target.clone(), capability: draft.capability.clone(), args: draft.args.clone() };
    // Why something is to be forgotten says what it is.
    let forgets = draft.target == Target::Hub && draft.capability.as_str() == MEMORY_FORGET;
    let why = if forgets { FORGET_WHY } else { &draft.why }.to_owned();
    let event = &request.event;
    let id = ActionId::derive(&[event.id.as_str(), &i.to_string()]);
    let origin = Origin {
        event: Some(event.id.clone()),
        satellite: Some(event.satellite.clone()),
        space: event.space.clone(),
        person: event.person.clone(),
        memories: if forgets { Vec::new() } else { words_of(draft, offer.capability.kind, made, request) },
    };
    let risk = default_risk(&offer.capability);
    Action::propose(id, invocation, why, proposer.clone(), origin, risk, request.now).map_err(|e| e.to_string())
}

/// Memories whose words an action may carry: what its planner was shown, and what it made of the same event. What speaks
/// may tell any of it in other words; anything else has only what it shares words with.
fn words_of(draft: &DraftAction, kind: CapabilityKind, made: &[Memory], request: &PlanRequest) -> Vec<MemoryId> {
    let shown = request.recalled.iter().map(|memory| (&memory.id, &memory.content));
    let made = made.iter().map(|memory| (&memory.id, &memory.content));
    if kind == CapabilityKind::Builtin {
        return shown.chain(made).map(|(id, _)| id.clone()).collect();
    }
    let mut text = draft.why.clone();
    for value in draft.args.values() {
        text.push(' ');
        text.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let said = request.event.text().unwrap_or_default();
    shown
        .filter(|(_, content)| has_words_of(&text, content, said))
        .chain(made.filter(|(_, content)| has_words_of(&text, content, "")))
        .map(|(id, _)| id.clone())
        .collect()
}

/// Words that say nothing by themselves. In other languages more is taken for the same than is.
const COMMON: [&str; 32] = [
    "about", "all", "and", "are", "but", "can", "for", "from", "had", "has", "have", "her", "his", "into", "its",
    "not", "our", "she", "that", "the", "their", "them", "then", "there", "they", "this", "was", "what", "when",
    "will", "with", "you",
];

/// Does `text` have a word that `content` has, and that was not `said` anyway? Words are numbers, and what has three
/// characters or more and is not [`COMMON`].
pub fn has_words_of(text: &str, content: &str, said: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().nth(2).is_some() || word.chars().any(char::is_numeric))
            .map(str::to_lowercase)
            .filter(|word| !COMMON.contains(&word.as_str()))
            .collect()
    };
    let (text, said) = (words(text), words(said));
    words(content).iter().any(|word| text.contains(word) && !said.contains(word))
}

/// Ids of all memories that can have been made of an event.
pub fn memories_of(event: &EventId) -> impl Iterator<Item = MemoryId> {
    (0..DRAFT_MEMORIES_MAX).map(|i| memory_id(event, i))
}

fn memory_id(event: &EventId, i: usize) -> MemoryId {
    MemoryId::derive(&[event.as_str(), &i.to_string()])
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
