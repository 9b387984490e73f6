//! The way out: hops to the hub's own steps, shadows, revocations.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, SatelliteId},
};
use marvain_topics::{Queue, ShadowName};
use serde_json::Value;

/// What a rule or a hop hands to a step of the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Derived from what it carries, so that a repetition has the same.
    pub id: DeliveryId,
    /// To which step.
    pub queue: Queue,
    /// The topic it came on; none for the hub's own hops.
    pub topic: Option<String>,
    /// The certificate that published it, as the broker has authenticated it; none for the hub and the broker itself.
    pub principal: Option<String>,
    /// When the broker got it.
    pub received_at: Timestamp,
    /// The payload.
    pub body: Vec<u8>,
}

impl Delivery {
    /// A message that a rule forwards. A device that repeats a publish repeats the id.
    pub fn from_rule(
        queue: Queue,
        topic: &str,
        principal: Option<&str>,
        received_at: Timestamp,
        body: Vec<u8>,
    ) -> Self {
        let payload = String::from_utf8_lossy(&body);
        let id = DeliveryId::derive(&[queue.name(), topic, principal.unwrap_or_default(), &payload]);
        Self { id, queue, topic: Some(topic.to_owned()), principal: principal.map(str::to_owned), received_at, body }
    }

    /// The hop that an outbox effect asks for.
    pub fn hop(queue: Queue, cause: &str, at: Timestamp, body: &Value) -> Self {
        let id = DeliveryId::derive(&[queue.name(), cause]);
        Self { id, queue, topic: None, principal: None, received_at: at, body: body.to_string().into_bytes() }
    }
}

/// Why something did not go out. It is tried again.
#[derive(Debug, thiserror::Error)]
#[error("{what} did not go out")]
pub struct BusError {
    /// What.
    pub what: String,
    /// Why.
    #[source]
    pub source: Cause,
}

/// The way out. All methods may be repeated without harm.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts a delivery into its queue. Returns once it is durable.
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError>;
    /// Merges `desired` into the desired state of a named shadow.
    async fn shadow(&self, satellite: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), BusError>;
    /// Revokes a certificate for good; its live connections end at once.
    async fn revoke(&self, certificate_id: &str) -> Result<(), BusError>;
}
