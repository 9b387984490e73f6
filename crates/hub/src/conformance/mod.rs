//! What every adapter of a port must do, as suites that any adapter can run in its tests.
//!
//! A suite knows the port and its documentation, and no adapter. It panics at the first thing that is not so.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "suites are tests: they fail by panicking"
)]

mod bus;
mod fleet;
mod ledger;
mod model;
mod phones;
mod push;
mod recall;
mod signer;
mod telemetry;
mod vault;

pub use bus::{BusWorld, bus};
pub use fleet::{Attempt, FleetWorld, fleet};
pub use ledger::{ledger, ledger_basics, ledger_concurrency, ledger_pages};
pub use model::model;
pub use phones::Phones;
pub use push::{PushWorld, push};
pub use recall::recall;
pub use signer::signer;
pub use telemetry::{telemetry, telemetry_retention};
pub use vault::vault;

use async_trait::async_trait;

/// What an adapter keeps its state in: a directory, a table, a bucket. A suite makes many; each begins empty.
#[async_trait]
pub trait Storage: Send + Sync {
    /// The adapter.
    type Adapter: Send + Sync;
    /// Opens an adapter on what is stored. A suite drops one adapter and opens another as if the process had crashed
    /// in between.
    async fn open(&self) -> Self::Adapter;
}
