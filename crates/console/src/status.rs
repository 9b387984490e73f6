//! How the hub is.

use crate::{
    Shared,
    error::Answer,
    operations::{BrokerStats, Stats},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    Timestamp,
    id::{PersonId, SpaceId},
    identity::{Role, SatelliteStatus},
};
use marvain_hub::people::{Caller, RequestError, Waiting};
use serde::{Deserialize, Serialize};

pub use marvain_hub::people::WAITING_MAX;

/// That the hub answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Always true: who cannot answer does not.
    pub ready: bool,
}

/// How the hub is, as far as the caller may know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Version of the software.
    pub version: String,
    /// The hub's time.
    pub now: Timestamp,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Who asks.
    pub person: PersonId,
    /// Their role.
    pub role: Role,
    /// The planner in use.
    pub planner: String,
    /// Satellites that are trusted.
    pub satellites: usize,
    /// How many of them are connected.
    pub satellites_online: usize,
    /// Spaces in privacy mode.
    pub private_spaces: Vec<SpaceId>,
    /// Actions that wait for approval; [`WAITING_MAX`] stands for that many or more.
    pub to_approve: usize,
    /// Memories that wait for review by the caller; [`WAITING_MAX`] stands for that many or more.
    pub to_review: usize,
    /// Deliveries that wait in queues or are worked on.
    pub deliveries: u64,
    /// Deliveries that were given up.
    pub dead_letters: u64,
    /// Effects that wait to go out.
    pub outbox: u64,
    /// Entries of the audit log.
    pub audit_size: u64,
    /// Audit rows that wait to be sealed.
    pub audit_waiting: u64,
    /// What the audit log's checkpoints verify with.
    pub verifier_key: String,
    /// The broker.
    pub broker: BrokerStats,
}

pub(crate) async fn health() -> Json<Health> {
    Json(Health { ready: true })
}

pub(crate) async fn status(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer<Status> {
    let hub = &shared.hub;
    let satellites = hub.satellites(&caller).await?;
    let trusted = || satellites.iter().filter(|view| view.satellite.status == SatelliteStatus::Active);
    let spaces = hub.spaces(&caller).await?;
    let Waiting { to_approve, to_review } = hub.waiting(&caller).await?;
    let queues = shared.operations.queues().await?;
    let Stats { started_at, outbox, audit_size, audit_waiting, broker } = shared.operations.stats().await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: caller.now,
        started_at,
        person: caller.person.id.clone(),
        role: caller.person.role,
        planner: hub.planner().to_owned(),
        satellites: trusted().count(),
        satellites_online: trusted().filter(|view| view.presence.online).count(),
        private_spaces: spaces.into_iter().filter(|space| space.is_private()).map(|space| space.id).collect(),
        to_approve,
        to_review,
        deliveries: queues.iter().map(|queue| queue.waiting + queue.in_flight).sum(),
        dead_letters: queues.iter().map(|queue| queue.dead).sum(),
        outbox,
        audit_size,
        audit_waiting,
        verifier_key: hub.verifier_key().await.map_err(RequestError::from)?,
        broker,
    }))
}
