//! Forgetting: a memory loses its words at once, and so does every copy of them.
//!
//! With the memory go the event that it rests on, and what the other memories of that event quote of it. Copies that
//! cannot be found from there are swept up by hops, a part of a list each: actions and reminders that may carry the
//! words, and the memories that this one has replaced. An action that is made while they are swept up is looked at when it
//! is judged, and again when it is dispatched.

use crate::{
    changes::{Changes, Stored},
    deliver::StepError,
    entity::{ACTIONS, REMINDERS, event_key, memories_in, memory_key},
    hub::{Hub, listing},
    port::{Effect, LedgerError, Query},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionState, Step, Target, advance},
    event::Event,
    id::{EventId, MemoryId},
    memory::{Evidence, Memory, MemoryChange, MemoryState, change},
    plan::memories_of,
    reminder::Reminder,
};
use marvain_topics::{Queue, ShadowName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Records in one page of a list.
const PAGE: usize = 25;
/// Records that one sweep may write before it goes on with another.
const SWEEP_WRITES_MAX: usize = 2 * PAGE;
/// Pages that one sweep looks at before it goes on with another.
const SWEEP_PAGES_MAX: usize = 40;

/// What is swept, in this order: a reminder that is set while actions are swept is still found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sweep {
    Actions,
    Reminders,
    Replaced,
}

impl Sweep {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Actions => Some(Self::Reminders),
            Self::Reminders => Some(Self::Replaced),
            Self::Replaced => None,
        }
    }
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
        let events: BTreeSet<EventId> = gone.evidence.into_iter().map(|evidence| evidence.event).collect();
        for event in &events {
            let stored = self.load::<Event>(&event_key(event)).await?;
            if let Some(stored) = stored.filter(|stored| stored.value.body.is_some()) {
                changes.replace(&stored, &stored.value.redact())?;
            }
            for sibling in memories_of(event).filter(|sibling| sibling != id) {
                self.forget_excerpt(&sibling, event, changes).await?;
            }
        }
        changes.effects.push(Effect::Erase { memory: id.clone() });
        changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": id}) });
        changes.effects.push(hop(id, Sweep::Actions, None));
        Ok(Ok(()))
    }

    /// Has this memory been forgotten?
    pub(crate) async fn is_forgotten(&self, id: &MemoryId) -> Result<bool, LedgerError> {
        let memory = self.load::<Memory>(&memory_key(id)).await?;
        Ok(memory.is_some_and(|memory| memory.value.state == MemoryState::Tombstoned))
    }

    async fn forget_excerpt(&self, id: &MemoryId, event: &EventId, changes: &mut Changes) -> Result<(), LedgerError> {
        let Some(stored) = self.load::<Memory>(&memory_key(id)).await? else { return Ok(()) };
        let mut next = stored.value.clone();
        for evidence in next.evidence.iter_mut().filter(|evidence| evidence.event == *event) {
            *evidence = Evidence { excerpt: String::new(), ..evidence.clone() };
        }
        if next != stored.value {
            changes.replace(&stored, &next)?;
        }
        Ok(())
    }
}

/// Sweeps up copies of a forgotten memory's words, a part of one list; a hop goes on with the rest.
pub(super) async fn run(
    hub: &Hub,
    memory: &MemoryId,
    sweep: Sweep,
    mut after: Option<String>,
    now: Timestamp,
) -> Result<Changes, StepError> {
    let mut changes = Changes::default();
    let Some(stored) = hub.load::<Memory>(&memory_key(memory)).await? else { return Ok(changes) };
    if stored.value.state != MemoryState::Tombstoned {
        return Ok(changes);
    }
    for _ in 0..SWEEP_PAGES_MAX {
        let here = after.take();
        after = match sweep {
            Sweep::Actions => actions(hub, memory, here, now, &mut changes).await?,
            Sweep::Reminders => reminders(hub, memory, here, now, &mut changes).await?,
            Sweep::Replaced => match replaced(hub, &stored.value, here, now, &mut changes).await? {
                // One at a time: it is a commit's worth. It leaves the list, so that the sweep begins anew.
                Replaced::Forgotten => {
                    changes.effects.push(hop(memory, sweep, None));
                    return Ok(changes);
                }
                Replaced::None(next) => next,
            },
        };
        if after.is_none() {
            changes.effects.extend(sweep.next().map(|next| hop(memory, next, None)));
            return Ok(changes);
        }
        if changes.writes.len() + PAGE > SWEEP_WRITES_MAX {
            break;
        }
    }
    changes.effects.push(hop(memory, sweep, after));
    Ok(changes)
}

