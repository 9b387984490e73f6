//! Ports and use cases of the hub.
//!
//! Every use case has one shape: gather facts, let `marvain_domain` decide, commit rows, effects and audit entries in
//! one transaction that is idempotent by delivery id, then carry the effects out. It knows no database, no broker and
//! no clock.

mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod deliver;
pub mod entity;
mod facts;
mod hub;
mod lanes;
pub mod people;
pub mod planner;
pub mod port;
mod recalling;
mod steps;
mod telling;
mod upkeep;

pub use changes::Stored;
pub use deliver::{CONFLICTS_MAX, DeliverError, Outcome};
pub use hub::{Hub, Ports, Settings};
pub use lanes::in_lanes;
pub use recalling::{QUESTION_BYTES_MAX, RECALL_RESULTS_MAX};
pub use upkeep::{SEAL_ROWS_MAX, SealError, Sealed, Swept, TICK_MAX, Ticked};
