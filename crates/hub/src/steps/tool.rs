//! What the hub does to its own records when an action says so.

use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{event_key, memory_key},
    hub::Hub,
    port::Effect,
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, Outcome},
    event::Event,
    id::{MemoryId, ReminderId, SatelliteId},
    memory::{Memory, MemoryChange, change},
    plan::{MEMORY_FORGET, REMINDER_SET},
    reminder::{REMINDER_AHEAD_S_MAX, Reminder},
};
use marvain_topics::Queue;
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
    let Some(known) = hub.satellite(&satellite).await? else {
        return Ok(Err(format!("no satellite `{satellite}`")));
    };
    let reminder = Reminder {
        id: ReminderId::derive(&[action.id.as_str()]),
        text: arg(action, "text").to_owned(),
        due,
        satellite,
        space: known.value.space,
        person: action.origin.person.clone(),
        event: action.origin.event.clone(),
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

impl Hub {
    /// Forgets a memory and the words it rests on: the record keeps its lineage, recall and the events lose the words.
    pub(crate) async fn forget_memory(
        &self,
        id: &MemoryId,
        by: &Principal,
        now: Timestamp,
        changes: &mut Changes,
    ) -> Result<Result<(), String>, StepError> {
        let Some(stored) = self.load::<Memory>(&memory_key(id)).await? else {
            return Ok(Err(format!("no memory `{id}`")));
        };
        let gone = match change(&stored.value, &MemoryChange::Forget, by, now) {
            Ok(gone) => gone,
            Err(e) => return Ok(Err(e.to_string())),
        };
        changes.replace(&stored, &gone)?;
        for evidence in &stored.value.evidence {
            let event = self.load::<Event>(&event_key(&evidence.event)).await?;
            if let Some(event) = event.filter(|event| event.value.body.is_some()) {
                changes.replace(&event, &event.value.redact())?;
            }
        }
        changes.effects.push(Effect::Erase { memory: id.clone() });
        changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": id}) });
        Ok(Ok(()))
    }
}
