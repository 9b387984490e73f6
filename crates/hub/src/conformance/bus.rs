//! The suite of the port [`Bus`].

use crate::port::{Bus, Delivery};
use async_trait::async_trait;
use marvain_domain::{Timestamp, id::SatelliteId};
use marvain_topics::{Queue, ShadowName, channel::BROKER_PAYLOAD_BYTES_MAX};
use serde_json::{Value, json};

/// A bus, and the places where it puts things. Queues are read by the suite alone.
#[async_trait]
pub trait BusWorld: Send + Sync {
    /// The adapter.
    type Bus: Bus;
    /// The adapter.
    fn bus(&self) -> &Self::Bus;
    /// Does a queue hold one delivery once, in the order of coming? Else it may hand out what was put into it more than once and
    /// in any order, as the standard queues of SQS do; the ledger takes a delivery once all the same.
    fn is_exact(&self) -> bool {
        true
    }
    /// All that waits in a queue, as it is handed out. Asked once.
    async fn queued(&self, queue: Queue) -> Vec<Delivery>;
    /// A satellite that is registered, and the id of its active certificate.
    async fn satellite(&self, name: &str) -> (SatelliteId, String);
    /// The desired state of a satellite's shadow; null if there is none.
    async fn desired(&self, satellite: &SatelliteId, name: ShadowName) -> Value;
    /// Can a client still connect with this certificate?
    async fn is_active(&self, certificate_id: &str) -> bool;
}

/// Runs the suite; `fresh` makes a world for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn bus<W: BusWorld>(fresh: impl AsyncFn() -> W) {
    deliveries_reach_their_queue(&fresh().await).await;
    desired_state_is_merged(&fresh().await).await;
    a_revoked_certificate_stays_revoked(&fresh().await).await;
}

/// Whole, in no other queue, and each at least once.
async fn deliveries_reach_their_queue<W: BusWorld>(world: &W) {
    let at = Timestamp::from_ms(1_795_348_800_000);
    let hop = Delivery::hop(Queue::Plan, "cause", at, &json!({ "text": "ü" }));
    let next = Delivery::hop(Queue::Plan, "another cause", at.plus_ms(1), &json!({}));
    let any_bytes: Vec<u8> = (0..=255).collect();
    let topic = "marvain/v1/kitchen/event/x";
    let event = Delivery::from_rule(Queue::Observe, topic, Some("c0ffee"), at, any_bytes);
    let largest = Delivery::from_rule(Queue::Presence, topic, None, at, vec![0xa5; BROKER_PAYLOAD_BYTES_MAX]);
    let empty = Delivery::from_rule(Queue::Settle, topic, None, at, Vec::new());
    for delivery in [&hop, &event, &next, &hop, &largest, &empty] {
        world.bus().enqueue(delivery.clone()).await.unwrap();
    }
    let queues = [
        (Queue::Plan, vec![hop, next]),
        (Queue::Observe, vec![event]),
        (Queue::Presence, vec![largest]),
        (Queue::Settle, vec![empty]),
        (Queue::Judge, vec![]),
    ];
    for (queue, expected) in queues {
        let mut queued = world.queued(queue).await;
        if !world.is_exact() {
            let first = |delivery: &Delivery| expected.iter().position(|expected| expected.id == delivery.id);
            queued.sort_by_key(first);
            queued.dedup();
        }
        assert!(queued == expected, "in `{}`: {} of {}", queue.name(), queued.len(), expected.len());
    }
}

async fn desired_state_is_merged<W: BusWorld>(world: &W) {
    let (kitchen, _) = world.satellite("kitchen").await;
    let (den, _) = world.satellite("den").await;
    let [name, other, ..] = ShadowName::ALL;
    let steps = [
        (json!({ "a": { "args": { "on": true } } }), json!({ "a": { "args": { "on": true } } })),
        (json!({ "b": 1 }), json!({ "a": { "args": { "on": true } }, "b": 1 })),
        (json!({ "a": { "args": { "off": 0 } } }), json!({ "a": { "args": { "on": true, "off": 0 } }, "b": 1 })),
        (json!({ "a": null, "never": null }), json!({ "b": 1 })),
    ];
    for (patch, expected) in steps {
        // Twice is as once.
        for _ in 0..2 {
            world.bus().shadow(&kitchen, name, &patch).await.unwrap();
            assert_eq!(world.desired(&kitchen, name).await, expected, "after {patch}");
        }
    }
    assert_eq!(world.desired(&kitchen, other).await, Value::Null, "shadows are apart");
    assert_eq!(world.desired(&den, name).await, Value::Null, "satellites are apart");
}

async fn a_revoked_certificate_stays_revoked<W: BusWorld>(world: &W) {
    let (_, kitchen) = world.satellite("kitchen").await;
    let (_, den) = world.satellite("den").await;
    assert!(world.is_active(&kitchen).await);
    for _ in 0..2 {
        world.bus().revoke(&kitchen).await.unwrap();
        assert!(!world.is_active(&kitchen).await);
    }
    assert!(world.is_active(&den).await);
}
