//! One call over HTTP: attempts, pauses between them, and bounds on time and size.
//!
//! async-openai builds each request and takes this as its transport instead of its own, which neither bounds the whole
//! call nor the answer. It knows no API; what fails is never logged, as bodies may hold what somebody said.

use super::{
    key::ApiKey,
    settings::{OpenAiSettings, is_usable},
};
use crate::port::Cause;
use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Longest answer that is read, in bytes: 64 embeddings of 3,072 numbers fit.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Pause before the first repetition; it doubles with each, in milliseconds.
const BACKOFF_MS: u64 = 500;
/// Longest pause that is not asked for by the server, in milliseconds.
const BACKOFF_MS_MAX: u64 = 20_000;

/// Draws a number, each value as likely as any.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The key cannot be had.
    #[error("the key of the model service cannot be read")]
    Key(#[source] Cause),
    /// The key is empty or cannot stand in a header.
    #[error("the key of the model service is empty or has characters that no key has")]
    KeyText,
    /// The server answers with an error.
    #[error("the model service answers with HTTP status {0}{hint}", hint = hint(*.0))]
    Status(StatusCode),
    /// The server wants to be left alone for longer than a call may take.
    #[error("the model service asks for a pause of {0} s")]
    Pause(u64),
    /// The answer is too long to read.
    #[error("the answer of the model service has more than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// Something else answers, like a network's log-in page.
    #[error("the answer of the model service is no JSON")]
    NoJson(#[source] serde_json::Error),
    /// No answer, or a broken one.
    #[error("the model service gives no whole answer")]
    Network(#[source] reqwest::Error),
    /// The request cannot be made.
    #[error("the request cannot be made")]
    Request(#[source] Cause),
    /// The call took too long with all its attempts.
    #[error("the model service did not answer within {0} s")]
    Slow(u64),
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": check OPENAI_API_KEY",
        StatusCode::NOT_FOUND => ": check the base URL and the model's name",
        StatusCode::TOO_MANY_REQUESTS => ": the rate or the quota is used up",
        _ => "",
    }
}

impl From<CallError> for OpenAIError {
    fn from(error: CallError) -> Self {
        Self::Boxed(Box::new(error))
    }
}

/// Makes calls.
pub(super) struct Transport {
    http: reqwest::Client,
    key: ApiKey,
    call_s_max: u64,
    retries: u32,
    random: Random,
}

impl Transport {
    /// One whose calls take `call_s_max` seconds at most, with all their attempts and pauses.
    pub(super) fn new(settings: &OpenAiSettings, call_s_max: u64, random: Random) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(settings.request_timeout())
            // The API redirects nowhere; a redirect would carry what was said elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, key: settings.api_key.clone(), call_s_max, retries: settings.retries, random })
    }

    /// The HTTP client, to build requests with.
    pub(super) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Sends until there is an answer, repeating what may succeed later.
    pub(super) async fn call(&self, request: HttpRequestFactory) -> Result<reqwest::Response, CallError> {
        let deadline = Instant::now() + Duration::from_secs(self.call_s_max);
        let attempts = self.attempts(request, deadline);
        tokio::time::timeout_at(deadline, attempts).await.unwrap_or(Err(CallError::Slow(self.call_s_max)))
    }

    async fn attempts(&self, request: HttpRequestFactory, deadline: Instant) -> Result<reqwest::Response, CallError> {
        let mut attempt = 0;
        let mut key = self.key.current().await.map_err(CallError::Key)?;
        let mut is_renewed = false;
        loop {
            let (failure, asked) = match self.attempt(&request, &key).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            if matches!(failure, CallError::Status(StatusCode::UNAUTHORIZED)) && !is_renewed {
                is_renewed = true;
                let renewed = self.key.renewed().await.map_err(CallError::Key)?;
                if let Some(other) = renewed.filter(|other| other.expose_secret() != key.expose_secret()) {
                    tracing::warn!("the model service refused a key that was rotated; asking again with the new one");
                    key = other;
                    continue;
                }
            }
            if attempt >= self.retries || !may_succeed_later(&failure) {
                return Err(failure);
            }
            let pause = asked.unwrap_or_else(|| backoff(attempt, (self.random)()));
            // A pause beyond the end of time is too long as well.
            if Instant::now().checked_add(pause).is_none_or(|then| then >= deadline) {
                return Err(asked.map_or(failure, |pause| CallError::Pause(pause.as_secs())));
            }
            tracing::warn!(attempt, pause_ms = pause.as_millis(), error = %failure, "the model service failed; asking again");
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// One attempt; on failure also the pause that the server asks for.
    async fn attempt(
        &self,
        request: &HttpRequestFactory,
        key: &SecretString,
    ) -> Result<reqwest::Response, (CallError, Option<Duration>)> {
        let mut request = request.build().await.map_err(|e| (CallError::Request(e.into()), None))?;
        request.headers_mut().insert(AUTHORIZATION, bearer(key).ok_or((CallError::KeyText, None))?);
        let network = |e: reqwest::Error| (CallError::Network(e.without_url()), None);
        let mut response = self.http.execute(request).await.map_err(network)?;
        let status = response.status();
        if !status.is_success() {
            return Err((CallError::Status(status), retry_after(&response)));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err((CallError::TooLong, None));
            }
            body.extend_from_slice(&chunk);
        }
        // async-openai would log the whole of what it cannot parse.
        serde_json::from_slice::<IgnoredAny>(&body).map_err(|e| (CallError::NoJson(e), None))?;
        Ok(http::Response::new(body).into())
    }
}

/// The header for a key, which no log shows.
fn bearer(key: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok()?;
    value.set_sensitive(true);
    is_usable(key).then_some(value)
}

fn may_succeed_later(failure: &CallError) -> bool {
    match failure {
        CallError::Status(status) => {
            status.is_server_error()
                || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT)
        }
        CallError::Network(_) => true,
        CallError::Key(_)
        | CallError::KeyText
        | CallError::Pause(_)
        | CallError::TooLong
        | CallError::NoJson(_)
        | CallError::Request(_)
        | CallError::Slow(_) => false,
    }
}

/// The pause that the server asks for in seconds (RFC 9110, section 10.2.3). A date is not looked at: OpenAI sends
/// seconds, and the usual pause does as well.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The pause before repetition `attempt`, from 0: half of an exponentially growing span, and a random part of the other
/// half, so that satellites' events do not come back all at once.
fn backoff(attempt: u32, random: u64) -> Duration {
    let span = BACKOFF_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_MS_MAX);
    Duration::from_millis(span / 2 + random % (span / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_bounds() {
        let ms = |attempt, random| u64::try_from(backoff(attempt, random).as_millis()).unwrap();
        assert_eq!((ms(0, 0), ms(0, 250), ms(0, 251)), (250, 500, 250));
        assert_eq!((ms(1, 0), ms(3, 0)), (500, 2000));
        for attempt in [6, 40, u32::MAX] {
            assert!((BACKOFF_MS_MAX / 2..=BACKOFF_MS_MAX).contains(&ms(attempt, u64::MAX)), "{attempt}");
        }
    }
}
