//! The real recall, away at times, and a note of what it was told.

use super::simulated;
use crate::{options::Plant, shared::Shared};
use async_trait::async_trait;
use marvain_domain::id::MemoryId;
use marvain_hub::port::{Hit, Recall, RecallDoc, RecallError, RecallQuery};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) struct SimRecall {
    inner: Arc<dyn Recall>,
    told: Mutex<BTreeMap<MemoryId, String>>,
    shared: Shared,
}

impl SimRecall {
    pub(crate) fn new(inner: Arc<dyn Recall>, shared: Shared) -> Self {
        Self { inner, told: Mutex::default(), shared }
    }

    /// The words that each memory can be found by.
    pub(crate) fn told(&self) -> BTreeMap<MemoryId, String> {
        self.told.lock().clone()
    }

    async fn reach(&self) -> Result<(), RecallError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.recall_down) {
            return Err(RecallError::Unavailable(simulated("away")));
        }
        Ok(())
    }
}

#[async_trait]
impl Recall for SimRecall {
    async fn upsert(&self, docs: Vec<RecallDoc>) -> Result<(), RecallError> {
        self.reach().await?;
        self.inner.upsert(docs.clone()).await?;
        for doc in docs {
            self.shared.note(|| format!("recall: {} upserted", doc.memory));
            self.told.lock().insert(doc.memory, doc.content);
        }
        self.shared.boundary().await;
        Ok(())
    }

    async fn erase(&self, memories: &[MemoryId]) -> Result<(), RecallError> {
        self.reach().await?;
        if !self.shared.planted(Plant::RecallKeepsErased, 1000) {
            self.inner.erase(memories).await?;
            self.told.lock().retain(|id, _| !memories.contains(id));
            self.shared.note(|| format!("recall: {memories:?} erased"));
        }
        self.shared.boundary().await;
        Ok(())
    }

    async fn search(&self, query: &RecallQuery) -> Result<Vec<Hit>, RecallError> {
        self.reach().await?;
        let mut hits = self.inner.search(query).await?;
        hits.sort_by(|a, b| a.memory.cmp(&b.memory));
        Ok(hits)
    }

    async fn of_other_spaces(&self, space: &str, limit: usize) -> Result<Vec<MemoryId>, RecallError> {
        self.reach().await?;
        self.inner.of_other_spaces(space, limit).await
    }

    async fn ids(&self) -> Result<Vec<MemoryId>, RecallError> {
        self.reach().await?;
        self.inner.ids().await
    }
}
