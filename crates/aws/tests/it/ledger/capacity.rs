//! What the ledger's documentation says of capacity, as a server counts it.

use super::{Table, config, full, key, listing, plain, put};
use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use marvain_hub::port::{Expect, Head, Index, Ledger, Write};
use marvain_peers::Dynoxide;
use serde_json::json;
use std::{
    mem,
    sync::{Arc, Mutex},
};

/// Read units and write units.
type Units = (f64, f64);

#[derive(Clone, Debug, Default)]
struct Meter(Arc<Mutex<Units>>);

impl Meter {
    fn read(&self) -> Units {
        mem::take(&mut self.0.lock().unwrap())
    }

    fn count(&self, is_write: bool, consumed: &[ConsumedCapacity]) {
        let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        let mut sum = self.0.lock().unwrap();
        if is_write { sum.1 += units } else { sum.0 += units }
    }
}

macro_rules! metered {
    ($($input:ident $output:ident $is_write:literal $consumed:expr;)*) => {
        impl Intercept for Meter {
            fn name(&self) -> &'static str {
                "Meter"
            }

            fn modify_before_serialization(
                &self,
                context: &mut BeforeSerializationInterceptorContextMut<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                $(if let Some(input) = context.input_mut().downcast_mut::<$input>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                })*
                Ok(())
            }

            fn read_after_deserialization(
                &self,
                context: &AfterDeserializationInterceptorContextRef<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                let Ok(output) = context.output_or_error() else { return Ok(()) };
                $(if let Some(output) = output.downcast_ref::<$output>() {
                    let consumed: fn(&$output) -> &[ConsumedCapacity] = $consumed;
                    self.count($is_write, consumed(output));
                })*
                Ok(())
            }
        }
    };
}

metered! {
    TransactWriteItemsInput TransactWriteItemsOutput true |output| output.consumed_capacity();
    UpdateItemInput UpdateItemOutput true |output| output.consumed_capacity.as_slice();
    PutItemInput PutItemOutput true |output| output.consumed_capacity.as_slice();
    BatchWriteItemInput BatchWriteItemOutput true |output| output.consumed_capacity();
    GetItemInput GetItemOutput false |output| output.consumed_capacity.as_slice();
    BatchGetItemInput BatchGetItemOutput false |output| output.consumed_capacity();
    QueryInput QueryOutput false |output| output.consumed_capacity.as_slice();
}

#[tokio::test]
async fn capacity_is_as_documented() {
    let server = Dynoxide::start().await;
    let meter = Meter::default();
    let client = Client::from_conf(config(&server.url(), plain()).interceptor(meter.clone()).build());
    let ledger = Table::new(&server.url(), client).await.ledger();

    let body = |bytes: usize| json!("x".repeat(bytes));
    let mut bare = full("bare", vec![put("a", "1", None, body(500), Expect::Absent)]);
    (bare.effects, bare.audit) = (vec![], vec![]);
    let made = |sk: &str, bytes| put(sk, sk, Some(sk), body(bytes), Expect::Absent);
    let moved = vec![put("c", "9", Some("c"), body(500), Expect::Version(1))];
    let kept = vec![put("c", "9", Some("c"), body(500), Expect::Version(2))];
    let gone = vec![Write::Delete { key: key("c"), expect: Expect::Version(3) }];
    // (what, commit, (read units, write units))
    let commits = [
        ("a delivery, a record, an entry", bare, (0.0, 2.0 + 2.0 + 2.0)),
        ("with effect and audit rows", full("b", vec![made("b", 500)]), (0.0, 2.0 + 2.0 + 4.0 + 2.0 + 2.0 + 1.0)),
        ("two records", full("c", vec![made("c", 500), made("d", 500)]), (0.0, 2.0 + 4.0 + 8.0 + 2.0 + 2.0 + 1.0)),
        ("a record of 3 KB", full("e", vec![made("e", 2500)]), (0.0, 2.0 + 6.0 + 4.0 + 2.0 + 2.0 + 1.0)),
        ("one that moves", full("f", moved), (2.0, 2.0 + 2.0 + 4.0 + 2.0 + 2.0 + 1.0)),
        ("one that stays", full("g", kept), (2.0, 2.0 + 2.0 + 2.0 + 2.0 + 1.0)),
        ("one that goes", full("h", gone), (2.0, 2.0 + 2.0 + 4.0 + 2.0 + 2.0 + 1.0)),
    ];
    for (what, commit, expected) in commits {
        ledger.commit(commit).await.unwrap();
        assert_eq!(meter.read(), expected, "{what}");
    }

    ledger.get(&key("b")).await.unwrap();
    assert_eq!(meter.read(), (1.0, 0.0), "get");
    let found = ledger.query(&listing(Index::Due, "due")).await.unwrap().records.len();
    assert_eq!((found, meter.read()), (3, (1.0 + 1.0 + 3.0, 0.0)), "an index of three records");
    ledger.query(&listing(Index::Primary, "p")).await.unwrap();
    assert_eq!(meter.read().1, 0.0);

    let waiting = ledger.outbox(100).await.unwrap();
    meter.read();
    let ids: Vec<_> = waiting.iter().map(|outgoing| outgoing.id.clone()).collect();
    ledger.sent(&ids).await.unwrap();
    assert_eq!(meter.read(), (0.0, ids.len() as f64), "confirming effects");

    let rows: Vec<u64> = ledger.unsealed(100).await.unwrap().iter().map(|row| row.row).collect();
    meter.read();
    ledger.sequence(0, &rows).await.unwrap();
    let (_, sequenced) = meter.read();
    ledger.seal(&Head { size: rows.len() as u64, checkpoint: "x".repeat(300) }).await.unwrap();
    let (_, sealed) = meter.read();
    let commits = (rows.len() / 2) as f64;
    assert_eq!((sequenced, sealed), (1.0, 2.0 + commits), "a seal of {} rows", rows.len());
}
