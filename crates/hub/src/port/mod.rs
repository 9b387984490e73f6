//! Ports: all that the hub needs from the world, each with a conformance suite in [`crate::conformance`].
//!
//! An adapter is correct when it passes the suite; nothing else is promised about it.

mod bus;
mod fleet;
mod ledger;
mod model;
mod push;
mod recall;
mod signer;
mod telemetry;
mod vault;
mod vault_key;

pub use bus::{Bus, BusError, Delivery};
pub use fleet::{Bundle, Fleet, FleetError};
pub use ledger::{
    AuditRow, Commit, Committed, DELIVERY_MEMORY_S, Effect, Expect, Head, Index, IndexKey, Key, Ledger, LedgerError,
    Outgoing, Page, Query, Record, Write,
};
pub use model::{Embeddings, Model, ModelError};
pub use push::{NoPush, Notification, PUSH_TOKEN_BYTES_MAX, Push, PushError, PushToken, Pushed};
pub use recall::{Hit, Recall, RecallDoc, RecallError, RecallQuery};
pub use signer::{SIGNED_BYTES_MAX, Signer, SignerError};
pub use telemetry::{
    POINTS_MAX, Point, STEP_S_MAX, SUMMARIES_KEPT_S, SUMMARY_MS, Sample, SeriesQuery, Telemetry, TelemetryError,
    VALUE_MAX, VALUES_KEPT_S,
};
pub use vault::{Put, Vault, VaultError};
pub use vault_key::{VAULT_KEY_BYTES_MAX, VaultKey, is_vault_segment};

/// The cause of an adapter's failure.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
