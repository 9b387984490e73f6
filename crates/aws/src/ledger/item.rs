//! Items of the table, and records in them.

use super::{
    keys::{self, PK, RECORD, SK},
    schema::TABLE,
};
use aws_sdk_dynamodb::types::AttributeValue;
use marvain_domain::Timestamp;
use marvain_hub::port::{IndexKey, Key, LedgerError, Record};
use std::collections::HashMap;

/// What DynamoDB stores.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Largest item in bytes, names of attributes included (Amazon DynamoDB Developer Guide, "Quotas", item size).
pub(super) const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Bytes that are counted for a number, whose size DynamoDB gives as approximate (there, "Item sizes and formats").
const NUMBER_BYTES: usize = 21;

/// Version of a record.
pub(super) const VERSION: &str = "version";
/// Id of the commit that wrote an item.
pub(super) const CAUSE: &str = "cause";
/// When an item may go, in milliseconds: exact, as the hub has it.
pub(super) const EXPIRES: &str = "expires";
const BODY: &str = "body";
const LIST: (&str, &str) = ("list_pk", "list_sk");
const DUE: (&str, &str) = ("due_pk", "due_sk");

/// A record on its way into the table, or what of one matters to those that write it anew.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Stored {
    pub(super) key: Key,
    pub(super) version: u64,
    /// With the version it tells apart whatever was ever written there.
    pub(super) cause: String,
    pub(super) list: Option<IndexKey>,
    pub(super) due: Option<IndexKey>,
    pub(super) expires_at: Option<Timestamp>,
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

impl Stored {
    /// Its item; the body is JSON text, so that it comes back as it was.
    pub(super) fn item(&self, body: &str) -> Item {
        let mut item = keys::attributes(&keys::record(&self.key));
        item.insert(VERSION.to_owned(), number(self.version));
        item.insert(CAUSE.to_owned(), text(self.cause.clone()));
        item.insert(BODY.to_owned(), text(body));
        for ((pk, sk), place) in [(LIST, &self.list), (DUE, &self.due)] {
            if let Some(place) = place {
                item.insert(pk.to_owned(), text(place.pk.clone()));
                item.insert(sk.to_owned(), text(place.sk.clone()));
            }
        }
        expire(&mut item, self.expires_at);
        item
    }

    /// Reads it back.
    pub(super) fn read(item: &Item) -> Result<Self, LedgerError> {
        let place = |(pk, sk): (&str, &str)| -> Result<Option<IndexKey>, LedgerError> {
            if !item.contains_key(pk) {
                return Ok(None);
            }
            Ok(Some(IndexKey { pk: text_of(item, pk)?.to_owned(), sk: text_of(item, sk)?.to_owned() }))
        };
        let pk = text_of(item, PK)?;
        let pk = pk.strip_prefix(RECORD).ok_or_else(|| LedgerError::Bug(format!("item `{pk}` is no record")))?;
        let expires_at = item.contains_key(EXPIRES).then(|| number_of(item, EXPIRES)).transpose()?;
        Ok(Self {
            key: Key { pk: pk.to_owned(), sk: text_of(item, SK)?.to_owned() },
            version: number_of(item, VERSION)?,
            cause: text_of(item, CAUSE)?.to_owned(),
            list: place(LIST)?,
            due: place(DUE)?,
            expires_at: expires_at.map(Timestamp::from_ms),
        })
    }
}

/// The record in an item.
pub(super) fn record(item: &Item) -> Result<Record, LedgerError> {
    let Stored { key, version, list, due, expires_at, .. } = Stored::read(item)?;
    let body = serde_json::from_str(text_of(item, BODY)?)
        .map_err(|e| LedgerError::Bug(format!("record `{}` `{}` holds no JSON: {e}", key.pk, key.sk)))?;
    Ok(Record { key, version, list, due, expires_at, body })
}

/// Says when an item may go: exactly for the hub, and in whole seconds, not before, for DynamoDB.
pub(super) fn expire(item: &mut Item, at: Option<Timestamp>) {
    if let Some(at) = at {
        item.insert(EXPIRES.to_owned(), number(at.as_ms()));
        item.insert(TABLE.ttl_attribute.to_owned(), number(at.as_ms().div_ceil(1000)));
    }
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, LedgerError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| without(item, name))
}

pub(super) fn number_of(item: &Item, name: &str) -> Result<u64, LedgerError> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    value.and_then(|value| value.parse().ok()).ok_or_else(|| without(item, name))
}

fn without(item: &Item, name: &str) -> LedgerError {
    let part = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).map_or("?", String::as_str);
    LedgerError::Bug(format!("item `{}` `{}` has no fitting `{name}`", part(PK), part(SK)))
}

/// The size that DynamoDB limits: names and values in UTF-8.
pub(super) fn bytes(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        _ => NUMBER_BYTES,
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}