fn hop(memory: &MemoryId, sweep: Sweep, after: Option<String>) -> Effect {
    Effect::Hop { queue: Queue::Memory, body: json!({"memory": memory, "sweep": sweep, "after": after}) }
}

async fn page<T: crate::entity::Entity>(
    hub: &Hub,
    list: &str,
    after: Option<String>,
) -> Result<(Vec<Stored<T>>, Option<String>), LedgerError> {
    hub.list(&Query { after, ..listing(list, PAGE) }).await
}

async fn actions(
    hub: &Hub,
    memory: &MemoryId,
    after: Option<String>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Option<String>, StepError> {
    let (page, next) = page::<Action>(hub, ACTIONS, after).await?;
    for stored in page.iter().filter(|stored| stored.value.origin.memories.contains(memory)) {
        forget_action(stored, memory, now, changes)?;
    }
    Ok(next)
}

async fn reminders(
    hub: &Hub,
    memory: &MemoryId,
    after: Option<String>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Option<String>, StepError> {
    let (page, next) = page::<Reminder>(hub, REMINDERS, after).await?;
    for stored in page.iter().filter(|stored| stored.value.origin.memories.contains(memory)) {
        changes.remove(stored);
        let data = json!({"reminder": stored.value.id, "forgotten": memory});
        changes.audit(now, &Principal::System, "reminder.canceled", data);
    }
    Ok(next)
}

enum Replaced {
    Forgotten,
    None(Option<String>),
}

async fn replaced(
    hub: &Hub,
    heir: &Memory,
    after: Option<String>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Replaced, StepError> {
    let (page, next) = page::<Memory>(hub, &memories_in(MemoryState::Superseded), after).await?;
    for Stored { value: Memory { id, .. }, .. } in
        page.iter().filter(|stored| stored.value.superseded_by.as_ref() == Some(&heir.id))
    {
        if hub.forget_memory(id, &heir.changed_by, now, changes).await?.is_ok() {
            let data = json!({"memory": id, "superseded_by": heir.id});
            changes.audit(now, &heir.changed_by, "memory.tombstoned", data);
            return Ok(Replaced::Forgotten);
        }
    }
    Ok(Replaced::None(next))
}

/// Takes the words of a forgotten memory out of an action: what has not gone out is called off, and a command that lies
/// with a satellite is taken back if it is still there.
pub(super) fn forget_action(
    stored: &Stored<Action>,
    memory: &MemoryId,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), StepError> {
    let action = &stored.value;
    if action.forgotten {
        return Ok(());
    }
    let mut next = action.forget();
    if let Ok(canceled) = advance(&next, Step::Cancel { by: Principal::System }, now) {
        next = canceled;
    }
    changes.replace(stored, &next)?;
    let data = json!({"action": action.id, "args_hash": action.args_hash, "forgotten": memory});
    let kind = if next.state == action.state { "action.forgotten" } else { "action.canceled" };
    changes.audit(now, &Principal::System, kind, data);
    if let (ActionState::Dispatched | ActionState::Acknowledged, Target::Satellite(satellite)) =
        (action.state, &action.invocation.target)
    {
        let desired = json!({(action.id.as_str()): Value::Null});
        changes.effects.push(Effect::Shadow { satellite: satellite.clone(), name: ShadowName::Commands, desired });
    }
    Ok(())
}
