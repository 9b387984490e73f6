//! The real clock and the real randomness, as each part of the hub's process asks for them. They are the satellite's:
//! one process may be both.

use marvain_domain::Timestamp;
use marvain_satellite::{NoEntropy, Ports};
use std::sync::Arc;

/// Wall-clock time and the operating system's randomness.
#[derive(Clone, Debug)]
pub(crate) struct System(Ports);

impl System {
    /// The system's own, once it has proved to give random numbers.
    pub(crate) fn new() -> Result<Self, NoEntropy> {
        Ports::system().map(Self)
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Random bytes that nobody can guess.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.entropy.fill(&mut bytes);
        bytes
    }

    /// As the console and the planner ask for time.
    pub(crate) fn clock(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let clock = self.0.clock.clone();
        Arc::new(move || clock.now())
    }

    /// As the console asks for randomness.
    pub(crate) fn entropy(&self) -> Arc<marvain_console::Entropy> {
        let entropy = self.0.entropy.clone();
        Arc::new(move |bytes| entropy.fill(bytes))
    }

    /// As the planner asks for randomness.
    pub(crate) fn dice(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let system = self.clone();
        Arc::new(move || u64::from_ne_bytes(system.random()))
    }
}

impl marvain_iotcore::Clock for System {
    fn now_ms(&self) -> u64 {
        self.now().as_ms()
    }
}

impl marvain_iotcore::Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.entropy.fill(bytes);
    }
}
