//! The oracle: an independent record of what was committed, spooled, acknowledged and executed, and the invariants over it.
//!
//! It is told of everything at the boundaries and trusts nothing that the hub concludes. Facts that change while an
//! operation runs may be seen either way; only what has stood unchanged since the operation began is held against it.

mod actions;
mod audit;
mod events;
mod quiet;
mod satellites;

pub(crate) use actions::may_approve;
pub(crate) use audit::check_log;
pub(crate) use quiet::Quiet;

use marvain_domain::{
    AuditDraft, Timestamp,
    action::{ArgsHash, Invocation},
    id::{ActionId, DeliveryId, EventId, PersonId, SatelliteId},
};
use marvain_hub::{
    entity::{action_key, satellite_key, space_key},
    port::{Commit, Delivery, Effect, Key, Outgoing, Write},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) detail: String,
}

/// A check's answer.
pub(crate) type Held = Result<(), Violation>;

pub(crate) fn violated(invariant: &'static str, detail: impl Into<String>) -> Held {
    Err(Violation { invariant, detail: detail.into() })
}

/// A record as it was last written.
struct Row {
    body: Value,
    /// The commit that wrote it, counted from 1.
    commit: u64,
}

/// What a satellite has put into its spool.
#[derive(Clone, Debug)]
struct Spooled {
    satellite: SatelliteId,
    text: Option<String>,
    durable: bool,
}

#[derive(Default)]
pub(crate) struct Oracle {
    first: Option<Violation>,
    counts: BTreeMap<&'static str, u64>,
    rows: BTreeMap<Key, Row>,
    commits: u64,
    drafts: Vec<AuditDraft>,
    /// Applied deliveries, and the kinds of audit entries that they left.
    applied: BTreeMap<DeliveryId, Vec<String>>,
    hops: BTreeMap<DeliveryId, String>,
    /// Operations of the hub under way: how many commits there were when each began.
    windows: BTreeMap<u64, u64>,
    approvals: BTreeSet<(ActionId, String, PersonId)>,
    spooled: BTreeMap<EventId, Spooled>,
    /// Of those, what a crash may still take.
    unsynced: BTreeMap<SatelliteId, Vec<EventId>>,
    spoken: BTreeMap<EventId, PersonId>,
    /// Deliveries that carry an event.
    carried: BTreeMap<EventId, BTreeSet<DeliveryId>>,
    executions: BTreeMap<ActionId, u64>,
    /// What each action was to do when it was proposed.
    proposed: BTreeMap<ActionId, Invocation>,
    /// Markers that forgotten memories had.
    forgotten: BTreeSet<String>,
    /// Satellites that were ever revoked.
    revoked: BTreeSet<SatelliteId>,
}

impl Oracle {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Keeps the first violation.
    pub(crate) fn note(&mut self, held: Held) {
        if let Err(violation) = held {
            self.first.get_or_insert(violation);
        }
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.first.clone()
    }

    pub(crate) fn begin(&mut self, task: u64) {
        self.windows.insert(task, self.commits);
    }

    pub(crate) fn end(&mut self, task: u64) {
        self.windows.remove(&task);
    }

    pub(crate) fn approval(&mut self, action: &ActionId, hash: &ArgsHash, person: &PersonId) {
        self.approvals.insert((action.clone(), hash.to_string(), person.clone()));
    }

    /// The ledger has applied this.
    pub(crate) fn committed(&mut self, commit: &Commit) {
        self.commits += 1;
        self.count("commits");
        let kinds = commit.audit.iter().map(|draft| draft.kind.clone()).collect();
        if self.applied.insert(commit.id.clone(), kinds).is_some() {
            self.note(violated("a delivery takes effect once", format!("{} took effect again", commit.id)));
        }
        for write in &commit.writes {
            let held = self.written(write);
            self.note(held);
        }
        for Outgoing { id, effect, at } in commit.outgoing() {
            if let Effect::Hop { queue, body } = effect {
                let hop = Delivery::hop(queue, id.as_str(), at, &body);
                self.hops.insert(hop.id, format!("{} {body}", queue.name()));
            }
        }
        self.drafts.extend(commit.audit.iter().cloned());
    }

    fn written(&mut self, write: &Write) -> Held {
        let (key, body) = match write {
            Write::Put { key, body, .. } => (key, body),
            Write::Delete { key, .. } => {
                self.rows.remove(key);
                return Ok(());
            }
        };
        let row = Row { body: body.clone(), commit: self.commits };
        let old = self.rows.insert(key.clone(), row).map(|row| row.body);
        match key.sk.as_str() {
            "action" => self.action_written(old.as_ref(), body),
            "event" => self.event_written(old.as_ref(), body),
            "memory" => self.memory_written(old.as_ref(), body),
            "commands" => self.open_commands_written(body),
            "satellite" => self.satellite_written(body),
            _ => Ok(()),
        }
    }

    fn row<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        parsed(&self.rows.get(key)?.body)
    }

    /// A record, if it has stood since before every operation under way began.
    fn settled<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let row = self.rows.get(key)?;
        let began = self.windows.values().min().copied().unwrap_or(self.commits);
        (row.commit <= began).then(|| parsed(&row.body)).flatten()
    }

    /// One record of a sort, if there is one whose JSON is such.
    pub(crate) fn any(&self, sk: &str, such: impl Fn(&Value) -> bool) -> Option<String> {
        self.rows.iter().find(|(key, row)| key.sk == sk && such(&row.body)).map(|(_, row)| row.body.to_string())
    }

    /// All records of a sort, in the order of their keys.
    pub(crate) fn all<T: DeserializeOwned>(&self, sk: &str) -> Vec<T> {
        self.rows.iter().filter(|(key, _)| key.sk == sk).filter_map(|(_, row)| parsed(&row.body)).collect()
    }

    pub(crate) fn action(&self, id: &ActionId) -> Option<marvain_domain::action::Action> {
        self.row(&action_key(id))
    }

    pub(crate) fn person(&self, id: &PersonId) -> Option<marvain_domain::identity::Person> {
        self.row(&marvain_hub::entity::person_key(id))
    }

    fn satellite(&self, id: &SatelliteId) -> Option<marvain_domain::identity::Satellite> {
        self.row(&satellite_key(id))
    }

    /// Has privacy mode been on there since before the hub began with anything it is doing?
    fn is_surely_private(&self, space: Option<&marvain_domain::id::SpaceId>) -> bool {
        let space = space.and_then(|id| self.settled::<marvain_domain::identity::Space>(&space_key(id)));
        space.is_some_and(|space| space.is_private())
    }
}

fn parsed<T: DeserializeOwned>(body: &Value) -> Option<T> {
    T::deserialize(body).ok()
}

/// How long after its expiry, by true time, a satellite may still begin a command.
pub(crate) fn is_too_late(expires_at: Timestamp, now: Timestamp) -> bool {
    now.ms_since(expires_at) > crate::satellite::SKEW_MS_MAX
}
