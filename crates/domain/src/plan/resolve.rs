//! Ties a draft to what exists: the event that it rests on, the capabilities that are offered.

use super::{Draft, DraftAction, DraftMemory, PlanRequest};
use crate::{
    action::{Action, Invocation, Origin, Risk},
    capability::{Capability, CapabilityKind},
    event::Event,
    id::{ActionId, MemoryId},
    memory::{EXCERPT_BYTES_MAX, Evidence, Memory, MemoryState},
    principal::Principal,
};

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
        match proposal(i, action, request, &proposer) {
            Ok(proposal) => plan.actions.push(proposal),
            Err(why) => plan.refused.push(Refused { part: format!("actions[{i}]"), why }),
        }
    }
    plan
}

fn candidate(i: usize, draft: &DraftMemory, request: &PlanRequest, proposer: &Principal, model: &str) -> Memory {
    let event = &request.event;
    Memory {
        id: MemoryId::derive(&[event.id.as_str(), &i.to_string()]),
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

fn proposal(i: usize, draft: &DraftAction, request: &PlanRequest, proposer: &Principal) -> Result<Action, String> {
    let offer = request
        .offers
        .iter()
        .find(|offer| offer.target == draft.target && offer.capability.name == draft.capability)
        .ok_or_else(|| format!("nobody offers `{}` there", draft.capability))?;
    offer.capability.check_args(&draft.args).map_err(|e| e.to_string())?;
    let invocation =
        Invocation { target: draft.target.clone(), capability: draft.capability.clone(), args: draft.args.clone() };
    let event = &request.event;
    let id = ActionId::derive(&[event.id.as_str(), &i.to_string()]);
    let origin = Origin {
        event: Some(event.id.clone()),
        satellite: Some(event.satellite.clone()),
        space: event.space.clone(),
        person: event.person.clone(),
    };
    let risk = default_risk(&offer.capability);
    Action::propose(id, invocation, draft.why.clone(), proposer.clone(), origin, risk, request.now)
        .map_err(|e| e.to_string())
}
