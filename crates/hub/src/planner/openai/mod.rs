//! The planner that asks OpenAI's Responses API, or a server that speaks it.
//!
//! One request, one answer: capabilities are not given to the model as function tools. A tool call is answered with a
//! tool result, but nothing is done while planning and nothing is known of a result before policy, and perhaps a
//! person, has decided; so the offers are part of the answer's strict schema instead, each with its own arguments, and
//! the model names those it proposes. That schema is a help to the model, not a guard: the answer is parsed and bounded
//! by [`Draft::parse`] and tied to what exists afterwards.
//!
//! It knows no policy, and no clock and no chance but those it is given. Answers are not stored at OpenAI.

mod answer;
mod budget;
mod key;
mod prompt;
mod schema;
mod settings;
mod transport;

pub use key::{ApiKey, KeyStore};
pub use settings::{
    EMBED_S_MAX, OPENAI_BASE_URL, OPENAI_EMBEDDING_MODEL, OPENAI_MODEL, OpenAiSettings, PLAN_S_MAX, REQUEST_TIMEOUT_S,
    RETRIES, SettingsError, TOKENS_PER_DAY,
};
pub use transport::Random;

use crate::port::{Cause, Embeddings, Model, ModelError};
use answer::{Answer, Said};
use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    types::{
        embeddings::{CreateEmbeddingRequest, EmbeddingInput},
        responses::{
            CreateResponse, InputParam, ResponseFormatJsonSchema, ResponseTextParam, TextResponseFormatConfiguration,
        },
    },
};
use async_trait::async_trait;
use budget::Budget;
use http::StatusCode;
use marvain_domain::{
    Timestamp,
    plan::{Draft, PlanRequest},
};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use transport::{CallError, Transport};

/// Longest answer of the model, its reasoning included, in tokens.
const OUTPUT_TOKENS_MAX: u32 = 8192;
/// Most texts embedded in one request.
const EMBED_TEXTS_MAX: usize = 64;
/// What is wrong with an answer that is none of the API's; serde's error would show the words in it.
const OTHER_SHAPE: &str = "the answer of the model service does not have the shape of one";
/// What is embedded in place of a blank text, which the API refuses.
const BLANK: &str = "(nothing)";

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A model behind the Responses API. Its errors never show the key, nor what was said.
pub struct OpenAiModel {
    plans: Client<OpenAIConfig>,
    embeds: Client<OpenAIConfig>,
    model: String,
    embedding_model: String,
    budget: Budget,
    clock: Clock,
}

impl OpenAiModel {
    /// A client; nothing is sent yet. The process must have a default TLS provider.
    pub fn new(settings: &OpenAiSettings, clock: Clock, random: Random) -> Result<Self, SettingsError> {
        settings.check()?;
        let config = OpenAIConfig::new()
            .with_api_base(settings.base_url.trim_end_matches('/'))
            // Otherwise these come from the environment. The transport sets the key, which may change.
            .with_api_key("")
            .with_org_id("")
            .with_project_id("");
        let client = |call_s_max| {
            let transport = Transport::new(settings, call_s_max, random.clone()).map_err(SettingsError::Client)?;
            let (http, transport) = (transport.http(), Arc::new(transport));
            let service = tower::service_fn(move |request| {
                let transport = transport.clone();
                async move { transport.call(request).await }
            });
            Ok(Client::build(http, config.clone()).with_http_service(service))
        };
        Ok(Self {
            plans: client(PLAN_S_MAX)?,
            embeds: client(EMBED_S_MAX)?,
            model: settings.model.clone(),
            embedding_model: settings.embedding_model.clone(),
            budget: Budget::new(settings.tokens_per_day),
            clock,
        })
    }

    fn check_budget(&self) -> Result<(), ModelError> {
        if self.budget.is_left((self.clock)()) {
            Ok(())
        } else {
            Err(ModelError::Budget { limit: self.budget.limit() })
        }
    }

