//! Records in indexes: an entry for each place, an item of its own that says which record is there.
//!
//! Entries change in the transaction that changes their records. A transaction that has no room for them (it takes 100 items)
//! spills: for each partition of an index it writes one item that lists the places it touches, and whoever reads that partition
//! puts the entries right before anything else; the committer itself does it at once. Putting right is safe for any number of
//! helpers at any time: an entry is written or removed in one transaction with a check that its record is still what was read.

use super::{
    DynamoLedger,
    attempt::{Tries, Why},
    item::{Stored, expire, text, text_of},
    keys::{self, Listing, Place},
    op::{Condition, Op},
    table::{Cancelled, Part},
};
use marvain_hub::port::{IndexKey, Key, LedgerError};
use std::collections::{BTreeMap, HashMap};

/// Most operations in one transaction (Amazon DynamoDB Developer Guide, "Amazon DynamoDB Transactions: How it works").
pub(super) const OPS_MAX: usize = 100;
/// Spills that are looked at in one read.
const SPILLS_PAGE: usize = 10;
/// Record that an entry is of.
const OF: (&str, &str) = ("of_pk", "of_sk");
/// Places that a spill lists, as JSON.
const PLACES: &str = "places";

/// What a write means for the entries of its record.
pub(super) fn changes(old: Option<&Stored>, new: Option<&Stored>) -> Vec<(Place, Op)> {
    let mut changes = Vec::new();
    for index in Listing::ALL {
        let place = |record: Option<&Stored>| record.and_then(|record| place(index, record));
        let (from, to) = (place(old), place(new));
        let expiry = |record: Option<&Stored>| record.and_then(|record| record.expires_at);
        if from == to && expiry(old) == expiry(new) {
            continue;
        }
        if let Some(from) = from.filter(|from| Some(from) != to.as_ref()) {
            let gone = Op::Delete(from.entry(), Condition::Any);
            changes.push((from, gone));
        }
        if let (Some(to), Some(new)) = (to, new) {
            let made = entry(&to, new);
            changes.push((to, made));
        }
    }
    changes
}

fn place(index: Listing, record: &Stored) -> Option<Place> {
    let at = match index {
        Listing::List => &record.list,
        Listing::Due => &record.due,
    };
    let IndexKey { pk, sk } = at.clone()?;
    Some(Place { index, pk, sk, key: record.key.clone() })
}

/// An entry goes when its record does, so that what expires leaves nothing behind.
fn entry(place: &Place, record: &Stored) -> Op {
    let mut item = keys::attributes(&place.entry());
    item.insert(OF.0.to_owned(), text(place.key.pk.clone()));
    item.insert(OF.1.to_owned(), text(place.key.sk.clone()));
    expire(&mut item, record.expires_at);
    Op::Put(item, Condition::Any)
}

/// Record that an entry is of.
pub(super) fn of(entry: &super::item::Item) -> Result<Key, LedgerError> {
    Ok(Key { pk: text_of(entry, OF.0)?.to_owned(), sk: text_of(entry, OF.1)?.to_owned() })
}

/// What a spill lists of a place.
type Listed = (String, String, String);

/// Items that stand for changes of entries until these are made; `call` tells them from others'.
pub(super) fn spill(changes: &[(Place, Op)], call: &str) -> Result<Vec<Op>, LedgerError> {
    let mut parts: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for (Place { index, pk, sk, key }, _) in changes {
        parts.entry(index.spills(pk)).or_default().push((sk.clone(), key.pk.clone(), key.sk.clone()));
    }
    let item = |(pk, listed): (String, Vec<Listed>)| {
        let listed = serde_json::to_string(&listed).map_err(|e| LedgerError::Bug(e.to_string()))?;
        let mut item = keys::attributes(&Key { pk, sk: call.to_owned() });
        item.insert(PLACES.to_owned(), text(listed));
        Ok(Op::Put(item, Condition::Any))
    };
    parts.into_iter().map(item).collect()
}

impl DynamoLedger {
    /// Makes the entries of one partition of an index what its spills say. Then they are complete for reading.
    pub(super) async fn settle_spills(&self, index: Listing, pk: &str) -> Result<(), LedgerError> {
        let part = Part::all(index.spills(pk));
        loop {
            let (spills, _) = self.table.page(&part, SPILLS_PAGE).await?;
            if spills.is_empty() {
                return Ok(());
            }
            for spill in spills {
                let listed: Vec<Listed> = serde_json::from_str(text_of(&spill, PLACES)?)
                    .map_err(|e| LedgerError::Bug(format!("spill in `{}`: {e}", part.pk)))?;
                let place =
                    |(sk, of_pk, of_sk)| Place { index, pk: pk.to_owned(), sk, key: Key { pk: of_pk, sk: of_sk } };
                self.put_right(listed.into_iter().map(place).collect()).await?;
                let done = Key { pk: part.pk.clone(), sk: text_of(&spill, keys::SK)?.to_owned() };
                self.table.delete_all(&[done]).await?;
            }
        }
    }

    /// Writes the entries of those places that are their records', and removes the others.
    async fn put_right(&self, places: Vec<Place>) -> Result<(), LedgerError> {
        let mut by_record: HashMap<Key, Vec<Place>> = HashMap::new();
        for place in places {
            by_record.entry(place.key.clone()).or_default().push(place);
        }
        // A record is checked once, however many of its places are put right.
        let records: Vec<(Key, Vec<Place>)> = by_record.into_iter().collect();
        for some in records.chunks(OPS_MAX / 4) {
            self.put_some_right(some).await?;
        }
        Ok(())
    }

    /// Puts so few right that they fit into a transaction: a record has at most three places in one spill, for a commit
    /// takes it from one place to another.
    async fn put_some_right(&self, records: &[(Key, Vec<Place>)]) -> Result<(), LedgerError> {
        let keys: Vec<Key> = records.iter().map(|(key, _)| keys::record(key)).collect();
        let mut tries = Tries::new("entries", &self.table.dice);
        loop {
            let items = self.table.get_all(&keys).await?;
            let mut ops = Vec::new();
            for (key, places) in records {
                let record = items.get(&keys::record(key)).map(Stored::read).transpose()?;
                ops.push(Op::Check(keys::record(key), Condition::unchanged(record.as_ref())));
                ops.extend(places.iter().map(|place| match &record {
                    Some(record) if place.is_of([record.list.as_ref(), record.due.as_ref()]) => entry(place, record),
                    _ => Op::Delete(place.entry(), Condition::Any),
                }));
            }
            match self.table.transact(&ops, &self.call()).await {
                Ok(()) => return Ok(()),
                Err(Cancelled::Conflict(said)) => tries.again(Why::Conflict, said).await?,
                Err(Cancelled::Conditions(_)) => tries.again(Why::Conflict, "a record changed".to_owned()).await?,
                Err(Cancelled::Failed(error)) => return Err(error),
            }
        }
    }
}
