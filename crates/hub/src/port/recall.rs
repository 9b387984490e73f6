//! Memories as vectors and text. A projection: it can be rebuilt from the ledger, and is believed in nothing else.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::{Timestamp, id::MemoryId, memory::Tier};

/// A memory to be found again.
#[derive(Clone, PartialEq, Debug)]
pub struct RecallDoc {
    /// Which.
    pub memory: MemoryId,
    /// What sort.
    pub tier: Tier,
    /// Its words.
    pub content: String,
    /// The vector space that `vector` is of: the embedding model's name. Vectors of different spaces never meet. Empty
    /// if no model has looked at the words yet.
    pub vector_space: String,
    /// Its vector, of unit length; empty if there is none.
    pub vector: Vec<f32>,
    /// When it last changed.
    pub at: Timestamp,
}

/// What to look for.
#[derive(Clone, PartialEq, Debug)]
pub struct RecallQuery {
    /// Words.
    pub text: String,
    /// See [`RecallDoc::vector_space`].
    pub vector_space: String,
    /// Vector of the words; empty to look for words only.
    pub vector: Vec<f32>,
    /// Only these sorts; empty for all.
    pub tiers: Vec<Tier>,
    /// At most so many of each signal, 1 to 1,000.
    pub limit: usize,
}

/// A memory that was found, with each signal that found it.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    /// Which.
    pub memory: MemoryId,
    /// Cosine similarity, -1 to 1, if it is among the nearest.
    pub similarity: Option<f32>,
    /// BM25 score, larger is better, if it shares words.
    pub text_score: Option<f32>,
}

/// Why recall did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// It is not there, or refuses.
    #[error("recall cannot be reached or written now")]
    Unavailable(#[source] Cause),
    /// It was at rest and wakes up: it answers within a minute or so. Nothing was done.
    #[error("recall was at rest and wakes up")]
    Waking(#[source] Cause),
}

/// Memories as vectors and text.
#[async_trait]
pub trait Recall: Send + Sync {
    /// Makes memories findable; one that is there already is replaced. Durable on return.
    async fn upsert(&self, docs: Vec<RecallDoc>) -> Result<(), RecallError>;
    /// Makes them unfindable. Ids that are not there are no error.
    async fn erase(&self, memories: &[MemoryId]) -> Result<(), RecallError>;
    /// The union of the nearest by vector and the best by words, in no order.
    async fn search(&self, query: &RecallQuery) -> Result<Vec<Hit>, RecallError>;
    /// At most `limit` ids of memories whose [`vector_space`](RecallDoc::vector_space) is not `space`, always the same
    /// ones first.
    async fn of_other_spaces(&self, space: &str, limit: usize) -> Result<Vec<MemoryId>, RecallError>;
    /// Ids of all memories that can be found, for the drift check.
    async fn ids(&self) -> Result<Vec<MemoryId>, RecallError>;
}
