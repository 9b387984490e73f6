//! Applying a commit: once per id, and whole or not at all, in one transaction.
//!
//! The transaction begins with an item that must not be there, the delivery's; it ends all repetitions. Records that are to be
//! replaced are read first: for the entries of their old places, for the versions of those that may be anything, and because a
//! transaction that cannot succeed costs as much as one that does.

use super::{
    DynamoLedger,
    attempt::{Tries, Why, ask},
    audit,
    item::{ITEM_BYTES_MAX, Item, Stored, bytes, expire, number_of, text, text_of},
    keys,
    op::{Condition, Op},
    outbox,
    places::{self, OPS_MAX},
    table::Cancelled,
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures_util::future::try_join;
use marvain_hub::port::{Commit, Committed, DELIVERY_MEMORY_S, Expect, Key, LedgerError, Write};
use std::collections::{BTreeSet, HashMap};

/// Most writes in one commit.
const WRITES_MAX: usize = 50;
/// Largest transaction in bytes (Amazon DynamoDB API Reference, TransactWriteItems).
const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The call that applied a delivery.
const CALL: &str = "call";

/// A commit whose texts are made once, for as many tries as it takes.
struct Prepared<'a> {
    commit: &'a Commit,
    /// Of each write, empty for one that removes.
    bodies: Vec<String>,
    effects: Vec<String>,
    drafts: Vec<String>,
}

/// What is there before a commit.
enum Before {
    /// This very commit, applied by this call.
    Applied(String),
    Records(HashMap<Key, Stored>),
}

/// Why a commit has no plan.
enum Unplanned<'a> {
    Conflict(&'a Key),
    Failed(LedgerError),
}

impl From<LedgerError> for Unplanned<'_> {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error)
    }
}

/// A transaction, and the places whose entries it has no room for.
struct Planned {
    ops: Vec<Op>,
    spilled: BTreeSet<(keys::Listing, String)>,
}

const fn parts(write: &Write) -> (&Key, Expect) {
    match write {
        Write::Put { key, expect, .. } | Write::Delete { key, expect } => (key, *expect),
    }
}

fn conflict(Key { pk, sk }: &Key) -> LedgerError {
    LedgerError::Conflict { pk: pk.clone(), sk: sk.clone() }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|e| LedgerError::Bug(format!("JSON: {e}")))
}

impl<'a> Prepared<'a> {
    /// Refuses what no ledger could apply.
    fn of(commit: &'a Commit) -> Result<Self, LedgerError> {
        if commit.writes.len() > WRITES_MAX {
            return Err(LedgerError::Bug(format!(
                "{} writes in a commit of at most {WRITES_MAX}",
                commit.writes.len()
            )));
        }
        let mut keys = BTreeSet::new();
        if let Some(Key { pk, sk }) = commit.writes.iter().map(|write| parts(write).0).find(|key| !keys.insert(*key)) {
            return Err(LedgerError::Bug(format!("two writes of record `{pk}` `{sk}` in one commit")));
        }
        let body = |write: &Write| match write {
            Write::Put { key, list, due, body, .. } => {
                keys::check(key, list.as_ref(), due.as_ref())?;
                json(body)
            }
            Write::Delete { key, .. } => keys::check(key, None, None).map(|()| String::new()),
        };
        Ok(Self {
            commit,
            bodies: commit.writes.iter().map(body).collect::<Result<_, _>>()?,
            effects: commit.effects.iter().map(json).collect::<Result<_, _>>()?,
            drafts: commit.audit.iter().map(json).collect::<Result<_, _>>()?,
        })
    }

