//! The planner that needs no language model: plain rules for plain requests, used when no key is set.
//!
//! | said | proposed |
//! |---|---|
//! | `remember that …`, `remember: …`, `note that …` | a memory in the words that were said |
//! | `forget that …`, `forget about …` | forgetting the recalled memories that clearly match |
//! | `turn the X on`, `switch off X`, `set the X to N` | the capability X, of the satellite that heard it if it has one |
//! | `remind me to … in 10 minutes`, `… at 19:30`, `… tomorrow at 8` | a reminder |
//! | `what do you know about …`, `what is …`, `who is …`, `where is …` | an answer from what was recalled |
//!
//! Anything else proposes nothing. It understands no meaning and follows nothing that a memory says; a request is what
//! the *whole* utterance is, so `remember that turn the lamp on` is only ever a memory. It knows no clock but the one
//! in the request.

mod device;
mod embed;
mod offers;
mod recalled;
mod remember;
mod remind;
#[cfg(test)]
mod tests;
mod when;
mod words;

use crate::port::{Embeddings, Model, ModelError};
use async_trait::async_trait;
use marvain_domain::plan::{Draft, DraftError, PlanRequest};

/// Name of the model in records.
const NAME: &str = "offline-rules";

/// Plain rules and a lexical embedding. See the module's table for what it understands.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflineModel;

/// What follows from a request, by the rules.
fn plan(request: &PlanRequest) -> Result<Draft, ModelError> {
    let asked = words::request(request.event.text().unwrap_or_default());
    let draft = remember::plan(asked, request)
        .or_else(|| recalled::forget(asked, request))
        .or_else(|| recalled::tell(asked, request))
        .or_else(|| device::plan(asked, request));
    let draft = match draft {
        Some(draft) => Some(draft),
        None => remind::plan(asked, request)?,
    };
    // Rules pass through the same gate as any model.
    let json =
        serde_json::to_string(&draft.unwrap_or_default()).map_err(|e| ModelError::Nonsense(DraftError::Shape(e)))?;
    Draft::parse(&json).map_err(ModelError::Nonsense)
}

#[async_trait]
impl Model for OfflineModel {
    fn name(&self) -> &str {
        NAME
    }

    fn embedding_space(&self) -> &str {
        embed::SPACE
    }

    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError> {
        plan(request)
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        Ok(Embeddings {
            space: embed::SPACE.to_owned(),
            vectors: texts.iter().map(|text| embed::embed(text)).collect(),
        })
    }
}
