//! `memory`: lets recall follow what the ledger says of one memory.

use super::hop_body;
use crate::{
    changes::Changes,
    deliver::{CONFLICTS_MAX, StepError},
    entity::memory_key,
    hub::Hub,
    port::{Delivery, LedgerError, ModelError, RecallDoc},
};
use marvain_domain::{Timestamp, id::MemoryId, memory::Memory};
use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    memory: MemoryId,
}

/// While the model is away the memory is findable by its words, and the delivery is tried again for its vector. What is
/// written is looked at again: the memory may have been forgotten meanwhile, and its words with it.
pub(crate) async fn run(hub: &Hub, delivery: &Delivery, _now: Timestamp) -> Result<Changes, StepError> {
    let id = hop_body::<Body>(delivery)?.memory;
    for _ in 0..CONFLICTS_MAX {
        let before = hub.load::<Memory>(&memory_key(&id)).await?;
        let followed = follow(hub, &id, before.as_ref().map(|stored| &stored.value)).await;
        let after = hub.load::<Memory>(&memory_key(&id)).await?;
        if before.map(|stored| stored.version) == after.map(|stored| stored.version) {
            return followed.map(|()| Changes::default());
        }
    }
    Err(LedgerError::Conflict { pk: memory_key(&id).pk, sk: memory_key(&id).sk }.into())
}

async fn follow(hub: &Hub, id: &MemoryId, memory: Option<&Memory>) -> Result<(), StepError> {
    let Some(memory) = memory.filter(|memory| memory.state.is_recallable()) else {
        return Ok(hub.ports.recall.erase(std::slice::from_ref(id)).await?);
    };
    let doc = |vector_space, vector| RecallDoc {
        memory: memory.id.clone(),
        tier: memory.tier,
        content: memory.content.clone(),
        vector_space,
        vector,
        at: memory.changed_at,
    };
    match hub.ports.model.embed(std::slice::from_ref(&memory.content)).await {
        Ok(embeddings) => {
            let vector = embeddings.vectors.into_iter().next().unwrap_or_default();
            Ok(hub.ports.recall.upsert(vec![doc(embeddings.space, vector)]).await?)
        }
        Err(error) => {
            hub.ports.recall.upsert(vec![doc(String::new(), Vec::new())]).await?;
            match error {
                ModelError::Unavailable(_) | ModelError::Budget { .. } => Err(error.into()),
                error => {
                    tracing::warn!(memory = %id, %error, "a memory is findable by its words only");
                    Ok(())
                }
            }
        }
    }
}
