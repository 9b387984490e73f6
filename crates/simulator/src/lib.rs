//! Simulates one hub, its satellites and its household on virtual time, and checks what must hold whatever fails.
//!
//! [`simulate`] builds a world from one seed: the real hub on the real SQLite ledger, queues and recall, the satellites'
//! real cores, the embedded IoT Core's own shadows, and between them everything that goes wrong: messages that are lost,
//! late, repeated or overtaken, processes that end between any two steps, stores that refuse or do not answer, clocks
//! that are off, people who change their minds. After that all faults end, everything comes to rest, and an oracle that
//! has kept its own record says whether each invariant held. Equal seeds and options give the same world, event by event.
//!
//! It knows no real time, network or file. [`Plant`] removes one guard, to show that the invariants notice.

mod broker;
mod dice;
mod disk;
mod executor;
mod options;
mod oracle;
mod ports;
mod satellite;
mod shared;
mod trace;
mod weather;
mod world;

pub use options::{Failure, Options, Plant, Summary, TROUBLE_S};
pub use ports::MemoryVault;

use world::World;

/// Lives through the world of `seed`.
///
/// # Errors
/// [`Failure`], at the first invariant that does not hold.
pub fn simulate(seed: u64, options: &Options) -> Result<Summary, Failure> {
    match World::new(seed, *options) {
        Ok(world) => world.run(),
        Err(error) => Err(Failure {
            seed,
            step: 0,
            invariant: "the simulator works",
            detail: format!("the world cannot be set up: {error:?}"),
            trace: Vec::new(),
        }),
    }
}
