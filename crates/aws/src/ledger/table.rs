//! The table as this ledger uses it: strongly consistent reads, conditional writes, batches without a rest, transactions.
//!
//! It knows no kind of item.

use super::{
    attempt::{Dice, Refusal, Tries, Why, ask},
    item::{Item, text_of},
    keys::{self, PK, SK},
    op::{Condition, Op},
};
use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, DeleteRequest, KeysAndAttributes, WriteRequest},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use marvain_hub::port::{Key, LedgerError};
use std::collections::HashMap;

/// Most keys in one BatchGetItem (Amazon DynamoDB API Reference, there).
const BATCH_GET_KEYS_MAX: usize = 100;
/// Most requests in one BatchWriteItem (Amazon DynamoDB API Reference, there).
const BATCH_WRITE_ITEMS_MAX: usize = 25;
/// Requests of one call that are under way at once.
const AT_ONCE_MAX: usize = 4;

/// Does all of it, some at once; the results are in any order.
pub(super) async fn some_at_once<T>(
    all: Vec<impl Future<Output = Result<T, LedgerError>>>,
) -> Result<Vec<T>, LedgerError> {
    stream::iter(all).buffer_unordered(AT_ONCE_MAX).try_collect().await
}

/// The table.
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) dice: Dice,
}

/// What to read of one partition.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) pk: String,
    pub(super) bounds: Bounds,
    /// Goes on behind this sort key.
    pub(super) after: Option<String>,
    pub(super) descending: bool,
    /// Whether it has to see every write that was acknowledged before; else it costs half.
    pub(super) consistent: bool,
}

/// Which sort keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Bounds {
    All,
    Prefix(String),
    Through(String),
    Between(String, String),
}

impl Part {
    pub(super) fn all(pk: impl Into<String>) -> Self {
        Self { pk: pk.into(), bounds: Bounds::All, after: None, descending: false, consistent: true }
    }
}

/// Why a transaction was not applied.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// The conditions of the operations with these numbers do not hold.
    Conditions(Vec<usize>),
    /// Others were in its way. It may be tried anew.
    Conflict(String),
    Failed(LedgerError),
}

