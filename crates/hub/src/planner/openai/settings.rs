//! What a person sets about the model service.

use super::key::ApiKey;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Where OpenAI answers.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
/// Model that plans unless another is set.
pub const OPENAI_MODEL: &str = "gpt-5-mini";
/// Model that embeds unless another is set.
pub const OPENAI_EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// How long one attempt may take unless set otherwise, in seconds.
pub const REQUEST_TIMEOUT_S: u64 = 60;
/// How often a failed attempt is repeated unless set otherwise.
pub const RETRIES: u32 = 3;
/// Tokens, of requests and answers together, that may be used in a day unless set otherwise.
pub const TOKENS_PER_DAY: u64 = 1_000_000;
/// How long planning may take with all its attempts and pauses, in seconds.
pub const PLAN_S_MAX: u64 = 135;
/// How long embedding may take, likewise. To plan is to embed what was said, for recall, and then to propose: both
/// together stay within the visibility time-out of the queue that plans, so that no delivery is planned twice at once.
pub const EMBED_S_MAX: u64 = 30;

/// The model service and how it is used. Its `Debug` form does not show the key.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// Bearer token of the API.
    pub api_key: ApiKey,
    /// URL below which `/responses` and `/embeddings` lie.
    pub base_url: String,
    /// Model that plans.
    pub model: String,
    /// Model that embeds; the name of its vector space.
    pub embedding_model: String,
    /// How long one attempt may take, in seconds.
    pub request_timeout_s: u64,
    /// How often a failed attempt is repeated, at most.
    pub retries: u32,
    /// Tokens that may be used in a day of UTC.
    pub tokens_per_day: u64,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The key is empty or cannot stand in a header.
    #[error("the OpenAI API key is empty or has characters that no key has: check OPENAI_API_KEY")]
    Key,
    /// No URL that HTTP can use.
    #[error("`{0}` is no http or https URL: the base URL looks like {OPENAI_BASE_URL}")]
    BaseUrl(String),
    /// A setting is out of bounds.
    #[error("`{setting}` must be {expected}")]
    Bounds {
        /// Which.
        setting: &'static str,
        /// What it may be.
        expected: String,
    },
    /// The HTTP client does not start.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl OpenAiSettings {
    /// The defaults, with a key.
    pub fn new(api_key: impl Into<ApiKey>) -> Self {
        Self {
            api_key: api_key.into(),
            base_url: OPENAI_BASE_URL.to_owned(),
            model: OPENAI_MODEL.to_owned(),
            embedding_model: OPENAI_EMBEDDING_MODEL.to_owned(),
            request_timeout_s: REQUEST_TIMEOUT_S,
            retries: RETRIES,
            tokens_per_day: TOKENS_PER_DAY,
        }
    }

    /// How long one attempt may take.
    pub(super) const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    /// Can these work?
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let bounds = |setting, expected: String| Err(SettingsError::Bounds { setting, expected });
        if let ApiKey::Fixed(key) = &self.api_key
            && !is_usable(key)
        {
            return Err(SettingsError::Key);
        }
        let url = reqwest::Url::parse(&self.base_url).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(SettingsError::BaseUrl(self.base_url.clone()));
        }
        for (setting, name) in [("model", &self.model), ("embedding_model", &self.embedding_model)] {
            if name.is_empty() {
                return bounds(setting, "the name of a model".to_owned());
            }
        }
        if !(1..=PLAN_S_MAX).contains(&self.request_timeout_s) {
            return bounds("request_timeout_s", format!("1 to {PLAN_S_MAX}"));
        }
        Ok(())
    }
}

/// Can it stand in a header?
pub(super) fn is_usable(key: &SecretString) -> bool {
    let key = key.expose_secret();
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_topics::Queue;

    #[test]
    fn a_step_that_asks_the_model_ends_before_its_delivery_comes_again() {
        assert!(EMBED_S_MAX + PLAN_S_MAX < u64::from(Queue::Plan.visibility_s()));
        assert!(EMBED_S_MAX < u64::from(Queue::Memory.visibility_s()));
    }

    #[test]
    fn settings_that_cannot_work_are_refused_and_the_key_is_never_shown() {
        let good = OpenAiSettings::new("sk-secret");
        assert!(good.check().is_ok());
        assert!(!format!("{good:?}").contains("sk-secret"));
        let bad = [
            OpenAiSettings { api_key: "sk-secret\n".into(), ..good.clone() },
            OpenAiSettings { api_key: "".into(), ..good.clone() },
            OpenAiSettings { base_url: "api.openai.com".into(), ..good.clone() },
            OpenAiSettings { base_url: "file:///etc/passwd".into(), ..good.clone() },
            OpenAiSettings { model: String::new(), ..good.clone() },
            OpenAiSettings { request_timeout_s: 0, ..good.clone() },
            OpenAiSettings { request_timeout_s: PLAN_S_MAX + 1, ..good },
        ];
        for settings in bad {
            let refusal = settings.check().unwrap_err().to_string();
            assert!(!refusal.contains("sk-secret"), "{refusal}");
        }
    }
}
