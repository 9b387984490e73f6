//! A planner that proposes what a test tells it to, whatever is said; and that can be held while it thinks.

use async_trait::async_trait;
use marvain_domain::plan::{Draft, DraftError, PlanRequest};
use marvain_hub::port::{Embeddings, Model, ModelError};
use serde_json::Value;
use std::{collections::VecDeque, sync::Mutex};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Scripted {
    drafts: Mutex<VecDeque<Value>>,
    held: Mutex<bool>,
    /// It has begun to think.
    pub(crate) begun: Notify,
    /// It may go on.
    pub(crate) go: Notify,
}

impl Scripted {
    /// What the next event makes it propose; something that is no draft makes it talk nonsense.
    pub(crate) fn next(&self, draft: Value) {
        self.drafts.lock().unwrap().push_back(draft);
    }

    /// From now on it thinks until it is told to go on.
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn embedding_space(&self) -> &str {
        "scripted"
    }

    async fn propose(&self, _request: &PlanRequest) -> Result<Draft, ModelError> {
        if *self.held.lock().unwrap() {
            self.begun.notify_one();
            self.go.notified().await;
        }
        let draft = self.drafts.lock().unwrap().pop_front();
        draft.map_or(Ok(Draft::default()), |draft| Draft::parse(&draft.to_string())).map_err(ModelError::Nonsense)
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        if texts.is_empty() {
            return Err(ModelError::Nonsense(DraftError::TooLong(0)));
        }
        Ok(Embeddings { space: "scripted".to_owned(), vectors: texts.iter().map(|_| vec![1.0, 0.0]).collect() })
    }
}
