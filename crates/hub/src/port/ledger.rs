//! Facts and state: one table, shaped like DynamoDB's, with an outbox and audit rows in the same transaction.

use super::{Cause, Notification};
use async_trait::async_trait;
use marvain_domain::{
    AuditDraft, Timestamp,
    id::{DeliveryId, DeviceName, MemoryId, OutboxId, PersonId, SatelliteId},
    identity::PushAddress,
};
use marvain_topics::{Queue, ShadowName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long an applied delivery is remembered, in seconds: a repetition within that time has no effect.
pub const DELIVERY_MEMORY_S: u64 = 30 * 24 * 3600;

/// Primary key of a record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Within the partition.
    pub sk: String,
}

/// Place of a record in a secondary index; sort keys need not be unique.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexKey {
    /// Partition.
    pub pk: String,
    /// Within the partition.
    pub sk: String,
}

/// Where to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Index {
    /// By primary key.
    Primary,
    /// By list: all records of a sort, in an order that people like.
    List,
    /// By due time: what has to be looked at, sparse.
    Due,
}

/// A stored record.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Key.
    pub key: Key,
    /// 1 after the first write, and 1 more with each.
    pub version: u64,
    /// Place in [`Index::List`].
    pub list: Option<IndexKey>,
    /// Place in [`Index::Due`].
    pub due: Option<IndexKey>,
    /// When it may be dropped; until then it is there.
    pub expires_at: Option<Timestamp>,
    /// The record itself.
    pub body: Value,
}

/// What must be so for a write to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// No such record.
    Absent,
    /// The record in this version.
    Version(u64),
    /// Anything.
    Any,
}

/// One write.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// Writes a record whole.
    Put {
        /// Key.
        key: Key,
        /// Place in [`Index::List`].
        list: Option<IndexKey>,
        /// Place in [`Index::Due`].
        due: Option<IndexKey>,
        /// When it may be dropped.
        expires_at: Option<Timestamp>,
        /// The record.
        body: Value,
        /// Condition.
        expect: Expect,
    },
    /// Removes a record.
    Delete {
        /// Key.
        key: Key,
        /// Condition.
        expect: Expect,
    },
}

/// What a commit wants done in the world once it is durable. Every effect may be carried out more than once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A hop to another step of the hub.
    Hop {
        /// Which step.
        #[serde(with = "queue_name")]
        queue: Queue,
        /// What it gets.
        body: Value,
    },
    /// Tells a satellite the keys that `desired` has, in the desired state of a named shadow: with the values that are so
    /// when it is carried out, for it may be carried out late.
    Shadow {
        /// Whose.
        satellite: SatelliteId,
        /// Which.
        #[serde(with = "shadow_name")]
        name: ShadowName,
        /// A patch with the keys to tell. What it has as values is not told.
        desired: Value,
    },
    /// Revokes a certificate and ends its live connections.
    Revoke {
        /// Which.
        certificate_id: String,
    },
    /// Takes a memory out of recall.
    Erase {
        /// Which.
        memory: MemoryId,
    },
    /// Tells somebody on one of their devices that an action waits for them.
    Push {
        /// Whom.
        person: PersonId,
        /// On which.
        device: DeviceName,
        /// What.
        notification: Notification,
    },
    /// Has a push service reach a device no more.
    Unpush {
        /// Where it reached it.
        address: PushAddress,
    },
}

