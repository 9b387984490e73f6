//! Audit rows on their way into the log: written by commits, given a place, sealed.
//!
//! The rows of a commit lie in one item, or as few as hold them, under a number that grows with commits. Which row has which
//! place in the log stands in one other item, together with the newest head: a sequence is given by one conditional write of it,
//! so that two sealers cannot both believe to have given one. It is as long as what is sequenced and not sealed yet, and sealing
//! removes rows before it forgets their places: a row that is read after its place was looked for can be taken for new only by
//! a sealer whose next sequence is refused.
//!
//! Rows share a partition, which takes some 1,000 writes a second; a log with more would part them by a hash of the commit.

use super::{
    DynamoLedger,
    attempt::{Tries, Why},
    item::{CAUSE, Item, VERSION, number, number_of, text, text_of},
    keys::{self, AUDIT, SK},
    op::Condition,
    pack,
    table::{Part, some_at_once},
};
use marvain_hub::port::{AuditRow, Head, Key, LedgerError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Bits of a row that number it in its item.
const NUMBER_BITS: u32 = 12;
/// Bits of a row that number its item in the commit.
const PACK_BITS: u32 = 8;
/// Most rows that are sequenced at once: their places fit into one item.
const SEQUENCE_ROWS_MAX: usize = 10_000;
/// Items in one page.
const PAGE_ITEMS: usize = 250;
const SIZE: &str = "size";
const CHECKPOINT: &str = "checkpoint";
const NEXT: &str = "next";
const PLACES: &str = "places";

/// Items of a commit's drafts, given as JSON. `ticket` is the commit's number.
pub(super) fn items(ticket: u64, drafts: &[String]) -> Result<Vec<Item>, LedgerError> {
    let packs = pack::split(drafts, 1 << NUMBER_BITS);
    if packs.len() > 1 << PACK_BITS {
        return Err(LedgerError::Bug(format!("{} audit entries in one commit", drafts.len())));
    }
    let item = |(number_of_item, texts): (u64, &[String])| {
        let mut item = keys::attributes(&keys::audit(((ticket << PACK_BITS) | number_of_item) << NUMBER_BITS));
        pack::fill(&mut item, texts, 0);
        item
    };
    Ok((0..).zip(packs).map(item).collect())
}

/// First row of the item that a row lies in.
const fn base(row: u64) -> u64 {
    row >> NUMBER_BITS << NUMBER_BITS
}

/// The rows in an item, in order.
fn rows(item: &Item) -> Result<impl DoubleEndedIterator<Item = (u64, &str)>, LedgerError> {
    let sk = text_of(item, SK)?;
    let base: u64 = sk.parse().map_err(|_| LedgerError::Bug(format!("audit item `{sk}`")))?;
    Ok(pack::texts(item).into_iter().map(move |(number, draft)| (base | number, draft)))
}

fn row(row: u64, seq: Option<u64>, draft: &str) -> Result<AuditRow, LedgerError> {
    let draft = serde_json::from_str(draft).map_err(|e| LedgerError::Bug(format!("audit row {row}: {e}")))?;
    Ok(AuditRow { row, seq, draft })
}

/// Rows with neighbouring numbers and places: the first place, the first row, and how many.
type Run = (u64, u64, u64);

/// What the log's item holds.
#[derive(Clone, PartialEq, Debug, Default)]
struct Log {
    /// Grows with each write; 0 while there is no item.
    revision: u64,
    /// The call that wrote it.
    call: String,
    size: u64,
    checkpoint: Option<String>,
    /// The next place that is free.
    next: u64,
    /// Places of rows that are not known to be gone, in order.
    places: Vec<Run>,
}

impl Log {
    fn read(item: &Item) -> Result<Self, LedgerError> {
        let checkpoint = item.contains_key(CHECKPOINT).then(|| text_of(item, CHECKPOINT).map(str::to_owned));
        Ok(Self {
            revision: number_of(item, VERSION)?,
            call: text_of(item, CAUSE)?.to_owned(),
            size: number_of(item, SIZE)?,
            checkpoint: checkpoint.transpose()?,
            next: number_of(item, NEXT)?,
            places: serde_json::from_str(text_of(item, PLACES)?)
                .map_err(|e| LedgerError::Bug(format!("places of audit rows: {e}")))?,
        })
    }

    fn item(&self) -> Result<Item, LedgerError> {
        let places = serde_json::to_string(&self.places).map_err(|e| LedgerError::Bug(e.to_string()))?;
        let mut item = keys::attributes(&keys::log());
        item.insert(VERSION.to_owned(), number(self.revision));
        item.insert(CAUSE.to_owned(), text(self.call.clone()));
        item.insert(SIZE.to_owned(), number(self.size));
        item.insert(NEXT.to_owned(), number(self.next));
        item.insert(PLACES.to_owned(), text(places));
        item.extend(self.checkpoint.clone().map(|checkpoint| (CHECKPOINT.to_owned(), text(checkpoint))));
        Ok(item)
    }

    /// Places and rows, in order.
    fn sequenced(&self) -> impl Iterator<Item = (u64, u64)> {
        self.places.iter().flat_map(|(seq, row, count)| (*seq..seq + count).zip(*row..row + count))
    }

    fn push(&mut self, row: u64) {
        match self.places.last_mut() {
            Some((seq, first, count)) if *seq + *count == self.next && *first + *count == row => *count += 1,
            _ => self.places.push((self.next, row, 1)),
        }
        self.next += 1;
    }

    /// Forgets the places below `size`.
    fn forget(&mut self, size: u64) {
        let kept = |(seq, row, count): &Run| {
            let gone = size.saturating_sub(*seq).min(*count);
            (gone < *count).then_some((seq + gone, row + gone, count - gone))
        };
        self.places = self.places.iter().filter_map(kept).collect();
    }
}

fn conflict(sk: String) -> LedgerError {
    LedgerError::Conflict { pk: AUDIT.to_owned(), sk }
}

impl DynamoLedger {
    async fn log(&self) -> Result<Log, LedgerError> {
        let item = self.table.get(&keys::log()).await?;
        item.map_or_else(|| Ok(Log::default()), |item| Log::read(&item))
    }

    /// Changes the log's item until nobody else has changed it meanwhile; `change` refuses by an error.
    async fn change_log(&self, change: impl Fn(&mut Log) -> Result<(), LedgerError>) -> Result<Log, LedgerError> {
        let call = self.call();
        let mut tries = Tries::new("audit log", &self.table.dice);
        loop {
            let old = self.log().await?;
            if old.call == call {
                // An earlier try was carried out, and its answer was lost.
                return Ok(old);
            }
            let mut new = Log { revision: old.revision + 1, call: call.clone(), ..old.clone() };
            change(&mut new)?;
            let condition = match old.revision {
                0 => Condition::Absent,
                version => Condition::As { version, cause: old.call },
            };
            if self.table.put(new.item()?, &condition).await? {
                return Ok(new);
            }
            tries.again(Why::Conflict, "the audit log changed".to_owned()).await?;
        }
    }

    /// The rows that begin the order, at most `limit`.
    pub(super) async fn first_rows(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        let (log, mut rows) = self.sequenced_rows(|places| places.into_iter().take(limit).collect()).await?;
        let left = limit - rows.len();
        rows.extend(self.fresh_rows(&log, left, false).await?);
        Ok(rows)
    }

    /// The rows that end the order, at most `limit`.
    pub(super) async fn last_rows(&self, limit: usize) -> Result<Vec<AuditRow>, LedgerError> {
        let mut tries = Tries::new("audit rows", &self.table.dice);
        loop {
            let log = self.log().await?;
            let mut fresh = self.fresh_rows(&log, limit, true).await?;
            fresh.reverse();
            let left = limit - fresh.len();
            let last = |mut places: Vec<(u64, u64)>| places.split_off(places.len().saturating_sub(left));
            let (again, mut rows) = self.sequenced_rows(last).await?;
            if again.revision == log.revision {
                rows.extend(fresh);
                return Ok(rows);
            }
            tries.again(Why::Conflict, "the audit log changed".to_owned()).await?;
        }
    }

    /// Those rows of the ones that have a place which `pick` picks, and the log as it was then.
    async fn sequenced_rows(
        &self,
        pick: impl Fn(Vec<(u64, u64)>) -> Vec<(u64, u64)>,
    ) -> Result<(Log, Vec<AuditRow>), LedgerError> {
        let mut tries = Tries::new("audit rows", &self.table.dice);
        loop {
            let log = self.log().await?;
            let places = pick(log.sequenced().filter(|(seq, _)| *seq >= log.size).collect());
            let items = self.audit_items(places.iter().map(|(_, row)| *row)).await?;
            let mut drafts = HashMap::new();
            for item in items.values() {
                drafts.extend(rows(item)?);
            }
            let found = places.iter().map_while(|(seq, at)| Some(row(*at, Some(*seq), drafts.get(at)?)));
            let found: Vec<AuditRow> = found.collect::<Result<_, _>>()?;
            if found.len() == places.len() {
                return Ok((log, found));
            }
            tries.again(Why::Conflict, "audit rows are being sealed".to_owned()).await?;
        }
    }

    /// Rows without a place, at most `limit`. The log must have been read before.
    async fn fresh_rows(&self, log: &Log, limit: usize, descending: bool) -> Result<Vec<AuditRow>, LedgerError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        let sequenced: HashSet<u64> = log.sequenced().map(|(_, row)| row).collect();
        let part = Part { descending, ..Part::all(AUDIT) };
        self.table
            .walk(part, limit.min(PAGE_ITEMS), |item| {
                let mut rows: Vec<(u64, &str)> = rows(&item)?.filter(|(row, _)| !sequenced.contains(row)).collect();
                if descending {
                    rows.reverse();
                }
                let left = limit - found.len();
                for (at, draft) in rows.into_iter().take(left) {
                    found.push(row(at, None, draft)?);
                }
                Ok(found.len() < limit)
            })
            .await?;
        Ok(found)
    }

    /// The items that these rows lie in.
    async fn audit_items(&self, rows: impl Iterator<Item = u64>) -> Result<HashMap<Key, Item>, LedgerError> {
        let bases: BTreeSet<u64> = rows.map(base).collect();
        let keys: Vec<Key> = bases.into_iter().map(keys::audit).collect();
        self.table.get_all(&keys).await
    }

    pub(super) async fn give_places(&self, first: u64, given: &[u64]) -> Result<(), LedgerError> {
        if given.len() > SEQUENCE_ROWS_MAX {
            return Err(LedgerError::Bug(format!("{} places at once of at most {SEQUENCE_ROWS_MAX}", given.len())));
        }
        let items = self.audit_items(given.iter().copied()).await?;
        let mut there = HashSet::new();
        for item in items.values() {
            there.extend(rows(item)?.map(|(row, _)| row));
        }
        let change = |log: &mut Log| {
            if log.next != first {
                return Err(conflict(format!("seq {first}")));
            }
            let sequenced: HashSet<u64> = log.sequenced().map(|(_, row)| row).collect();
            let mut free = there.clone();
            free.retain(|row| !sequenced.contains(row));
            for row in given {
                if !free.remove(row) {
                    return Err(conflict(format!("row {row}")));
                }
                log.push(*row);
            }
            Ok(())
        };
        self.change_log(change).await.map(drop)
    }

    pub(super) async fn seal_to(&self, head: &Head) -> Result<(), LedgerError> {
        let log = self
            .change_log(|log| {
                if log.size > head.size {
                    return Err(conflict("head".to_owned()));
                }
                log.size = head.size;
                log.checkpoint = Some(head.checkpoint.clone());
                log.next = log.next.max(head.size);
                Ok(())
            })
            .await?;
        let sealed: Vec<u64> = log.sequenced().take_while(|(seq, _)| *seq < head.size).map(|(_, row)| row).collect();
        if sealed.is_empty() {
            return Ok(());
        }
        self.drop_rows(&sealed).await?;
        let forget = |log: &mut Log| {
            log.forget(head.size);
            Ok(())
        };
        self.change_log(forget).await.map(drop)
    }

    /// Removes rows; their items with them, when nothing else is in those.
    async fn drop_rows(&self, gone: &[u64]) -> Result<(), LedgerError> {
        let items = self.audit_items(gone.iter().copied()).await?;
        let mut by_item: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for row in gone {
            by_item.entry(base(*row)).or_default().insert(*row);
        }
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (base, gone) in by_item {
            let key = keys::audit(base);
            let Some(item) = items.get(&key) else { continue };
            if rows(item)?.all(|(row, _)| gone.contains(&row)) {
                whole.push(key);
            } else {
                parts.push((key, gone.into_iter().map(|row| row - base).collect::<BTreeSet<_>>()));
            }
        }
        some_at_once(parts.iter().map(|(key, numbers)| self.remove_texts(key, numbers)).collect()).await?;
        self.table.delete_all(&whole).await
    }

    pub(super) async fn sealed_head(&self) -> Result<Option<Head>, LedgerError> {
        let Log { size, checkpoint, .. } = self.log().await?;
        Ok(checkpoint.map(|checkpoint| Head { size, checkpoint }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_run_and_places_are_forgotten_from_the_front() {
        let mut log = Log { next: 5, ..Log::default() };
        [100, 101, 102, 7, 8, 200].into_iter().for_each(|row| log.push(row));
        assert_eq!((log.next, &*log.places), (11, &[(5, 100, 3), (8, 7, 2), (10, 200, 1)][..]));
        assert_eq!(log.sequenced().collect::<Vec<_>>(), [(5, 100), (6, 101), (7, 102), (8, 7), (9, 8), (10, 200)]);
        assert_eq!(Log::read(&log.item().unwrap()).unwrap(), log);
        for (size, left) in [(5, 6), (7, 4), (8, 3), (10, 1), (11, 0), (99, 0)] {
            let mut rest = log.clone();
            rest.forget(size);
            let expected: Vec<_> = log.sequenced().filter(|(seq, _)| *seq >= size).collect();
            assert_eq!((rest.sequenced().collect::<Vec<_>>(), expected.len()), (expected, left), "below {size}");
        }
        // After a head from elsewhere the next place is not behind the last one.
        log.next = 50;
        log.push(201);
        assert_eq!(log.places.last(), Some(&(50, 201, 1)));
    }

    #[test]
    fn rows_grow_with_commits_and_items() {
        let drafts: Vec<String> = (0..(1 << NUMBER_BITS) + 2).map(|n| n.to_string()).collect();
        let mut all = Vec::new();
        for ticket in [3, 4] {
            for item in items(ticket, &drafts).unwrap() {
                all.extend(rows(&item).unwrap().map(|(row, draft)| (row, draft.to_owned())).collect::<Vec<_>>());
            }
        }
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(
            all.iter().map(|(_, draft)| draft).collect::<Vec<_>>(),
            drafts.iter().chain(&drafts).collect::<Vec<_>>()
        );
        assert!(all.iter().all(|(row, _)| base(*row) <= *row));
    }
}
