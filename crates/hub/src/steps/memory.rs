//! `memory`: lets recall follow what the ledger says of one memory.

use super::hop_body;
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::memory_key,
    hub::Hub,
    port::{Delivery, ModelError, RecallDoc},
};
use marvain_domain::{Timestamp, id::MemoryId, memory::Memory};
use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    memory: MemoryId,
}

/// While the model is away the memory is findable by its words, and the delivery is tried again for its vector.
pub(crate) async fn run(hub: &Hub, delivery: &Delivery, _now: Timestamp) -> Result<Changes, StepError> {
    let id = hop_body::<Body>(delivery)?.memory;
    let memory = hub.load::<Memory>(&memory_key(&id)).await?.map(|stored| stored.value);
    let Some(memory) = memory.filter(|memory| memory.state.is_recallable()) else {
        hub.ports.recall.erase(&[id]).await?;
        return Ok(Changes::default());
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
            hub.ports.recall.upsert(vec![doc(embeddings.space, vector)]).await?;
            Ok(Changes::default())
        }
        Err(error @ (ModelError::Unavailable(_) | ModelError::Budget { .. })) => {
            hub.ports.recall.upsert(vec![doc(String::new(), Vec::new())]).await?;
            Err(error.into())
        }
        Err(error) => {
            hub.ports.recall.upsert(vec![doc(String::new(), Vec::new())]).await?;
            tracing::warn!(memory = %id, %error, "a memory is findable by its words only");
            Ok(Changes::default())
        }
    }
}
