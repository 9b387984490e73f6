//! One operation of a transaction.

use super::{
    item::{CAUSE, Item, Stored, VERSION, number, text},
    keys::{self, PK},
};
use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem},
};
use marvain_hub::port::Key;
use std::collections::HashMap;

/// What must be so of an item.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Condition {
    /// Anything.
    Any,
    /// It is not there.
    Absent,
    /// It is what was read: in this version, written for this cause.
    As {
        /// Version.
        version: u64,
        /// Cause.
        cause: String,
    },
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Op {
    Put(Item, Condition),
    Delete(Key, Condition),
    Check(Key, Condition),
}

impl Condition {
    /// The record is as it was when it was read.
    pub(super) fn unchanged(record: Option<&Stored>) -> Self {
        match record {
            None => Self::Absent,
            Some(Stored { version, cause, .. }) => Self::As { version: *version, cause: cause.clone() },
        }
    }

    pub(super) fn expression(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Absent => Some("attribute_not_exists(#pk)".to_owned()),
            Self::As { .. } => Some("#version = :version AND #cause = :cause".to_owned()),
        }
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names: &[(&str, &str)] = match self {
            Self::Any => return None,
            Self::Absent => &[("#pk", PK)],
            Self::As { .. } => &[("#version", VERSION), ("#cause", CAUSE)],
        };
        Some(names.iter().map(|(alias, name)| ((*alias).to_owned(), (*name).to_owned())).collect())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        match self {
            Self::Any | Self::Absent => None,
            Self::As { version, cause } => Some(HashMap::from([
                (":version".to_owned(), number(*version)),
                (":cause".to_owned(), text(cause.clone())),
            ])),
        }
    }
}

impl Op {
    /// As DynamoDB takes it.
    pub(super) fn request(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let request = TransactWriteItem::builder();
        Ok(match self {
            Self::Put(item, condition) => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item.clone()))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                request.put(put.build()?)
            }
            Self::Delete(key, condition) => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(keys::attributes(key)))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                request.delete(delete.build()?)
            }
            Self::Check(key, condition) => {
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(keys::attributes(key)))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                request.condition_check(check.build()?)
            }
        }
        .build())
    }
}
