//! The hub's JSON API as one axum router.
//!
//! | file | subject |
//! |---|---|
//! | [`routes`] | the table of routes |
//! | `guard` | what every request passes: host, load, time, credential |
//! | `extract`, [`error`] | bodies and parameters in, refusals out |
//! | [`operations`] | what is not the hub's own: queues, backup, the audit log's objects |
//! | the other modules | one subject each: what is asked, what is answered, and the handlers |
//!
//! The types of requests and answers are public, so that a client reads and writes the very same. It decides nothing:
//! who may do what is policy, asked by the hub; and it knows no database, no broker and no clock.

pub mod actions;
pub mod audit;
pub mod backups;
pub mod consents;
pub mod devices;
pub mod error;
mod extract;
mod guard;
pub mod memories;
mod metrics;
pub mod operations;
pub mod page;
pub mod people;
pub mod policy;
pub mod queues;
pub mod readings;
pub mod reminders;
pub mod restores;
pub mod routes;
pub mod satellites;
pub mod spaces;
pub mod speech;
pub mod status;

pub use guard::Account;
pub use operations::Operations;

use axum::Router;
use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::{
    Hub,
    people::{Caller, SECRET_BYTES, Secret},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Largest request body in bytes; policies may be larger, see [`policy::POLICY_BODY_BYTES_MAX`].
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most requests worked on at a time. Who comes then is asked to come again.
pub const REQUESTS_MAX: usize = 64;
/// Longest that a request may take, in seconds.
pub const REQUEST_TIMEOUT_S: u64 = 30;
/// Longest that verifying the audit log or a backup may take, in seconds.
pub const LONG_REQUEST_TIMEOUT_S: u64 = 1800;

/// What tells the time.
pub type Clock = dyn Fn() -> Timestamp + Send + Sync;
/// What fills a buffer with random bytes that nobody can guess.
pub type Entropy = dyn Fn(&mut [u8]) + Send + Sync;

/// All that the API is composed of.
#[derive(Clone)]
pub struct Api {
    /// The hub.
    pub hub: Arc<Hub>,
    /// What is not the hub's own.
    pub operations: Arc<dyn Operations>,
    /// Names and addresses, without a port, that it may be asked under besides loopback. Any other `Host` is refused:
    /// a web page could have had its own name resolve to this machine.
    pub hosts: Vec<String>,
    /// What time it is.
    pub clock: Arc<Clock>,
    /// Fills a buffer with random bytes.
    pub entropy: Arc<Entropy>,
}

impl Api {
    /// A secret to hand out once.
    fn secret(&self) -> Secret {
        let mut bytes = [0; SECRET_BYTES];
        (self.entropy)(&mut bytes);
        Secret::from_bytes(bytes)
    }

    /// An id for a request that has none.
    fn request_id(&self) -> DeliveryId {
        let mut bytes = [0; 16];
        (self.entropy)(&mut bytes);
        DeliveryId::derive(&["request", &hex::encode(bytes)])
    }

    /// The same caller with a request that is nobody's repetition. What hands out a secret cannot be repeated: the
    /// secret is not kept, so the second answer would tell one that was never in force.
    fn once(&self, caller: Caller) -> Caller {
        Caller { request: self.request_id(), ..caller }
    }
}

/// What handlers see.
#[derive(Clone)]
struct Shared {
    api: Arc<Api>,
    requests: Arc<Semaphore>,
}

impl std::ops::Deref for Shared {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// The API. To be served on a loopback address, or behind whatever ends TLS.
pub fn router(api: Api) -> Router {
    routes::router(Shared { api: Arc::new(api), requests: Arc::new(Semaphore::new(REQUESTS_MAX)) })
}
