//! Ports: all that the hub needs from the world, each with a conformance suite in [`crate::conformance`].
//!
//! An adapter is correct when it passes the suite; nothing else is promised about it.

mod bus;
mod fleet;
mod ledger;
mod model;
mod recall;
mod vault;

pub use bus::{Bus, BusError, Delivery};
pub use fleet::{Bundle, Fleet, FleetError};
pub use ledger::{
    AuditRow, Commit, Committed, DELIVERY_MEMORY_S, Effect, Expect, Head, Index, IndexKey, Key, Ledger, LedgerError,
    Outgoing, Page, Query, Record, Write,
};
pub use model::{Embeddings, Model, ModelError};
pub use recall::{Hit, Recall, RecallDoc, RecallError, RecallQuery};
pub use vault::{Put, Vault, VaultError};

/// The cause of an adapter's failure.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
