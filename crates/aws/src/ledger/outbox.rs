//! The outbox: what commits want done. The effects of a commit lie in one item, or as few as hold them.
//!
//! An effect is confirmed by its id, which follows from the commit's and does not tell where it lies. A process remembers where
//! it has written or read one, for who confirms an effect has committed it or read it before; what it does not remember it looks
//! for.

use super::{
    DynamoLedger,
    attempt::ask,
    item::{Item, number, number_of, text, text_of},
    keys::{self, OUTBOX, PK, SK},
    pack,
    table::{Part, some_at_once},
};
use aws_sdk_dynamodb::types::ReturnValue;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, OutboxId},
};
use marvain_hub::port::{Commit, Key, LedgerError, Outgoing};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Most effects in one item.
const PACK_EFFECTS_MAX: usize = 1000;
/// Items in one page.
const PAGE_ITEMS: usize = 250;
/// Most texts taken out by one request: an expression has 4 KB at most (Amazon DynamoDB Developer Guide, "Quotas").
const REMOVED_AT_ONCE_MAX: usize = 200;
/// Most effects whose place a process remembers.
const KNOWN_EFFECTS_MAX: usize = 50_000;
const COMMIT: &str = "commit";
const AT: &str = "at";

/// Where an effect lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Where {
    sk: String,
    number: u64,
    /// How many are there with it, itself included.
    of: usize,
}

/// What a process remembers.
pub(super) type Known = HashMap<OutboxId, Where>;

fn id(commit: &str, number: u64) -> OutboxId {
    OutboxId::derive(&[commit, &number.to_string()])
}

/// Items of a commit's effects, given as JSON.
pub(super) fn items(commit: &Commit, effects: &[String]) -> Vec<Item> {
    let mut first = 0;
    let packs = pack::split(effects, PACK_EFFECTS_MAX).into_iter().enumerate();
    let item = packs.map(|(number_of_item, texts)| {
        let mut item = keys::attributes(&keys::outbox(commit.at, &commit.id, number_of_item));
        item.insert(COMMIT.to_owned(), text(commit.id.as_str()));
        item.insert(AT.to_owned(), number(commit.at.as_ms()));
        pack::fill(&mut item, texts, first);
        first += texts.len() as u64;
        item
    });
    item.collect()
}

/// The effects in an item, in order, and where they lie.
fn outgoing(item: &Item) -> Result<Vec<(Outgoing, Where)>, LedgerError> {
    let commit: DeliveryId =
        text_of(item, COMMIT)?.parse().map_err(|error| LedgerError::Bug(format!("outbox: {error}")))?;
    let at = Timestamp::from_ms(number_of(item, AT)?);
    let sk = text_of(item, SK)?;
    let texts = pack::texts(item);
    let of = texts.len();
    let effect = |(number, effect): (u64, &str)| {
        let effect = serde_json::from_str(effect).map_err(|e| LedgerError::Bug(format!("effect in `{sk}`: {e}")))?;
        let id = id(commit.as_str(), number);
        Ok((Outgoing { id, effect, at }, Where { sk: sk.to_owned(), number, of }))
    };
    texts.into_iter().map(effect).collect()
}

impl DynamoLedger {
    /// Remembers where the effects of a commit lie that this process has applied.
    pub(super) fn remember(&self, commit: &Commit, effects: &[String]) {
        let (mut first, mut known) = (0, Vec::new());
        for (number_of_item, texts) in pack::split(effects, PACK_EFFECTS_MAX).into_iter().enumerate() {
            let Key { sk, .. } = keys::outbox(commit.at, &commit.id, number_of_item);
            let numbers = (first..).take(texts.len());
            let place = |number| Where { sk: sk.clone(), number, of: texts.len() };
            known.extend(numbers.map(|number| (id(commit.id.as_str(), number), place(number))));
            first += texts.len() as u64;
        }
        self.know(known);
    }

    fn know(&self, more: Vec<(OutboxId, Where)>) {
        let mut known = self.known.lock();
        if known.len() + more.len() > KNOWN_EFFECTS_MAX {
            known.clear();
        }
        known.extend(more.into_iter().take(KNOWN_EFFECTS_MAX));
    }

