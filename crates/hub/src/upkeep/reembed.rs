//! Memories whose vector is of another model than the present one: after another was set, recall would find them by
//! their words alone. The step `memory` embeds them again, one delivery each.

use crate::{
    changes::Changes,
    hub::Hub,
    port::{Effect, LedgerError, RecallError},
};
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, MemoryId},
};
use marvain_topics::Queue;
use serde_json::json;

/// Most memories that one sweep sends to be embedded again.
const REEMBED_MAX: usize = 16;
/// How long such a delivery is given before it is sent again, in milliseconds.
const AGAIN_MS: u64 = 3600 * 1000;

/// Why memories could not be looked for or sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReembedError {
    #[error(transparent)]
    Recall(#[from] RecallError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Hub {
    /// Sends some memories to be embedded again. Those that were sent lately are not sent twice, and come first until
    /// they are done, so that no more than [`REEMBED_MAX`] are under way; says how many that are.
    pub(super) async fn reembed(&self, now: Timestamp) -> Result<usize, ReembedError> {
        let space = self.ports.model.embedding_space();
        let memories = self.ports.recall.of_other_spaces(space, REEMBED_MAX).await?;
        for memory in &memories {
            self.reembed_one(memory, space, now).await?;
        }
        Ok(memories.len())
    }

    async fn reembed_one(&self, memory: &MemoryId, space: &str, now: Timestamp) -> Result<(), LedgerError> {
        let hour = now.as_ms() / AGAIN_MS;
        let cause = DeliveryId::derive(&["reembed", space, memory.as_str(), &hour.to_string()]);
        if self.ports.ledger.is_applied(&cause).await? {
            return Ok(());
        }
        let mut changes = Changes::default();
        changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": memory}) });
        self.apply(changes, cause, now).await.map(|_| ())
    }
}
