//! Refusals: a status, a code for programs, a message for people, and a hint what to do. Causes are logged, not told.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use marvain_domain::chain;
use marvain_hub::people::RequestError;
use serde::{Deserialize, Serialize};

/// The body of every answer that is no success.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorInfo,
}

/// What is wrong with a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// For programs: `unauthenticated`, `refused`, `not_found`, `conflict`, `invalid`, `malformed`, `too_large`,
    /// `media_type`, `method`, `host`, `busy`, `timeout`, `unavailable`, or [`WAKING`].
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do next, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The code that says: nothing was done, because what it takes was at rest; it wakes up, so ask again.
pub const WAKING: &str = "waking";

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<&'static str>,
    header: Option<(&'static str, &'static str)>,
    cause: Option<marvain_hub::port::Cause>,
}

/// What handlers answer with.
pub(crate) type Answer<T> = Result<Json<T>, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, header: None, cause: None }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    fn header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "no valid credential")
            .hint("send `Authorization: Bearer TOKEN` with a token from `marvain person token`")
            .header("www-authenticate", "Bearer")
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "the path does not take this method")
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large, or it broke off")
    }

    pub(crate) fn media_type() -> Self {
        let message = "the body must be `content-type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message)
    }

    pub(crate) fn host() -> Self {
        let message = "the hub is not asked under this `Host`";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "host", message).hint("use `localhost` or a loopback address")
    }

    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too many requests at a time")
            .hint("try again in a second")
            .header("retry-after", "1")
    }

    pub(crate) fn timeout() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the request took too long")
            .hint("it may have been done: look before you repeat it")
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let message = error.to_string();
        match error {
            RequestError::Unauthenticated => Self::unauthenticated(),
            RequestError::Refused { .. } => Self::new(StatusCode::FORBIDDEN, "refused", message)
                .hint("`marvain policy show` has the rules; an owner can change them or your role"),
            RequestError::NotFound { .. } => Self::not_found(message),
            RequestError::Invalid(_) => Self::invalid(message),
            RequestError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", message),
            RequestError::Unavailable(cause) => {
                let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
                    .hint("the hub's log says why; try again later");
                Self { cause: Some(cause), ..error }
            }
            RequestError::Waking(cause) => {
                tracing::info!(cause = chain(cause.as_ref()), "somebody was told to ask again");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, WAKING, message)
                    .hint("nothing was done: ask again in a few seconds")
                    .header("retry-after", "3")
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(cause = chain(cause.as_ref()), "{}", self.message);
        }
        let hint = self.hint.map(str::to_owned);
        let body = ErrorBody { error: ErrorInfo { code: self.code.to_owned(), message: self.message, hint } };
        let mut response = (self.status, Json(body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}
