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
mod ledger;
mod model;
mod recall;
mod vault;

pub use bus::{BusWorld, bus};
pub use ledger::ledger;
pub use model::model;
pub use recall::recall;
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
