//! Pure decisions: identity, consent, memory, policy, actions, presence, the audit tree.
//!
//! Every function takes the facts, the time and the ids it needs, and answers with what follows. There is no clock, no
//! randomness, no storage and no network here, and nothing that waits.

pub mod action;
#[cfg(feature = "audit")]
pub mod audit;
pub mod capability;
mod chain;
pub mod consent;
pub mod event;
pub mod id;
pub mod identity;
pub mod memory;
pub mod plan;
#[cfg(feature = "policy")]
pub mod policy;
pub mod principal;
pub mod recall;
pub mod record;
pub mod reminder;
mod time;

pub use chain::chain;
pub use principal::Principal;
pub use record::AuditDraft;
pub use time::{TIMESTAMP_MS_MAX, Timestamp, TimestampError};
