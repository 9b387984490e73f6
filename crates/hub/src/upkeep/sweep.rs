//! `sweep`: what nobody waits for, and what wakes a database that may be asleep. Drops old readings, has old vectors made anew.

use crate::hub::Hub;
use marvain_domain::{Timestamp, chain};

/// What a sweep did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Is there more of it to do now? Of old readings and of old vectors each sweep does a bounded part.
    pub is_more: bool,
}

impl Hub {
    /// Does a part of it. What fails has to wait for the next sweep.
    pub async fn sweep(&self, now: Timestamp) -> Swept {
        let mut swept = Swept::default();
        match self.reembed(now).await {
            Ok(under_way) => swept.is_more = under_way > 0,
            Err(error) => tracing::warn!(error = chain(&error), "embedding memories again has to wait"),
        }
        if let Err(error) = self.ports.telemetry.purge(now).await {
            tracing::warn!(error = chain(&error), "dropping old readings has to wait");
        }
        swept
    }
}
