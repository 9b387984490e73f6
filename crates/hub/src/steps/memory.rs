//! `memory`: lets recall follow what the ledger says of one memory, and sweeps up after one that was forgotten.

use super::{
    forget::{self, Sweep},
    hop_body,
};
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
    /// Copies of its words to sweep up, instead of recall to follow.
    sweep: Option<Sweep>,
    /// Where an earlier hop stopped.
    after: Option<String>,
}

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let Body { memory, sweep, after } = hop_body(delivery)?;
    match sweep {
        Some(sweep) => forget::run(hub, &memory, sweep, after, now).await,
        None => keep_up(hub, memory).await,
    }
}

/// While the model is away the memory is findable by its words, and the delivery is tried again for its vector. What is
/// written is looked at again: the memory may have been forgotten meanwhile, and its words with it.
async fn keep_up(hub: &Hub, id: MemoryId) -> Result<Changes, StepError> {
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
            let later = matches!(error, ModelError::Unavailable(_) | ModelError::Budget { .. });
            // What a model declines is not put to that model again.
            let space = if later { "" } else { hub.ports.model.embedding_space() };
            hub.ports.recall.upsert(vec![doc(space.to_owned(), Vec::new())]).await?;
            if later {
                return Err(error.into());
            }
            tracing::warn!(memory = %id, %error, "a memory is findable by its words only");
            Ok(())
        }
    }
}
