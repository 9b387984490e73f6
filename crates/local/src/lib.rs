//! The hub's ports on SQLite and files, and durable queues between its steps.
//!
//! It decides nothing: what is stored, queued or recalled has no meaning here. It has no clock and no network.

mod ledger;
mod store;

pub use ledger::SqliteLedger;
pub use store::{OpenError, StoreError};
