//! The suite of the port [`Bus`].

use crate::port::{Bus, Delivery};
use async_trait::async_trait;
use marvain_domain::{Timestamp, id::SatelliteId};
use marvain_topics::{Queue, ShadowName};
use serde_json::{Value, json};

/// A bus, and the places where it puts things. Queues are read by the suite alone.
#[async_trait]
pub trait BusWorld: Send + Sync {
    /// The adapter.
    type Bus: Bus;
    /// The adapter.
    fn bus(&self) -> &Self::Bus;
    /// All that waits in a queue, in its order.
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
    deliveries_reach_their_queue_once(&fresh().await).await;
    desired_state_is_merged(&fresh().await).await;
    a_revoked_certificate_stays_revoked(&fresh().await).await;
}

async fn deliveries_reach_their_queue_once<W: BusWorld>(world: &W) {
    let at = Timestamp::from_ms(1_795_348_800_000);
    let hop = Delivery::hop(Queue::Plan, "cause", at, &json!({ "text": "ü" }));
    let any_bytes = (0..=255).collect();
    let event = Delivery::from_rule(Queue::Observe, "marvain/v1/kitchen/event/x", Some("c0ffee"), at, any_bytes);
    for delivery in [&hop, &event, &hop] {
        world.bus().enqueue(delivery.clone()).await.unwrap();
    }
    assert_eq!(world.queued(Queue::Plan).await, [hop]);
    assert_eq!(world.queued(Queue::Observe).await, [event]);
    assert_eq!(world.queued(Queue::Judge).await, []);
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
