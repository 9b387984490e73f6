//! Planners: the bodies of the port [`Model`].
//!
//! Which one plans is decided once, from the settings. Neither knows policy: what they propose is judged like
//! anybody's proposal.

mod offline;
mod openai;

pub use offline::OfflineModel;
pub use openai::{
    ApiKey, Clock, EMBED_S_MAX, KeyStore, OPENAI_BASE_URL, OPENAI_EMBEDDING_MODEL, OPENAI_MODEL, OpenAiModel,
    OpenAiSettings, PLAN_S_MAX, REQUEST_TIMEOUT_S, RETRIES, Random, SettingsError, TOKENS_PER_DAY,
};

use crate::port::Model;
use std::sync::Arc;

/// The planner that the settings ask for: OpenAI's if there are any, else [`OfflineModel`], whose
/// [`name`](Model::name) says so. `clock` and `random` time the budget and the pauses between attempts.
pub fn from_settings(
    openai: Option<&OpenAiSettings>,
    clock: Clock,
    random: Random,
) -> Result<Arc<dyn Model>, SettingsError> {
    Ok(match openai {
        Some(settings) => Arc::new(OpenAiModel::new(settings, clock, random)?),
        None => Arc::new(OfflineModel),
    })
}
