//! `plan`: recall → model → a draft that is parsed, never trusted → candidates and proposals, each with its evidence.

use super::hop_body;
use crate::{
    changes::{Changes, Stored},
    deliver::StepError,
    entity::{action_key, event_key, memory_key},
    hub::Hub,
    port::{Delivery, Effect, Key, LedgerError, ModelError},
    recalling::{Audience, Question},
};
use marvain_domain::{
    Principal, Timestamp,
    action::Verdict,
    consent::ConsentKind,
    event::Event,
    id::{EventId, PersonId},
    identity::Person,
    memory::{Memory, MemoryChange, change},
    plan::{MEMORY_FORGET, PlanRequest, RecalledMemory, resolve},
    policy::{MemoryFacts, Policies, Somebody},
};
use marvain_topics::Queue;
use serde::Deserialize;
use serde_json::json;

/// How many memories a planner is shown.
const RECALLED_FOR_PLANNING: usize = 8;

#[derive(Deserialize)]
struct Body {
    event: EventId,
}

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let id = hop_body::<Body>(delivery)?.event;
    let mut changes = Changes::default();
    let Some(stored) = hub.load::<Event>(&event_key(&id)).await? else { return Ok(changes) };
    let event = &stored.value;
    let Some(text) = event.text().map(str::to_owned) else { return Ok(changes) };
    let proposer = Principal::Agent(hub.settings.agent.clone());
    if hub.is_private(event.space.as_ref()).await? {
        suppress(&stored, &proposer, now, &mut changes)?;
        return Ok(changes);
    }
    let speaker = match &event.person {
        Some(person) => hub.person(person).await?.map(|stored| stored.value),
        None => None,
    };
    let request = request(hub, event, &text, speaker.as_ref(), now).await?;
    let answer = hub.ports.model.propose(&request).await;
    // That may have taken minutes: what it was asked with may be over.
    let Some(stored) = hub.load::<Event>(&event_key(&id)).await? else { return Ok(changes) };
    if stored.value.body.is_none() {
        return Ok(changes);
    }
    if hub.is_private(event.space.as_ref()).await? {
        suppress(&stored, &proposer, now, &mut changes)?;
        return Ok(changes);
    }
    let draft = match answer {
        Ok(draft) => draft,
        Err(error @ (ModelError::Nonsense(_) | ModelError::Declined(_))) => {
            // Not its source: that may show the model's words.
            let why = error.to_string();
            changes.audit(now, &proposer, "plan.failed", json!({"event": id, "model": hub.planner(), "why": why}));
            forget_words(hub, &stored, false, now, &mut changes).await?;
            return Ok(changes);
        }
        Err(error) => return Err(error.into()),
    };
    for RecalledMemory { id, .. } in &request.recalled {
        if hub.is_forgotten(id).await? {
            // It knows what is forgotten: it has to think again, without it.
            let Key { pk, sk } = memory_key(id);
            return Err(LedgerError::Conflict { pk, sk }.into());
        }
    }
    let plan = resolve(&draft, &request, hub.planner());
    let on_behalf_of: Vec<Principal> = event.person.iter().cloned().map(Principal::Person).collect();
    for refused in &plan.refused {
        let data = json!({"event": id, "part": refused.part, "why": refused.why});
        changes.audit(now, &proposer, "plan.refused", data);
    }
    let policies = hub.policies().await?;
    for memory in plan.memories {
        if hub.load::<Memory>(&memory_key(&memory.id)).await?.is_none() {
            remember(hub, &policies, &memory, speaker.as_ref(), now, &mut changes).await?;
        }
    }
    let forgetting = plan.actions.iter().any(|action| action.invocation.capability.as_str() == MEMORY_FORGET);
    for action in plan.actions {
        if hub.ports.ledger.get(&action_key(&action.id)).await?.is_some() {
            continue;
        }
        changes.create(&action)?;
        let data = json!({
            "action": action.id, "args_hash": action.args_hash, "target": action.invocation.target,
            "capability": action.invocation.capability, "risk": action.risk, "event": id, "model": hub.planner(),
        });
        changes.audit_for(now, &proposer, on_behalf_of.clone(), "action.proposed", data);
        changes.effects.push(Effect::Hop { queue: Queue::Judge, body: json!({"action": action.id}) });
    }
    forget_words(hub, &stored, forgetting, now, &mut changes).await?;
    Ok(changes)
}