    pub(super) async fn waiting_effects(&self, limit: usize) -> Result<Vec<Outgoing>, LedgerError> {
        let (mut found, mut known) = (Vec::new(), Vec::new());
        if limit == 0 {
            return Ok(found);
        }
        self.table
            .walk(Part::all(OUTBOX), limit.min(PAGE_ITEMS), |item| {
                for (outgoing, place) in outgoing(&item)? {
                    known.push((outgoing.id.clone(), place));
                    found.push(outgoing);
                }
                Ok(found.len() < limit)
            })
            .await?;
        self.know(known);
        found.truncate(limit);
        Ok(found)
    }

    pub(super) async fn confirm(&self, ids: &[OutboxId]) -> Result<(), LedgerError> {
        let ids: HashSet<&OutboxId> = ids.iter().collect();
        let mut places = self.places_of(&ids).await?;
        let mut by_item: HashMap<String, (BTreeSet<u64>, usize)> = HashMap::new();
        for Where { sk, number, of } in places.drain(..) {
            let (numbers, all) = by_item.entry(sk).or_default();
            numbers.insert(number);
            *all = (*all).max(of);
        }
        let (whole, parts): (Vec<_>, Vec<_>) =
            by_item.into_iter().partition(|(_, (numbers, all))| numbers.len() == *all);
        let mut empty: Vec<Key> = whole.into_iter().map(|(sk, _)| Key { pk: OUTBOX.to_owned(), sk }).collect();
        let parts = parts.into_iter().map(|(sk, (numbers, _))| self.take_out(sk, numbers)).collect();
        let left: Vec<Option<Key>> = some_at_once(parts).await?;
        empty.extend(left.into_iter().flatten());
        self.table.delete_all(&empty).await?;
        let mut known = self.known.lock();
        ids.into_iter().for_each(|id| drop(known.remove(id)));
        Ok(())
    }

    /// Where these effects lie, as far as they still wait.
    async fn places_of(&self, ids: &HashSet<&OutboxId>) -> Result<Vec<Where>, LedgerError> {
        let (mut places, mut missing) = (Vec::new(), HashSet::new());
        {
            let known = self.known.lock();
            for id in ids {
                match known.get(*id) {
                    Some(place) => places.push(place.clone()),
                    None => drop(missing.insert(*id)),
                }
            }
        }
        if missing.is_empty() {
            return Ok(places);
        }
        self.table
            .walk(Part::all(OUTBOX), PAGE_ITEMS, |item| {
                for (outgoing, place) in outgoing(&item)? {
                    if missing.remove(&outgoing.id) {
                        places.push(place);
                    }
                }
                Ok(!missing.is_empty())
            })
            .await?;
        Ok(places)
    }

    /// Takes some effects out of an item; gives its key if none is left.
    async fn take_out(&self, sk: String, numbers: BTreeSet<u64>) -> Result<Option<Key>, LedgerError> {
        let key = Key { pk: OUTBOX.to_owned(), sk };
        let left = self.remove_texts(&key, &numbers).await?;
        Ok(left.filter(|item| pack::texts(item).is_empty()).map(|_| key))
    }

    /// Removes texts from an item; gives what is left of it, if it is there.
    pub(super) async fn remove_texts(&self, key: &Key, numbers: &BTreeSet<u64>) -> Result<Option<Item>, LedgerError> {
        let numbers: Vec<u64> = numbers.iter().copied().collect();
        let mut left = None;
        for numbers in numbers.chunks(REMOVED_AT_ONCE_MAX) {
            left = self.remove_some_texts(key, numbers).await?;
        }
        Ok(left)
    }

    async fn remove_some_texts(&self, key: &Key, numbers: &[u64]) -> Result<Option<Item>, LedgerError> {
        let aliases: Vec<String> = numbers.iter().map(|number| format!("#{}", pack::name(*number))).collect();
        let mut update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(keys::attributes(key)))
            .update_expression(format!("REMOVE {}", aliases.join(", ")))
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .return_values(ReturnValue::AllNew);
        for (alias, number) in aliases.into_iter().zip(numbers) {
            update = update.expression_attribute_names(alias, pack::name(*number));
        }
        let left = ask("UpdateItem", &self.table.dice, || update.clone().send()).await?;
        Ok(left.and_then(|left| left.attributes))
    }
}
