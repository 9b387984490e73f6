//! The ledger's table: its keys, its expiry, its stream, and how it is rendered for whoever deploys it.
//!
//! There are no secondary indexes: see the ledger's own documentation for where the lists are instead.

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::create_table::CreateTableError,
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use serde::Serialize;

/// An attribute of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct KeyAttribute {
    /// Its name.
    pub name: &'static str,
    /// Its type: `S`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Schema {
    /// Partition key.
    pub partition: KeyAttribute,
    /// Sort key.
    pub sort: KeyAttribute,
    /// Secondary indexes: none.
    pub indexes: [KeyAttribute; 0],
    /// Attribute with the epoch second after which DynamoDB may drop an item.
    pub ttl_attribute: &'static str,
    /// What the table's stream carries. The keys are enough: a new audit row is a bell, and what it says stays in the table.
    pub stream_view: &'static str,
    /// Partition of audit rows that are not sealed yet: what the stream wakes the log's writer for.
    pub audit_partition: &'static str,
}

/// The ledger's table, on demand: its load comes in bursts.
pub const TABLE: Schema = Schema {
    partition: KeyAttribute { name: "pk", kind: "S" },
    sort: KeyAttribute { name: "sk", kind: "S" },
    indexes: [],
    ttl_attribute: "ttl",
    stream_view: "KEYS_ONLY",
    audit_partition: "audit",
};

/// Why a table was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The request lacks something.
    #[error("the request for a table is incomplete")]
    Build(#[from] BuildError),
    /// DynamoDB refused.
    #[error("the table was not created")]
    Refused(#[from] Box<SdkError<CreateTableError>>),
}

impl Schema {
    /// As `crates/aws/rendered/table.json`, which the stacks are made from.
    ///
    /// # Errors
    /// None in practice: texts alone always have a JSON form.
    pub fn rendered(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Makes such a table on an emulator. Expiry stays off, and the stream as well: deployed tables are made by the stacks.
    ///
    /// # Errors
    /// [`CreateError`], if there is one of that name, or the server does not answer.
    pub async fn create(&self, client: &Client, name: &str) -> Result<(), CreateError> {
        let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (attribute, role) in [(self.partition, KeyType::Hash), (self.sort, KeyType::Range)] {
            let kind = ScalarAttributeType::from(attribute.kind);
            let definition =
                AttributeDefinition::builder().attribute_name(attribute.name).attribute_type(kind).build()?;
            let element = KeySchemaElement::builder().attribute_name(attribute.name).key_type(role).build()?;
            create = create.attribute_definitions(definition).key_schema(element);
        }
        create.send().await.map_err(Box::new)?;
        Ok(())
    }
}
