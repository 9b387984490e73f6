//! Language models: they propose and embed, and are believed in nothing.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::plan::{Draft, DraftError, PlanRequest};

/// Vectors of one model.
#[derive(Clone, PartialEq, Debug)]
pub struct Embeddings {
    /// [`Model::embedding_space`]: vectors of different spaces never meet.
    pub space: String,
    /// One vector of unit length for each text, in order.
    pub vectors: Vec<Vec<f32>>,
}

/// Why a model did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Down, slow, or over its rate; later it may answer.
    #[error("the model cannot be reached now")]
    Unavailable(#[source] Cause),
    /// The token budget is spent until later.
    #[error("the token budget of {limit} a day is spent")]
    Budget {
        /// Tokens a day.
        limit: u64,
    },
    /// It answered something that is no plan; asking again would give the same.
    #[error("the model's answer is no plan")]
    Nonsense(#[source] DraftError),
    /// It declined, or the request is wrong: asking again would give the same. The words are not the model's: they are
    /// kept in the audit log.
    #[error("the model declined: {0}")]
    Declined(String),
}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Name, as recorded with what it proposes.
    fn name(&self) -> &str;
    /// Name of the vector space that [`embed`](Self::embed) embeds into.
    fn embedding_space(&self) -> &str;
    /// Proposes what follows from an event.
    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError>;
    /// Embeds texts.
    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError>;
}