mod queue_name {
    use marvain_topics::Queue;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(queue: &Queue, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(queue.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Queue, D::Error> {
        let name = String::deserialize(d)?;
        Queue::from_name(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is no queue")))
    }
}

mod shadow_name {
    use marvain_topics::ShadowName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(name: &ShadowName, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<ShadowName, D::Error> {
        let name = String::deserialize(d)?;
        let known = ShadowName::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| D::Error::custom(format!("`{name}` is no shadow")))
    }
}

/// All that one delivery or one request changes: applied whole or not at all, and once per id.
#[derive(Clone, PartialEq, Debug)]
pub struct Commit {
    /// Whose consequence it is.
    pub id: DeliveryId,
    /// When.
    pub at: Timestamp,
    /// Records; at most 50, keys distinct.
    pub writes: Vec<Write>,
    /// Effects, in order.
    pub effects: Vec<Effect>,
    /// Audit entries, in order.
    pub audit: Vec<AuditDraft>,
}

/// What became of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// It is applied and durable.
    Applied,
    /// A commit of this id was applied before; this one changed nothing.
    Repeated,
}

/// An effect that is not known to be carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Outgoing {
    /// Id, derived from the commit's and its place in it.
    pub id: OutboxId,
    /// What to do.
    pub effect: Effect,
    /// Since when it waits.
    pub at: Timestamp,
}

impl Commit {
    /// The effects as the outbox holds them, in order. Their ids follow from the commit's.
    pub fn outgoing(&self) -> Vec<Outgoing> {
        let outgoing = |(place, effect): (usize, &Effect)| Outgoing {
            id: OutboxId::derive(&[self.id.as_str(), &place.to_string()]),
            effect: effect.clone(),
            at: self.at,
        };
        self.effects.iter().enumerate().map(outgoing).collect()
    }
}

/// What to look for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Where.
    pub index: Index,
    /// Partition.
    pub pk: String,
    /// Only sort keys that begin so.
    pub prefix: String,
    /// Only sort keys up to this one, if any: for what is due.
    pub through: Option<String>,
    /// Largest first.
    pub descending: bool,
    /// At most so many, 1 to 1,000.
    pub limit: usize,
    /// Goes on behind an earlier page.
    pub after: Option<String>,
}

/// Records, and where to go on.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// In order.
    pub records: Vec<Record>,
    /// Opaque; none at the end.
    pub next: Option<String>,
}

/// An audit draft that is not sealed yet.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditRow {
    /// The ledger's own id for the row; grows in the order of commits.
    pub row: u64,
    /// Its place in the log, once it has one.
    pub seq: Option<u64>,
    /// What it says.
    pub draft: AuditDraft,
}

/// The newest sealed state of the audit log, as the ledger knows it: what a rollback of the vault is measured against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why the ledger did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A condition did not hold: somebody was faster. Gather again and decide again.
    #[error("record `{pk}` `{sk}` has changed meanwhile")]
    Conflict {
        /// Partition.
        pk: String,
        /// Within it.
        sk: String,
    },
    /// [`Query::after`] is not where a page of this query ended.
    #[error("a page's cursor does not belong to this query")]
    Cursor,
    /// It cannot be done now; it may be later.
    #[error("the ledger cannot be reached or written now")]
    Unavailable(#[source] Cause),
    /// What is stored, or asked, makes no sense.
    #[error("the ledger is asked for the impossible, or holds it: {0}")]
    Bug(String),
}

/// Facts and state.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// One record. Reads see every commit that was acknowledged before.
    async fn get(&self, key: &Key) -> Result<Option<Record>, LedgerError>;
    /// Records in order.
    async fn query(&self, query: &Query) -> Result<Page, LedgerError>;
    /// Was a commit of this id applied within [`DELIVERY_MEMORY_S`]?
    async fn is_applied(&self, id: &DeliveryId) -> Result<bool, LedgerError>;
    /// Applies a commit. Returns once it is durable.
    async fn commit(&self, commit: Commit) -> Result<Committed, LedgerError>;
    /// Effects not yet confirmed by [`Ledger::sent`], oldest first.
    async fn outbox(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError>;
    /// These are carried out.
    async fn sent(&self, ids: &[OutboxId]) -> Result<(), LedgerError>;
    /// Audit rows not yet sealed, in the order of their sequence numbers, then of their commits.
    async fn unsealed(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError>;
    /// The last of them, in the same order.
    async fn unsealed_last(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError>;
    /// Gives rows the sequence numbers from `first` on. A conflict if `first` is not the next number.
    async fn sequence(&self, first: u64, rows: &[u64]) -> Result<(), LedgerError>;
    /// Everything below `head.size` is sealed: its rows may go. A conflict if a larger head is known.
    async fn seal(&self, head: &Head) -> Result<(), LedgerError>;
    /// The newest head.
    async fn head(&self) -> Result<Option<Head>, LedgerError>;
    /// Drops expired records and forgotten delivery ids; says how many.
    async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError>;
}