    /// The transaction that applies it to what is there. Its first operation is about the delivery, the next ones are the
    /// writes.
    fn plan(&self, before: &HashMap<Key, Stored>, ticket: u64, call: &str) -> Result<Planned, Unplanned<'a>> {
        let Commit { id, at, writes, .. } = self.commit;
        let mut applied = keys::attributes(&keys::applied(id));
        applied.insert(CALL.to_owned(), text(call));
        // It may go when it is older than what is remembered, not when it is as old.
        expire(&mut applied, Some(at.plus_s(DELIVERY_MEMORY_S).plus_ms(1)));
        let mut ops = vec![Op::Put(applied, Condition::Absent)];
        let mut entries = Vec::new();
        for (write, body) in writes.iter().zip(&self.bodies) {
            let (op, new) = self.record(write, body, before)?;
            ops.push(op);
            entries.extend(places::changes(before.get(parts(write).0), new.as_ref()));
        }
        let mut rest = outbox::items(self.commit, &self.effects);
        rest.extend(audit::items(ticket, &self.drafts)?);
        let mut spilled = BTreeSet::new();
        if ops.len() + entries.len() + rest.len() > OPS_MAX {
            ops.extend(places::spill(&entries, call)?);
            spilled.extend(entries.into_iter().map(|(place, _)| (place.index, place.pk)));
        } else {
            ops.extend(entries.into_iter().map(|(_, op)| op));
        }
        ops.extend(rest.into_iter().map(|item| Op::Put(item, Condition::Any)));
        check(&ops)?;
        Ok(Planned { ops, spilled })
    }

    /// The operation of one write, and the record as it will be.
    fn record(
        &self,
        write: &'a Write,
        body: &str,
        before: &HashMap<Key, Stored>,
    ) -> Result<(Op, Option<Stored>), Unplanned<'a>> {
        let (key, expect) = parts(write);
        let old = before.get(key);
        let holds = match expect {
            // Not read: the transaction finds out.
            Expect::Absent | Expect::Any => true,
            Expect::Version(version) => old.is_some_and(|old| old.version == version),
        };
        if !holds {
            return Err(Unplanned::Conflict(key));
        }
        let unchanged = Condition::unchanged(old);
        let Write::Put { list, due, expires_at, .. } = write else {
            let at = keys::record(key);
            return Ok((if old.is_some() { Op::Delete(at, unchanged) } else { Op::Check(at, unchanged) }, None));
        };
        let new = Stored {
            key: key.clone(),
            version: old.map_or(0, |old| old.version).saturating_add(1),
            cause: self.commit.id.to_string(),
            list: list.clone(),
            due: due.clone(),
            expires_at: *expires_at,
        };
        Ok((Op::Put(new.item(body), unchanged), Some(new)))
    }
}

/// Refuses what DynamoDB would.
fn check(ops: &[Op]) -> Result<(), LedgerError> {
    let mut all = 0_usize;
    for op in ops {
        let Op::Put(item, _) = op else { continue };
        let size = bytes(item);
        if size > ITEM_BYTES_MAX {
            let (pk, sk) = (text_of(item, keys::PK)?, text_of(item, keys::SK)?);
            return Err(LedgerError::Bug(format!("item `{pk}` `{sk}` has {size} bytes of {ITEM_BYTES_MAX}")));
        }
        all = all.saturating_add(size);
    }
    if ops.len() > OPS_MAX {
        return Err(LedgerError::Bug(format!("a commit needs {} items of a transaction's {OPS_MAX}", ops.len())));
    }
    if all > TRANSACTION_BYTES_MAX {
        return Err(LedgerError::Bug(format!("a commit has {all} bytes of a transaction's {TRANSACTION_BYTES_MAX}")));
    }
    Ok(())
}

