//! The four endpoints of the runtime API, for one instance (AWS Lambda, "Using the Lambda runtime API for custom runtimes").

use super::{FunctionError, Outcome};
use crate::Serving;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// Largest answer, in bytes (AWS Lambda, "Lambda quotas": invocation payload).
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// An event on its way to an instance.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) arn: String,
    pub(super) trace: String,
    pub(super) body: Bytes,
}

/// What an instance is doing.
#[derive(Clone, Default, Debug)]
pub(super) struct Doing {
    /// It waits for an event.
    pub(super) polls: bool,
    /// The event that it gets next.
    pub(super) next: Option<Event>,
    /// The request that it works on.
    pub(super) current: Option<String>,
    /// How that ended.
    pub(super) ended: Option<Outcome>,
    /// It said that it cannot start.
    pub(super) init_error: Option<FunctionError>,
}

/// The API of one instance.
#[derive(Clone)]
pub(super) struct Api(Arc<watch::Sender<Doing>>);

impl Api {
    /// Serves it.
    pub(super) async fn serve() -> (Self, Serving) {
        let api = Self(Arc::new(watch::Sender::new(Doing::default())));
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(ANSWER_BYTES_MAX))
            .with_state(api.clone());
        (api, Serving::start(router).await)
    }

    pub(super) fn give(&self, event: Event) {
        self.0.send_modify(|doing| {
            doing.ended = None;
            doing.next = Some(event);
        });
    }

    /// Waits until it is so.
    pub(super) async fn until(&self, is_so: impl FnMut(&Doing) -> bool) -> Doing {
        let mut changes = self.0.subscribe();
        changes.wait_for(is_so).await.expect("a sender that is there").clone()
    }

    /// The request that is answered now; an error for any other.
    fn ends(&self, id: &str, outcome: Outcome) -> Response {
        let mut is_current = false;
        self.0.send_modify(|doing| {
            is_current = doing.current.as_deref() == Some(id);
            if is_current {
                doing.current = None;
                doing.ended = Some(outcome);
            }
        });
        if is_current {
            (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
        } else {
            refusal("InvalidRequestID", "Invalid request ID")
        }
    }
}

fn refusal(error_type: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
}

/// Hands over the next event, however long it takes until there is one.
async fn next(State(api): State<Api>) -> Response {
    let mut changes = api.0.subscribe();
    api.0.send_modify(|doing| doing.polls = true);
    loop {
        changes.wait_for(|doing| doing.next.is_some()).await.expect("a sender that is there");
        let mut taken = None;
        api.0.send_modify(|doing| {
            taken = doing.next.take();
            if let Some(event) = &taken {
                doing.polls = false;
                doing.current = Some(event.request_id.clone());
            }
        });
        let Some(Event { request_id, deadline_ms, arn, trace, body }) = taken else { continue };
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", request_id),
            ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
            ("lambda-runtime-invoked-function-arn", arn),
            ("lambda-runtime-trace-id", trace),
        ];
        return (headers, body).into_response();
    }
}

async fn response(State(api): State<Api>, Path(id): Path<String>, body: Bytes) -> Response {
    api.ends(&id, Outcome::Answer(body))
}

async fn error(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    api.ends(&id, Outcome::Failed(function_error(&headers, &body, false)))
}

async fn init_error(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    api.0.send_modify(|doing| doing.init_error = Some(function_error(&headers, &body, true)));
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn function_error(headers: &HeaderMap, body: &[u8], at_init: bool) -> FunctionError {
    let class = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    FunctionError {
        class: class.unwrap_or_default().to_owned(),
        error_type: member("errorType"),
        message: member("errorMessage"),
        at_init,
    }
}
