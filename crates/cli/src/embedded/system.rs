//! The real clock and the real randomness: the one place of the hub's process that may ask for them.

use marvain_domain::Timestamp;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Wall-clock time and the operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System;

impl System {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the composition root is where time comes from")]
    pub(crate) fn now(self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Fills `bytes` with randomness that nobody can guess.
    pub(crate) fn fill(self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Nothing that needs a secret may go on without one.
            tracing::error!("the operating system gives no randomness");
            std::process::abort();
        }
    }

    /// As the console asks for time.
    pub(crate) fn clock(self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        Arc::new(move || self.now())
    }

    /// As the console asks for randomness.
    pub(crate) fn entropy(self) -> Arc<dyn Fn(&mut [u8]) + Send + Sync> {
        Arc::new(move |bytes| self.fill(bytes))
    }
}

impl marvain_iotcore::Clock for System {
    fn now_ms(&self) -> u64 {
        self.now().as_ms()
    }
}

impl marvain_iotcore::Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        System::fill(*self, bytes);
    }
}
