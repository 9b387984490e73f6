//! What a use case has decided, on its way to becoming a commit.

use crate::{
    entity::Entity,
    port::{Commit, Effect, Expect, LedgerError, Write},
};
use marvain_domain::{AuditDraft, Principal, Timestamp, id::DeliveryId};
use serde_json::Value;

/// A record that was read, with the version that a change to it must still find.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// The record.
    pub value: T,
    /// Its version.
    pub version: u64,
}

/// Rows, effects and audit entries that belong together.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Changes {
    /// Rows.
    pub(crate) writes: Vec<Write>,
    /// Effects, in order.
    pub(crate) effects: Vec<Effect>,
    /// Audit entries, in order.
    pub(crate) audit: Vec<AuditDraft>,
}

impl Changes {
    /// Writes a record that must not be there yet.
    pub(crate) fn create<T: Entity>(&mut self, value: &T) -> Result<(), LedgerError> {
        self.put(value, Expect::Absent)
    }

    /// Replaces a record that was read.
    pub(crate) fn replace<T: Entity>(&mut self, old: &Stored<T>, value: &T) -> Result<(), LedgerError> {
        self.put(value, Expect::Version(old.version))
    }

    /// Replaces a record if it was there, else creates it; somebody else's change in between is a conflict.
    pub(crate) fn upsert<T: Entity>(&mut self, old: Option<&Stored<T>>, value: &T) -> Result<(), LedgerError> {
        self.put(value, old.map_or(Expect::Absent, |old| Expect::Version(old.version)))
    }

    /// Removes a record that was read.
    pub(crate) fn remove<T: Entity>(&mut self, old: &Stored<T>) {
        self.writes.push(Write::Delete { key: old.value.key(), expect: Expect::Version(old.version) });
    }

    fn put<T: Entity>(&mut self, value: &T, expect: Expect) -> Result<(), LedgerError> {
        let key = value.key();
        let body = serde_json::to_value(value)
            .map_err(|e| LedgerError::Bug(format!("record `{}` `{}` has no JSON form: {e}", key.pk, key.sk)))?;
        let (list, due, expires_at) = (value.list(), value.due(), value.expires_at());
        self.writes.push(Write::Put { key, list, due, expires_at, body, expect });
        Ok(())
    }

    /// Adds an audit entry.
    pub(crate) fn audit(&mut self, at: Timestamp, actor: &Principal, kind: &str, data: Value) {
        self.audit_for(at, actor, Vec::new(), kind, data);
    }

    /// Adds an audit entry of somebody who acts for others.
    pub(crate) fn audit_for(
        &mut self,
        at: Timestamp,
        actor: &Principal,
        on_behalf_of: Vec<Principal>,
        kind: &str,
        data: Value,
    ) {
        self.audit.push(AuditDraft { at, actor: actor.clone(), on_behalf_of, kind: kind.to_owned(), data });
    }

    /// The commit of these changes as the consequence of `id`.
    pub(crate) fn into_commit(self, id: DeliveryId, at: Timestamp) -> Commit {
        Commit { id, at, writes: self.writes, effects: self.effects, audit: self.audit }
    }
}