    async fn embed_batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.check_budget()?;
        let input = texts.iter().map(|text| if text.trim().is_empty() { BLANK.to_owned() } else { text.clone() });
        let request = CreateEmbeddingRequest {
            model: self.embedding_model.clone(),
            input: EmbeddingInput::StringArray(input.collect()),
            ..CreateEmbeddingRequest::default()
        };
        let answer: Value = self.embeds.embeddings().create_byot(request).await.map_err(model_error)?;
        let answer: Vectors = serde_json::from_value(answer).map_err(|_| unfit(OTHER_SHAPE))?;
        self.budget.spend(answer.usage.total_tokens, (self.clock)());
        answer.unit_vectors(texts.len()).ok_or_else(|| unfit("the vectors do not match the texts"))
    }
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.model
    }

    fn embedding_space(&self) -> &str {
        &self.embedding_model
    }

    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError> {
        self.check_budget()?;
        let offers = request.offers.get(..schema::OFFERS_MAX).unwrap_or(&request.offers);
        if offers.len() < request.offers.len() {
            tracing::warn!(
                offers = request.offers.len(),
                limit = schema::OFFERS_MAX,
                "more offers than a plan can have"
            );
        }
        let format = ResponseFormatJsonSchema {
            name: "plan".to_owned(),
            description: None,
            schema: schema::schema(offers, request.event.person.as_ref()),
            strict: Some(true),
        };
        let create = CreateResponse {
            model: Some(self.model.clone()),
            instructions: Some(prompt::INSTRUCTIONS.to_owned()),
            input: InputParam::Text(prompt::input(request, offers).map_err(unfit)?),
            text: Some(ResponseTextParam {
                format: TextResponseFormatConfiguration::JsonSchema(format),
                verbosity: None,
            }),
            max_output_tokens: Some(OUTPUT_TOKENS_MAX),
            store: Some(false),
            ..CreateResponse::default()
        };
        let answer: Value = self.plans.responses().create_byot(create).await.map_err(model_error)?;
        let answer: Answer = serde_json::from_value(answer).map_err(|_| unfit(OTHER_SHAPE))?;
        // Words that do not fit were paid for too.
        self.budget.spend(answer.usage.as_ref().map_or(0, |usage| usage.total_tokens), (self.clock)());
        match answer.said() {
            Said::Text(text) => schema::draft(&text, offers).map_err(ModelError::Nonsense),
            Said::Refusal(why) => Err(ModelError::Declined(why.to_owned())),
            Said::Failed => Err(unfit("the model failed while answering")),
        }
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(EMBED_TEXTS_MAX) {
            vectors.extend(self.embed_batch(batch).await?);
        }
        Ok(Embeddings { space: self.embedding_model.clone(), vectors })
    }
}

/// An answer of `POST /embeddings`.
#[derive(Deserialize)]
struct Vectors {
    data: Vec<Vector>,
    usage: answer::Usage,
}

#[derive(Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

impl Vectors {
    /// The vectors in the order of `count` texts, each of unit length and as long as the others.
    fn unit_vectors(mut self, count: usize) -> Option<Vec<Vec<f32>>> {
        self.data.sort_unstable_by_key(|vector| vector.index);
        let dimensions = self.data.first().map_or(0, |vector| vector.embedding.len());
        let in_order = self.data.iter().enumerate().all(|(i, vector)| vector.index == i);
        if self.data.len() != count || !in_order {
            return None;
        }
        self.data.into_iter().map(|vector| unit(vector.embedding).filter(|unit| unit.len() == dimensions)).collect()
    }
}

fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_normal() {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Some(vector)
}

fn unfit(cause: impl Into<Cause>) -> ModelError {
    ModelError::Unavailable(cause.into())
}

/// What a failed call means. Only the status of an answer is told: its body may hold what somebody said.
fn model_error(error: OpenAIError) -> ModelError {
    const WRONG: [StatusCode; 3] =
        [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY];
    match error {
        OpenAIError::Boxed(cause) => match cause.downcast_ref() {
            Some(CallError::Status(status)) if WRONG.contains(status) => ModelError::Declined(cause.to_string()),
            _ => ModelError::Unavailable(cause),
        },
        other => unfit(other),
    }
}
