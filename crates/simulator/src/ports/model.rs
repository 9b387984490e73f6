//! The offline planner behind a line that fails, and beside it a model that proposes what nobody asked for.

use super::simulated;
use crate::shared::Shared;
use async_trait::async_trait;
use marvain_domain::{
    action::Target,
    capability::{ArgSpec, Capability},
    plan::{Draft, DraftAction, DraftError, DraftMemory, PlanRequest},
};
use marvain_hub::{
    planner::OfflineModel,
    port::{Embeddings, Model, ModelError},
};
use serde_json::{Map, Value};

pub(crate) struct SimModel {
    pub(crate) inner: OfflineModel,
    pub(crate) shared: Shared,
}

#[async_trait]
impl Model for SimModel {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn embedding_space(&self) -> &str {
        self.inner.embedding_space()
    }

    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.model_down) {
            return Err(ModelError::Unavailable(simulated("away")));
        }
        if self.shared.strikes(|weather| weather.model_wild) {
            return wild(request, &self.shared);
        }
        let draft = self.inner.propose(request).await;
        self.shared.boundary().await;
        draft
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.model_down) {
            return Err(ModelError::Unavailable(simulated("away")));
        }
        self.inner.embed(texts).await
    }
}

/// Something that follows from nothing: nonsense, or actions that nobody asked for, with arguments that may not fit.
fn wild(request: &PlanRequest, shared: &Shared) -> Result<Draft, ModelError> {
    let mut state = shared.lock();
    let dice = &mut state.dice;
    if dice.permille(200) {
        return Err(ModelError::Nonsense(DraftError::TooLong(1 << 20)));
    }
    let mut draft = Draft::default();
    for _ in 0..dice.range(1, 3) {
        let Some(offer) = dice.pick(&request.offers) else { continue };
        let (target, capability) = match dice.range(0, 9) {
            0 => (Target::Hub, offer.capability.name.clone()),
            _ => (offer.target.clone(), offer.capability.name.clone()),
        };
        let mut args = any_args(&offer.capability);
        if dice.permille(200) {
            args.insert("sudo".to_owned(), Value::Bool(true));
        }
        draft.actions.push(DraftAction { target, capability, args, why: "the transcript said so".to_owned() });
    }
    if let Some(memory) = request.recalled.first() {
        // What was recalled must not come back as something new about somebody else.
        draft.memories.push(DraftMemory {
            tier: memory.tier,
            content: format!("again {}", request.event.text().unwrap_or_default()),
            subject: None,
            confidence: 0.5,
        });
    }
    Ok(draft)
}

fn any_args(capability: &Capability) -> Map<String, Value> {
    let value = |spec: &ArgSpec| match spec {
        ArgSpec::Text { one_of, .. } => Value::from(one_of.first().map_or("hello", String::as_str)),
        ArgSpec::Number { min, .. } => Value::from(*min),
        ArgSpec::Flag { .. } => Value::Bool(true),
    };
    capability.args.iter().map(|(name, spec)| (name.clone(), value(spec))).collect()
}
