//! What must hold once all faults are over and everything has come to rest.

use super::{Held, Oracle, events::markers, violated};
use marvain_domain::{
    action::{Action, ActionState, Target},
    event::Event,
    id::{MemoryId, SatelliteId},
    identity::{Satellite, SatelliteStatus, Space},
    memory::{Memory, MemoryState},
};
use marvain_hub::entity::{OpenCommands, PresenceOf};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the rest of the world stands.
pub(crate) struct Quiet {
    /// What recall can find, and the words it was told.
    pub(crate) recall_ids: Vec<MemoryId>,
    pub(crate) recall_words: BTreeMap<MemoryId, String>,
    /// Each satellite's shadows `commands` and `config`, and its presence by the broker.
    pub(crate) shadows: BTreeMap<SatelliteId, (Value, Value, (u64, bool))>,
}

impl Oracle {
    pub(crate) fn check_quiet(&self, quiet: &Quiet) -> Held {
        self.events_arrived()?;
        self.hops_taken()?;
        self.actions_ended()?;
        self.recall_follows(quiet)?;
        self.forgotten_is_gone()?;
        self.shadows_clear(quiet)
    }

    /// Every durably spooled event is recorded, or suppressed, or refused because its satellite was revoked.
    fn events_arrived(&self) -> Held {
        for (event, spooled) in self.spooled.iter().filter(|(_, spooled)| spooled.durable) {
            let recorded = self.rows.contains_key(&marvain_hub::entity::event_key(event));
            let deliveries = self.carried.get(event).into_iter().flatten();
            let left = |wanted: &str| {
                let mut kinds = deliveries.clone().filter_map(|id| self.applied.get(id)).flatten();
                kinds.any(|kind| kind == wanted)
            };
            let excused = self.revoked.contains(&spooled.satellite);
            if !recorded && !left("event.suppressed") && !excused {
                return violated("nothing acknowledged is lost", format!("{event}: {spooled:?}"));
            }
        }
        Ok(())
    }

    /// Every hop that a commit asked for was worked on.
    fn hops_taken(&self) -> Held {
        match self.hops.iter().find(|(id, _)| !self.applied.contains_key(*id)) {
            Some((id, what)) => violated("every effect is carried out", format!("{id} never took effect: {what}")),
            None => Ok(()),
        }
    }

    fn actions_ended(&self) -> Held {
        for action in self.all::<Action>("action") {
            let times = self.executions.get(&action.id).copied().unwrap_or_default();
            let on_satellite = matches!(action.invocation.target, Target::Satellite(_));
            let fits = match action.state {
                ActionState::Succeeded if on_satellite => times == 1,
                ActionState::Succeeded => times == 0,
                // Interrupted, failed, or nobody heard how it went.
                ActionState::Failed | ActionState::TimedOut => times <= 1,
                ActionState::Rejected | ActionState::Expired | ActionState::Canceled => times == 0,
                _ => return violated("every action ends", format!("{action:?}")),
            };
            if !fits {
                return violated("an action ends as it went", format!("ran {times} times: {action:?}"));
            }
        }
        Ok(())
    }

    fn shadows_clear(&self, quiet: &Quiet) -> Held {
        for open in self.all::<OpenCommands>("commands") {
            if !open.actions.is_empty() {
                return violated("no command is left open", format!("{open:?}"));
            }
        }
        let presences: BTreeMap<_, _> =
            self.all::<PresenceOf>("presence").into_iter().map(|of| (of.satellite.clone(), of)).collect();
        let private: BTreeMap<_, _> =
            self.all::<Space>("space").into_iter().map(|space| (space.id.clone(), space.is_private())).collect();
        for satellite in self.all::<Satellite>("satellite") {
            let Some((commands, config, (version, online))) = quiet.shadows.get(&satellite.id) else { continue };
            if commands.as_object().is_some_and(|commands| !commands.is_empty()) {
                return violated("no finished command is left in a shadow", format!("{}: {commands}", satellite.id));
            }
            let on = satellite.space.as_ref().and_then(|space| private.get(space)).copied().unwrap_or_default();
            let told = config.get("privacy").and_then(Value::as_bool).unwrap_or_default();
            if on != told && satellite.status == SatelliteStatus::Active {
                return violated("satellites know privacy mode", format!("{}: {on}, told {told}", satellite.id));
            }
            let known = presences.get(&satellite.id).map(|of| (of.presence.version, of.presence.online));
            if known.unwrap_or_default() != (*version, *online) {
                return violated(
                    "presence follows connections",
                    format!("{}: {version} {online}, known {known:?}", satellite.id),
                );
            }
        }
        Ok(())
    }

    fn recall_follows(&self, quiet: &Quiet) -> Held {
        let memories = self.all::<Memory>("memory");
        let due: BTreeMap<_, _> = memories
            .into_iter()
            .filter(|memory| memory.state.is_recallable())
            .map(|memory| (memory.id, memory.content))
            .collect();
        let mut ids = quiet.recall_ids.clone();
        ids.sort();
        if due != quiet.recall_words || due.keys().ne(ids.iter()) {
            return violated(
                "recall follows the ledger",
                format!("due {due:?}, found {ids:?} as {:?}", quiet.recall_words),
            );
        }
        Ok(())
    }

    /// No record has words that were forgotten: a marker is said once, and comes back only where the hub has put it.
    fn forgotten_is_gone(&self) -> Held {
        const FORGET: &str = "what is forgotten is gone";
        for row in self.rows.values() {
            let kept = row.body.to_string();
            if let Some(marker) = markers(&kept).find(|marker| self.forgotten.contains(*marker)) {
                return violated(FORGET, format!("`{marker}` in {kept}"));
            }
        }
        for memory in self.all::<Memory>("memory") {
            if memory.state == MemoryState::Tombstoned {
                for evidence in &memory.evidence {
                    let event: Option<Event> = self.row(&marvain_hub::entity::event_key(&evidence.event));
                    if event.is_some_and(|event| event.body.is_some()) {
                        return violated(FORGET, format!("the evidence of {} is still there", memory.id));
                    }
                }
            }
        }
        Ok(())
    }
}
