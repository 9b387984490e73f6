//! The ledger passes the port's suite on two independent servers, and keeps its promises through faults.

mod capacity;
mod faults;
mod faulty;
mod places;
mod schema;
mod stress;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient},
};
use marvain_aws::{DynamoLedger, LedgerSettings, TABLE};
use marvain_domain::{AuditDraft, Principal, Timestamp, id::DeliveryId};
use marvain_hub::{
    conformance::{self, Storage},
    port::{Commit, Effect, Expect, Index, IndexKey, Key, Query, Write},
};
use marvain_peers::{Dynoxide, Moto};
use marvain_topics::Queue;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Noon of some day.
const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);
/// Numbers tables and ledgers.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// HTTP without TLS, which is all that these servers speak.
fn plain() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn config(url: &str, http: SharedHttpClient) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "tests"))
        .endpoint_url(url)
        .http_client(http)
}

/// A table that is empty in the beginning, and how to reach it.
struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// Through whatever client, a table is made without faults.
    async fn new(url: &str, client: Client) -> Self {
        let name = format!("ledger-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        TABLE.create(&Client::from_conf(config(url, plain()).build()), &name).await.unwrap();
        Self { client, name }
    }

    async fn plain(url: &str) -> Self {
        Self::new(url, Client::from_conf(config(url, plain()).build())).await
    }

    fn ledger(&self) -> DynamoLedger {
        let instance = NEXT.fetch_add(1, Ordering::Relaxed);
        DynamoLedger::new(&self.client, LedgerSettings { table: self.name.clone(), instance })
    }

    /// Partition and sort keys of all items whose partition begins so.
    async fn keys(&self, prefix: &str) -> Vec<(String, String)> {
        let pages = self.client.scan().table_name(&self.name).consistent_read(true).into_paginator().items().send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
        let keys =
            items.into_iter().map(|item| (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone()));
        keys.filter(|(pk, _)| pk.starts_with(prefix)).collect()
    }
}

#[async_trait]
impl Storage for Table {
    type Adapter = DynamoLedger;
    async fn open(&self) -> DynamoLedger {
        self.ledger()
    }
}

fn key(sk: &str) -> Key {
    Key { pk: "p".into(), sk: sk.into() }
}

fn place(pk: &str, sk: &str) -> Option<IndexKey> {
    Some(IndexKey { pk: pk.into(), sk: sk.into() })
}

/// A record in the list `list`, and in what is due if there is a time.
fn put(sk: &str, list: &str, due: Option<&str>, body: Value, expect: Expect) -> Write {
    let due = due.and_then(|due| place("due", due));
    Write::Put { key: key(sk), list: place("list", list), due, expires_at: None, body, expect }
}

fn commit(name: &str, writes: Vec<Write>) -> Commit {
    Commit { id: DeliveryId::derive(&[name]), at: NOW, writes, effects: vec![], audit: vec![] }
}

/// A commit with an effect and two audit entries.
fn full(name: &str, writes: Vec<Write>) -> Commit {
    let draft = |part: u8| {
        let data = json!({ "about": name, "part": part });
        AuditDraft { at: NOW, actor: Principal::System, on_behalf_of: vec![], kind: "suite.ran".into(), data }
    };
    let effects = vec![Effect::Hop { queue: Queue::Plan, body: json!({ "about": name }) }];
    Commit { effects, audit: vec![draft(0), draft(1)], ..commit(name, writes) }
}

fn listing(index: Index, pk: &str) -> Query {
    Query { index, pk: pk.into(), prefix: String::new(), through: None, descending: false, limit: 1000, after: None }
}

#[tokio::test]
async fn conforms_on_dynoxide() {
    let server = Dynoxide::start().await;
    conformance::ledger(async || Table::plain(&server.url()).await).await;
}

/// Not the rest of it: moto copies the whole table for each operation of a transaction.
#[tokio::test]
async fn conforms_on_moto_while_the_table_is_small() {
    let server = Moto::start().await;
    conformance::ledger_basics(async || Table::plain(&server.url()).await).await;
}