impl DynamoLedger {
    pub(super) async fn apply(&self, commit: &Commit) -> Result<Committed, LedgerError> {
        let prepared = Prepared::of(commit)?;
        let call = self.call();
        let mut tries = Tries::new("commit", &self.table.dice);
        let mut ticket = None;
        let mut attempt = 0_u32;
        loop {
            attempt += 1;
            let (before, drawn) = try_join(self.before(&prepared), self.draw(&prepared, ticket)).await?;
            ticket = Some(drawn);
            let before = match before {
                Before::Applied(by) => return Ok(self.concluded(&prepared, &by, &call)),
                Before::Records(before) => before,
            };
            let planned = match prepared.plan(&before, drawn, &call) {
                Ok(planned) => planned,
                Err(Unplanned::Failed(error)) => return Err(error),
                // It may be this very commit that has changed the record.
                Err(Unplanned::Conflict(key)) => {
                    let by = self.applied_by(commit).await?;
                    return by.map(|by| self.concluded(&prepared, &by, &call)).ok_or_else(|| conflict(key));
                }
            };
            match self.table.transact(&planned.ops, &format!("{call}-{attempt}")).await {
                Ok(()) => {
                    self.settle(&planned).await;
                    return Ok(self.concluded(&prepared, &call, &call));
                }
                Err(Cancelled::Failed(error)) => return Err(error),
                Err(Cancelled::Conflict(said)) => tries.again(Why::Conflict, said).await?,
                Err(Cancelled::Conditions(which)) => {
                    if which.contains(&0)
                        && let Some(by) = self.applied_by(commit).await?
                    {
                        return Ok(self.concluded(&prepared, &by, &call));
                    }
                    let expected = commit.writes.iter().map(parts).enumerate();
                    let mut lost = expected.filter(|(number, _)| which.contains(&(number + 1)));
                    if let Some((_, (key, _))) = lost.find(|(_, (_, expect))| *expect == Expect::Absent) {
                        return Err(conflict(key));
                    }
                    tries.again(Why::Conflict, "a record changed".to_owned()).await?;
                }
            }
        }
    }

    /// Applied by this call, though an answer may have been lost on the way; or by another.
    fn concluded(&self, prepared: &Prepared<'_>, by: &str, call: &str) -> Committed {
        if by != call {
            return Committed::Repeated;
        }
        self.remember(prepared.commit, &prepared.effects);
        Committed::Applied
    }

    /// What a commit of this kind has to know. One that only creates needs nothing.
    async fn before(&self, prepared: &Prepared<'_>) -> Result<Before, LedgerError> {
        let writes = prepared.commit.writes.iter().map(parts);
        let mut keys: Vec<Key> =
            writes.filter(|(_, expect)| *expect != Expect::Absent).map(|(key, _)| keys::record(key)).collect();
        if keys.is_empty() {
            return Ok(Before::Records(HashMap::new()));
        }
        let applied = keys::applied(&prepared.commit.id);
        keys.push(applied.clone());
        let mut items = self.table.get_all(&keys).await?;
        if let Some(applied) = items.remove(&applied) {
            return Ok(Before::Applied(text_of(&applied, CALL)?.to_owned()));
        }
        let records = items.values().map(|item| Stored::read(item).map(|record| (record.key.clone(), record)));
        Ok(Before::Records(records.collect::<Result<_, _>>()?))
    }

    /// The call that has applied a commit, if it is applied.
    async fn applied_by(&self, commit: &Commit) -> Result<Option<String>, LedgerError> {
        let applied = self.table.get(&keys::applied(&commit.id)).await?;
        applied.map(|item| text_of(&item, CALL).map(str::to_owned)).transpose()
    }

    /// The number that orders a commit's audit rows among others': drawn once, before the transaction and outside of it, so that
    /// commits do not wait for each other. Whoever begins when a commit was acknowledged draws a larger one. One that is drawn
    /// in vain is a gap.
    async fn draw(&self, prepared: &Prepared<'_>, drawn: Option<u64>) -> Result<u64, LedgerError> {
        const NUMBER: &str = "n";
        if let Some(drawn) = drawn {
            return Ok(drawn);
        }
        if prepared.drafts.is_empty() {
            return Ok(0);
        }
        let draw = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(keys::attributes(&keys::ticket())))
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", NUMBER)
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew);
        let drawn = ask("UpdateItem", &self.table.dice, || draw.clone().send()).await?;
        let item: Item = drawn.and_then(|drawn| drawn.attributes).unwrap_or_default();
        number_of(&item, NUMBER)
    }

    /// Makes the entries that a transaction had no room for. Whoever reads them would do it, too.
    async fn settle(&self, planned: &Planned) {
        for (index, pk) in &planned.spilled {
            if let Err(error) = self.settle_spills(*index, pk).await {
                tracing::warn!(index = index.name(), %error, "entries of an index are left to its readers");
            }
        }
    }
}