impl Table {
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        let get =
            self.client.get_item().table_name(&self.name).set_key(Some(keys::attributes(key))).consistent_read(true);
        let got = ask("GetItem", &self.dice, || get.clone().send()).await?;
        Ok(got.and_then(|got| got.item))
    }

    /// Those items that are there.
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, LedgerError> {
        let batches: Vec<_> = keys.chunks(BATCH_GET_KEYS_MAX).map(|keys| self.get_batch(keys)).collect();
        Ok(some_at_once(batches).await?.into_iter().flatten().collect())
    }

    async fn get_batch(&self, keys: &[Key]) -> Result<Vec<(Key, Item)>, LedgerError> {
        let mut tries = Tries::new("BatchGetItem", &self.dice);
        let mut rest = Some(keys_and_attributes(keys.iter().map(keys::attributes).collect())?);
        let mut found = Vec::new();
        while let Some(wanted) = rest.take() {
            let get = self.client.batch_get_item().request_items(&self.name, wanted);
            let Some(got) = ask("BatchGetItem", &self.dice, || get.clone().send()).await? else { break };
            let items = got.responses.and_then(|mut tables| tables.remove(&self.name)).unwrap_or_default();
            let is_idle = items.is_empty();
            for item in items {
                let key = Key { pk: text_of(&item, PK)?.to_owned(), sk: text_of(&item, SK)?.to_owned() };
                found.push((key, item));
            }
            rest = got
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.name))
                .filter(|rest| !rest.keys.is_empty());
            if is_idle && rest.is_some() {
                tries.again(Why::Unprocessed, "a batch of reads".to_owned()).await?;
            }
        }
        Ok(found)
    }

    /// One page of a partition, of at most `limit` items, and whether there may be more.
    pub(super) async fn page(&self, part: &Part, limit: usize) -> Result<(Vec<Item>, bool), LedgerError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(part.consistent)
            .scan_index_forward(!part.descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", AttributeValue::S(part.pk.clone()));
        let value = |text: &str| AttributeValue::S(text.to_owned());
        let condition = match &part.bounds {
            Bounds::All => "#pk = :pk",
            Bounds::Prefix(prefix) => {
                query = query.expression_attribute_values(":from", value(prefix));
                "#pk = :pk AND begins_with(#sk, :from)"
            }
            Bounds::Through(through) => {
                query = query.expression_attribute_values(":to", value(through));
                "#pk = :pk AND #sk <= :to"
            }
            Bounds::Between(from, to) => {
                query = query
                    .expression_attribute_values(":from", value(from))
                    .expression_attribute_values(":to", value(to));
                "#pk = :pk AND #sk BETWEEN :from AND :to"
            }
        };
        if part.bounds != Bounds::All {
            query = query.expression_attribute_names("#sk", SK);
        }
        if let Some(after) = &part.after {
            let key = Key { pk: part.pk.clone(), sk: after.clone() };
            query = query.set_exclusive_start_key(Some(keys::attributes(&key)));
        }
        let query = query.key_condition_expression(condition);
        let Some(page) = ask("Query", &self.dice, || query.clone().send()).await? else { return Ok((vec![], false)) };
        let more = page.last_evaluated_key.is_some_and(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), more))
    }

    /// A partition item by item until `take` says that it is enough.
    pub(super) async fn walk(
        &self,
        mut part: Part,
        page: usize,
        mut take: impl FnMut(Item) -> Result<bool, LedgerError>,
    ) -> Result<(), LedgerError> {
        loop {
            let (items, more) = self.page(&part, page).await?;
            part.after = items.last().map(|last| text_of(last, SK).map(str::to_owned)).transpose()?;
            for item in items {
                if !take(item)? {
                    return Ok(());
                }
            }
            if !more || part.after.is_none() {
                return Ok(());
            }
        }
    }

    /// Writes an item whole, if what is there is so.
    pub(super) async fn put(&self, item: Item, condition: &Condition) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values());
        Ok(ask("PutItem", &self.dice, || put.clone().send()).await?.is_some())
    }

    /// Removes items, whatever they are now.
    pub(super) async fn delete_all(&self, keys: &[Key]) -> Result<(), LedgerError> {
        let batches: Vec<_> = keys.chunks(BATCH_WRITE_ITEMS_MAX).map(|keys| self.delete_batch(keys)).collect();
        some_at_once(batches).await.map(drop)
    }

    async fn delete_batch(&self, keys: &[Key]) -> Result<(), LedgerError> {
        let delete = |key: &Key| -> Result<WriteRequest, LedgerError> {
            let delete = DeleteRequest::builder().set_key(Some(keys::attributes(key))).build().map_err(incomplete)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        let mut tries = Tries::new("BatchWriteItem", &self.dice);
        let mut rest: Vec<WriteRequest> = keys.iter().map(delete).collect::<Result<_, _>>()?;
        while !rest.is_empty() {
            let asked = rest.len();
            let write = self.client.batch_write_item().request_items(&self.name, rest);
            let Some(done) = ask("BatchWriteItem", &self.dice, || write.clone().send()).await? else { break };
            rest = done.unprocessed_items.and_then(|mut tables| tables.remove(&self.name)).unwrap_or_default();
            if rest.len() == asked {
                tries.again(Why::Unprocessed, "a batch of writes".to_owned()).await?;
            }
        }
        Ok(())
    }

    /// Does all of it or nothing. The token makes the very same request take effect once, for ten minutes.
    pub(super) async fn transact(&self, ops: &[Op], token: &str) -> Result<(), Cancelled> {
        let items: Result<Vec<_>, _> = ops.iter().map(|op| op.request(&self.name)).collect();
        let items = items.map_err(|error| Cancelled::Failed(incomplete(error)))?;
        let write = self.client.transact_write_items().set_transact_items(Some(items)).client_request_token(token);
        let mut tries = Tries::new("TransactWriteItems", &self.dice);
        loop {
            let error = match write.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let refusal = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons().iter();
                    reasoned(reasons.map(|reason| Refusal::of_reason(reason.code(), reason.message())))?
                }
                _ => Refusal::of(&error),
            };
            match refusal {
                Refusal::Again(Why::Conflict, said) => return Err(Cancelled::Conflict(said)),
                Refusal::Again(why, said) => tries.again(why, said).await.map_err(Cancelled::Failed)?,
                Refusal::Final(error) => return Err(Cancelled::Failed(error)),
                Refusal::Condition => {
                    return Err(Cancelled::Failed(LedgerError::Bug(
                        "a transaction has no condition of its own".to_owned(),
                    )));
                }
            }
        }
    }
}

/// What the reasons of a cancelled transaction, one an item, come to. A conflict hides what the conditions would have been, so
/// it counts for more than they.
fn reasoned(reasons: impl Iterator<Item = Option<Refusal>>) -> Result<Refusal, Cancelled> {
    let (mut conditions, mut again) = (Vec::new(), None);
    for (number, reason) in reasons.enumerate() {
        match reason {
            None => {}
            Some(Refusal::Condition) => conditions.push(number),
            Some(Refusal::Final(error)) => return Err(Cancelled::Failed(error)),
            Some(Refusal::Again(why, said)) => again = Some(Refusal::Again(why, said)),
        }
    }
    match again {
        Some(again) => Ok(again),
        None if conditions.is_empty() => Ok(Refusal::Again(Why::Server, "cancelled for no reason".to_owned())),
        None => Err(Cancelled::Conditions(conditions)),
    }
}

fn keys_and_attributes(keys: Vec<Item>) -> Result<KeysAndAttributes, LedgerError> {
    KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().map_err(incomplete)
}

/// A request that this crate has built lacks something.
pub(super) fn incomplete(error: BuildError) -> LedgerError {
    LedgerError::Bug(format!("request: {error}"))
}
