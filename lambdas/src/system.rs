//! The real clock and the real randomness, for the composition alone.

use marvain_domain::Timestamp;
use std::sync::Arc;

/// There are no random numbers on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoEntropy;

/// Wall-clock time and the operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct System(());

impl System {
    /// The system's own, once it has proved to give random numbers.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn new() -> Result<Self, NoEntropy> {
        fill(&mut [0; 1])?;
        Ok(Self(()))
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "only the composition root hands this out")]
    pub fn now(self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// As the console and the planner ask for time.
    pub fn clock(self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        Arc::new(move || self.now())
    }

    /// As the console asks for randomness.
    pub fn entropy(self) -> Arc<marvain_console::Entropy> {
        Arc::new(|bytes: &mut [u8]| {
            if fill(bytes).is_err() {
                // INVARIANT: `System::new` saw it work, and AWS-LC aborts rather than stop working later.
                tracing::error!("the system gives no random numbers any more");
                std::process::abort();
            }
        })
    }

    /// As the planner asks for randomness.
    pub fn dice(self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let entropy = self.entropy();
        Arc::new(move || {
            let mut bytes = [0; 8];
            entropy(&mut bytes);
            u64::from_ne_bytes(bytes)
        })
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(bytes).map_err(|_| NoEntropy)
}
