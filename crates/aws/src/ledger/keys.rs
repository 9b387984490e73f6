//! What lies where in the table. Every kind of item has partitions of its own, so that no record's key can be taken for
//! another thing.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | record | `record#` and its partition | its sort key |
//! | entry of a record in an index | `list#` or `due#` and the index's partition | sort key, record's partition and sort key, parted by NUL |
//! | entries still to be made | `spill#` and the partition they belong to | the call |
//! | applied delivery | `applied#` and its id | `applied` |
//! | effects of a commit | `outbox` | time, commit, number of the item |
//! | audit rows of a commit | `audit` | first row |
//! | counter of commits with audit rows | `ticket` | `audit` |
//! | order and head of the audit log | `log` | `head` |

use super::{item::Item, schema::TABLE};
use aws_sdk_dynamodb::types::AttributeValue;
use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::{Index, IndexKey, Key, LedgerError};

/// Partition key.
pub(super) const PK: &str = TABLE.partition.name;
/// Sort key.
pub(super) const SK: &str = TABLE.sort.name;
/// Partition of records, before their own.
pub(super) const RECORD: &str = "record#";
/// Partition of applied deliveries, before the id.
pub(super) const APPLIED: &str = "applied#";
/// Partition of effects that wait.
pub(super) const OUTBOX: &str = "outbox";
/// Partition of audit rows that wait.
pub(super) const AUDIT: &str = TABLE.audit_partition;
/// Longest partition key in bytes (Amazon DynamoDB Developer Guide, "Quotas", partition key length).
const PK_BYTES_MAX: usize = 2048;
/// Longest sort key in bytes (there, sort key length).
const SK_BYTES_MAX: usize = 1024;
/// Parts an entry's sort key: less than any character of a key.
const PARTING: char = '\0';

/// A place of a record in an index.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    /// Which of the two.
    pub(super) index: Listing,
    /// Where in it.
    pub(super) pk: String,
    /// And there.
    pub(super) sk: String,
    /// Whose.
    pub(super) key: Key,
}

/// An index that is not the table itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Listing {
    List,
    Due,
}

impl Listing {
    pub(super) const ALL: [Self; 2] = [Self::List, Self::Due];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Due => "due",
        }
    }

    /// None for the table itself.
    pub(super) const fn of(index: Index) -> Option<Self> {
        match index {
            Index::Primary => None,
            Index::List => Some(Self::List),
            Index::Due => Some(Self::Due),
        }
    }

    /// Partition of the entries of an index's partition.
    pub(super) fn entries(self, pk: &str) -> String {
        format!("{}#{pk}", self.name())
    }

    /// Partition of what is still to become entries there.
    pub(super) fn spills(self, pk: &str) -> String {
        format!("spill#{}#{pk}", self.name())
    }
}

impl Place {
    /// Key of its entry.
    pub(super) fn entry(&self) -> Key {
        let Key { pk, sk } = &self.key;
        Key { pk: self.index.entries(&self.pk), sk: format!("{}{PARTING}{pk}{PARTING}{sk}", self.sk) }
    }

    /// Whether a record with these places is there.
    pub(super) fn is_of(&self, places: [Option<&IndexKey>; 2]) -> bool {
        let [list, due] = places;
        let at = match self.index {
            Listing::List => list,
            Listing::Due => due,
        };
        at.is_some_and(|at| at.pk == self.pk && at.sk == self.sk)
    }
}

/// The largest sort key of an entry whose place is `through` or before.
pub(super) fn entries_through(through: &str) -> String {
    format!("{through}\u{1}")
}

/// Where a record lies.
pub(super) fn record(key: &Key) -> Key {
    Key { pk: format!("{RECORD}{}", key.pk), sk: key.sk.clone() }
}

/// Where it is remembered that a commit was applied.
pub(super) fn applied(id: &DeliveryId) -> Key {
    Key { pk: format!("{APPLIED}{id}"), sk: "applied".to_owned() }
}

/// Where a commit's effects lie, in their order.
pub(super) fn outbox(at: Timestamp, commit: &DeliveryId, number: usize) -> Key {
    Key { pk: OUTBOX.to_owned(), sk: format!("{:015}#{commit}#{number:04}", at.as_ms()) }
}

/// Where audit rows from `base` on lie.
pub(super) fn audit(base: u64) -> Key {
    Key { pk: AUDIT.to_owned(), sk: format!("{base:020}") }
}

/// Counts the commits that have audit rows.
pub(super) fn ticket() -> Key {
    Key { pk: "ticket".to_owned(), sk: "audit".to_owned() }
}

/// The audit log's order and head.
pub(super) fn log() -> Key {
    Key { pk: "log".to_owned(), sk: "head".to_owned() }
}

/// A key as attributes.
pub(super) fn attributes(key: &Key) -> Item {
    [(PK, &key.pk), (SK, &key.sk)].map(|(name, text)| (name.to_owned(), AttributeValue::S(text.clone()))).into()
}

/// Refuses keys that the table cannot hold: without a sort key, too long, or with the character that parts entries.
pub(super) fn check(key: &Key, list: Option<&IndexKey>, due: Option<&IndexKey>) -> Result<(), LedgerError> {
    let wrong = |why: &str| LedgerError::Bug(format!("record `{}` `{}` {why}", key.pk, key.sk));
    let places = [(Listing::List, list), (Listing::Due, due)].into_iter().filter_map(|(index, at)| Some((index, at?)));
    let mut keys = vec![record(key)];
    keys.extend(
        places.map(|(index, IndexKey { pk, sk })| {
            Place { index, pk: pk.clone(), sk: sk.clone(), key: key.clone() }.entry()
        }),
    );
    let texts =
        [Some(key.pk.as_str()), Some(key.sk.as_str()), list.map(|at| at.sk.as_str()), due.map(|at| at.sk.as_str())];
    if texts.into_iter().flatten().any(|text| text.contains(PARTING)) {
        return Err(wrong("has a NUL in a key"));
    }
    if key.sk.is_empty() {
        return Err(wrong("has no sort key"));
    }
    if keys.iter().any(|key| key.pk.len() > PK_BYTES_MAX || key.sk.len() > SK_BYTES_MAX) {
        return Err(wrong("has keys that are too long together"));
    }
    Ok(())
}
