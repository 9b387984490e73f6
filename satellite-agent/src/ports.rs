//! What the agent asks of its surroundings: the time and randomness.

use marvain_domain::Timestamp;
use std::{fmt, sync::Arc};

/// Wall-clock time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Cryptographically secure randomness.
pub trait Entropy: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The surroundings.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// There are no random numbers on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoEntropy;

impl Ports {
    /// This machine's clock and random numbers, for composition roots, once the latter have proved to be there.
    pub fn system() -> Result<Self, NoEntropy> {
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut [0; 1]).map_err(|_| NoEntropy)?;
        Ok(Self { clock: Arc::new(System), entropy: Arc::new(System) })
    }
}

struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the port; only composition roots hand it out")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        if rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(bytes).is_err() {
            // INVARIANT: `Ports::system` saw it work, and AWS-LC aborts rather than stop working later.
            tracing::error!("the system gives no random numbers any more");
            std::process::abort();
        }
    }
}
