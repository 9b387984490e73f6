//! What the hub does to its own records when an action says so.

use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{event_key, memory_key},
    hub::Hub,
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, Origin, Outcome},
    event::Event,
    id::{MemoryId, PersonId, ReminderId, SatelliteId},
    memory::Memory,
    plan::{MEMORY_FORGET, REMINDER_SET, has_words_of},
    policy::{Operation, Somebody, person_of},
    reminder::{REMINDER_AHEAD_S_MAX, Reminder},
};
use serde_json::{Value, json};

/// Does what a granted action asks of the hub. What cannot be done is the outcome's error.
pub(super) async fn perform(
    hub: &Hub,
    action: &Action,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Outcome, StepError> {
    let done = match action.invocation.capability.as_str() {
        MEMORY_FORGET => forget(hub, action, now, changes).await?,
        REMINDER_SET => set_reminder(hub, action, now, changes).await?,
        other => Err(format!("the hub has no `{other}`")),
    };
    Ok(match done {
        Ok(result) => Outcome { result: Some(result), error: None },
        Err(error) => Outcome { result: None, error: Some(error) },
    })
}

fn arg<'a>(action: &'a Action, name: &str) -> &'a str {
    action.invocation.args.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn forget(
    hub: &Hub,
    action: &Action,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Result<Value, String>, StepError> {
    let id = match arg(action, "memory").parse::<MemoryId>() {
        Ok(id) => id,
        Err(e) => return Ok(Err(e.to_string())),
    };
    if let Err(why) = may_forget(hub, action, &id).await? {
        return Ok(Err(why));
    }
    match hub.forget_memory(&id, &action.proposer, now, changes).await? {
        Ok(()) => {
            let on_behalf_of = action.origin.person.iter().cloned().map(Principal::Person).collect();
            let data = json!({"memory": id, "action": action.id});
            changes.audit_for(now, &action.proposer, on_behalf_of, "memory.tombstoned", data);
            Ok(Ok(json!({"memory": id})))
        }
        Err(why) => Ok(Err(why)),
    }
}

/// May whoever let it run have this memory forgotten? If policy alone did, whoever it is for.
async fn may_forget(hub: &Hub, action: &Action, id: &MemoryId) -> Result<Result<(), String>, StepError> {
    let Some(memory) = hub.load::<Memory>(&memory_key(id)).await? else {
        return Ok(Err(format!("no memory `{id}`")));
    };
    let granted = action.grant.as_ref().and_then(|grant| grant.by.person());
    let Some(person) = granted.or_else(|| person_of(action)) else {
        return Ok(Err(format!("nobody who may have memory `{id}` forgotten has asked for it")));
    };
    let role = hub.role_of(memory.value.subject.as_ref()).await?;
    let subject = memory.value.subject.as_ref().map(|id: &PersonId| Somebody { id, role });
    let operation = Operation::ForgetMemory { tier: memory.value.tier, subject };
    let allowed = match hub.person(person).await? {
        Some(known) => hub.policies().await?.may(&known.value, &operation).allowed,
        None => false,
    };
    Ok(if allowed { Ok(()) } else { Err(format!("`{person}` may not have memory `{id}` forgotten")) })
}

async fn set_reminder(
    hub: &Hub,
    action: &Action,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Result<Value, String>, StepError> {
    let due = match arg(action, "due").parse::<Timestamp>() {
        Ok(due) if due > now && due.ms_since(now) <= REMINDER_AHEAD_S_MAX * 1000 => due,
        Ok(due) => return Ok(Err(format!("`due` must be within {REMINDER_AHEAD_S_MAX} s from now, not {due}"))),
        Err(e) => return Ok(Err(e.to_string())),
    };
    let satellite = match arg(action, "satellite").parse::<SatelliteId>() {
        Ok(satellite) => satellite,
        Err(e) => return Ok(Err(e.to_string())),
    };
    if hub.satellite(&satellite).await?.is_none() {
        return Ok(Err(format!("no satellite `{satellite}`")));
    }
    let text = arg(action, "text");
    let reminder = Reminder {
        id: ReminderId::derive(&[action.id.as_str()]),
        text: text.to_owned(),
        due,
        satellite,
        origin: Origin {
            person: person_of(action).cloned(),
            memories: carried(hub, action, text).await?,
            ..action.origin.clone()
        },
        fired_at: None,
    };
    changes.create(&reminder)?;
    changes.audit(
        now,
        &action.proposer,
        "reminder.set",
        json!({"reminder": reminder.id, "due": due, "action": action.id}),
    );
    Ok(Ok(json!({"reminder": reminder.id, "due": due})))
}

/// Of the memories whose words the action may carry, those whose words are in the reminder itself. It lies there for
/// long, and would be lost with any of them.
async fn carried(hub: &Hub, action: &Action, text: &str) -> Result<Vec<MemoryId>, StepError> {
    let event = match &action.origin.event {
        Some(id) => hub.load::<Event>(&event_key(id)).await?.map(|stored| stored.value),
        None => None,
    };
    let said = event.as_ref().and_then(Event::text).unwrap_or_default();
    let mut carried = Vec::new();
    for id in &action.origin.memories {
        let Some(memory) = hub.load::<Memory>(&memory_key(id)).await? else { continue };
        let of_it = memory.value.evidence.iter().any(|evidence| Some(&evidence.event) == action.origin.event.as_ref());
        if has_words_of(text, &memory.value.content, if of_it { "" } else { said }) {
            carried.push(id.clone());
        }
    }
    Ok(carried)
}
