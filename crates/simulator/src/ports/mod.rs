//! The hub's ports in a world where they fail: adapters that refuse, forget to answer, and let others go first, around
//! ones that keep their contract.

mod bus;
mod ledger;
mod model;
mod recall;
mod signer;
mod telemetry;
mod vault;

pub(crate) use bus::{SimBus, SimFleet};
pub(crate) use ledger::SimLedger;
pub(crate) use model::SimModel;
pub(crate) use recall::SimRecall;
pub(crate) use signer::SimSigner;
pub(crate) use telemetry::SimTelemetry;
pub use vault::MemoryVault;
pub(crate) use vault::SimVault;

use marvain_hub::port::Cause;

/// The cause of every simulated failure.
fn simulated(what: &str) -> Cause {
    format!("simulated: {what}").into()
}