/// Nothing is made of words from a space in privacy mode, and they are not kept.
fn suppress(
    event: &Stored<Event>,
    proposer: &Principal,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), StepError> {
    changes.replace(event, &event.value.redact())?;
    changes.audit(now, proposer, "plan.suppressed", json!({"event": event.value.id, "why": "privacy mode"}));
    Ok(())
}

async fn request(
    hub: &Hub,
    event: &Event,
    text: &str,
    speaker: Option<&Person>,
    now: Timestamp,
) -> Result<PlanRequest, StepError> {
    let question = Question { text, tiers: &[], limit: RECALLED_FOR_PLANNING };
    let recalled = hub.recall_for(&question, Audience::Space { speaker }, now).await?;
    Ok(PlanRequest {
        agent: hub.settings.agent.clone(),
        event: event.clone(),
        recalled: recalled
            .into_iter()
            .map(|r| RecalledMemory { id: r.memory.id, tier: r.memory.tier, content: r.memory.content })
            .collect(),
        offers: hub.offers(&event.satellite, event.space.as_ref()).await?,
        now,
        time_zone: hub.settings.time_zone.clone(),
    })
}

/// A proposed memory becomes a candidate, or a memory, or nothing, as policy says.
async fn remember(
    hub: &Hub,
    policies: &Policies,
    memory: &Memory,
    speaker: Option<&Person>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), StepError> {
    let subject_role = hub.role_of(memory.subject.as_ref()).await?;
    let facts = MemoryFacts {
        proposer: &memory.proposed_by,
        tier: memory.tier,
        subject: memory.subject.as_ref().map(|id| Somebody { id, role: subject_role }),
        subject_consents: consents(hub, memory.subject.as_ref(), now).await?,
        speaker: speaker.map(Somebody::from),
        speaker_consents: consents(hub, speaker.map(|speaker| &speaker.id), now).await?,
        confidence: memory.confidence,
        // Or it would not have come this far.
        private: false,
    };
    let decision = policies.judge_memory(&facts);
    let event = memory.evidence.first().map(|evidence| evidence.event.clone());
    let data = json!({
        "memory": memory.id, "tier": memory.tier, "event": event, "model": memory.model,
        "policies": decision.policies, "errors": decision.errors,
    });
    if decision.verdict == Verdict::Deny {
        changes.audit(now, &memory.proposed_by, "memory.refused", data);
        return Ok(());
    }
    changes.audit(now, &memory.proposed_by, "memory.proposed", data);
    if decision.verdict == Verdict::Ask {
        changes.create(memory)?;
        return Ok(());
    }
    let committed = change(memory, &MemoryChange::Commit, &Principal::System, now).map_err(StepError::reject)?;
    changes.create(&committed)?;
    changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": memory.id}) });
    let data = json!({"memory": memory.id, "policies": decision.policies});
    changes.audit(now, &Principal::System, "memory.committed", data);
    Ok(())
}

async fn consents(hub: &Hub, person: Option<&PersonId>, now: Timestamp) -> Result<bool, StepError> {
    match person {
        Some(person) => Ok(hub.permits(person, ConsentKind::Memory, now).await?),
        None => Ok(false),
    }
}

/// The words of somebody who does not consent to be remembered are kept no longer than planning takes; and words that ask
/// for something to be forgotten say what it was.
async fn forget_words(
    hub: &Hub,
    event: &Stored<Event>,
    forgetting: bool,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), StepError> {
    let unwilling = match &event.value.person {
        Some(person) => !hub.permits(person, ConsentKind::Memory, now).await?,
        None => false,
    };
    if forgetting || unwilling {
        changes.replace(event, &event.value.redact())?;
        let why = if unwilling { "no consent to memory" } else { "it asks to forget" };
        let data = json!({"event": event.value.id, "why": why});
        changes.audit(now, &Principal::System, "event.redacted", data);
    }
    Ok(())
}
