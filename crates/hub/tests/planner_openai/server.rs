//! A small server that speaks the wire format of OpenAI's API, as far as a planner uses it: `POST /v1/responses` and
//! `POST /v1/embeddings` (OpenAI, "API reference"). What it is asked is checked as strictly as the API does: key, shape,
//! and the rules of strict schemas. Its own answers are checked to be what async-openai's types take for the API's.

use async_openai::types::{
    embeddings::{CreateEmbeddingRequest, CreateEmbeddingResponse, EmbeddingInput},
    responses::{CreateResponse, InputParam, Response as ApiResponse, TextResponseFormatConfiguration},
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "sk-test-0123456789";

/// What the server does with the next request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// The model says so.
    Says(&'static str),
    /// The model refuses.
    Refuses(&'static str),
    /// The model ran into a limit.
    Incomplete,
    /// The model failed.
    Failed,
    /// An error, perhaps with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Nothing ever comes.
    Hangs,
    /// The answer begins and never ends.
    Stalls,
    /// A page of something that is no API.
    Page,
    /// An answer without end.
    Floods,
    /// A connection that breaks.
    Breaks,
    /// Embeddings, of this many texts more or less than asked.
    Vectors(isize),
}

/// Replies to come, and the inputs of requests that were in order.
#[derive(Clone, Default)]
pub(crate) struct Api {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    inputs: Arc<Mutex<Vec<Value>>>,
}

impl Api {
    /// Listens on a free port and gives these replies, one after the other; then status 418. Returns the base URL.
    pub(crate) async fn start(replies: &[Reply]) -> (Self, String) {
        let api = Self { replies: Arc::new(Mutex::new(replies.iter().cloned().collect())), ..Self::default() };
        let router = Router::new()
            .route("/v1/responses", post(responses))
            .route("/v1/embeddings", post(embeddings))
            .with_state(api.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (api, url)
    }

    /// Inputs of the requests so far.
    pub(crate) fn inputs(&self) -> Vec<Value> {
        self.inputs.lock().unwrap().clone()
    }

    fn next(&self) -> Reply {
        self.replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(418, None))
    }
}

fn error(status: u16, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn authorised(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == &format!("Bearer {KEY}"))
}

async fn responses(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&headers) {
        return error(401, "Incorrect API key provided: sk-te*****");
    }
    let request: CreateResponse = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(e) => return error(400, &e.to_string()),
    };
    let Some(TextResponseFormatConfiguration::JsonSchema(format)) = request.text.map(|text| text.format) else {
        return error(400, "no schema");
    };
    if format.strict != Some(true) {
        return error(400, "the schema is not strict");
    }
    if let Err(e) = check_strict(&format.schema, 1) {
        return error(400, &e);
    }
    if request.store != Some(false) {
        return error(400, "what was said would be stored");
    }
    let InputParam::Text(input) = request.input else { return error(400, "no text") };
    api.inputs.lock().unwrap().push(serde_json::from_str(&input).unwrap());
    give(&api.next(), &[]).await
}

async fn embeddings(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&headers) {
        return error(401, "Incorrect API key provided: sk-te*****");
    }
    let request: CreateEmbeddingRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(e) => return error(400, &e.to_string()),
    };
    let EmbeddingInput::StringArray(texts) = request.input else { return error(400, "no texts") };
    if texts.iter().any(String::is_empty) || texts.len() > 2048 {
        return error(400, "'$.input' is invalid");
    }
    api.inputs.lock().unwrap().push(json!(texts));
    give(&api.next(), &texts).await
}

async fn give(reply: &Reply, texts: &[String]) -> Response {
    let say = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    match reply {
        Reply::Says(text) => answer("completed", &say(text), Value::Null),
        Reply::Refuses(why) => answer("completed", &json!({"type": "refusal", "refusal": why}), Value::Null),
        Reply::Incomplete => answer("incomplete", &say("{\"memo"), json!({"reason": "max_output_tokens"})),
        Reply::Failed => answer("failed", &say(""), Value::Null),
        Reply::Status(status, after) => {
            let mut response = error(*status, "somebody said: my secret");
            if let Some(seconds) = after {
                response.headers_mut().insert("retry-after", (*seconds).into());
            }
            response
        }
        Reply::Hangs => std::future::pending().await,
        Reply::Stalls => {
            let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"status\":"))]);
            Body::from_stream(first.chain(stream::pending())).into_response()
        }
        Reply::Page => "<html>Please log in to the hotel's network</html>".into_response(),
        Reply::Floods => {
            Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536]))))
                .into_response()
        }
        Reply::Breaks => {
            Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))])).into_response()
        }
        Reply::Vectors(more) => vectors(texts, *more),
    }
}

/// An answer of `POST /responses` ("The response object"), which reasons first, as the models of today do.
fn answer(status: &str, content: &Value, incomplete: Value) -> Response {
    let body = json!({
        "id": "resp_67ccd2bed1ec8190", "object": "response", "created_at": 1_795_340_351, "status": status,
        "background": false, "error": null, "incomplete_details": incomplete, "instructions": null,
        "max_output_tokens": 8192, "model": "gpt-5-mini-2025-08-07",
        "output": [
            {"type": "reasoning", "id": "rs_67ccd2bf17f08190", "summary": []},
            {"type": "message", "id": "msg_67ccd2bf17f08190", "status": "completed", "role": "assistant",
             "content": [content]},
        ],
        "parallel_tool_calls": true, "previous_response_id": null, "store": false, "temperature": 1.0,
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "metadata": {},
        "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "output_tokens": 64,
                  "output_tokens_details": {"reasoning_tokens": 32}, "total_tokens": 100},
    });
    serde_json::from_value::<ApiResponse>(body.clone()).expect("the API answers in this shape");
    Json(body).into_response()
}

/// An answer of `POST /embeddings` ("The embedding object"), last text first; vectors have length 2.
fn vectors(texts: &[String], more: isize) -> Response {
    let count = texts.len().checked_add_signed(more).unwrap();
    let data: Vec<Value> = (0..count)
        .rev()
        .map(|i| json!({"object": "embedding", "index": i, "embedding": if i % 2 == 0 { [2.0, 0.0] } else { [0.0, -2.0] }}))
        .collect();
    let body = json!({"object": "list", "data": data, "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 50, "total_tokens": 50}});
    serde_json::from_value::<CreateEmbeddingResponse>(body.clone()).expect("the API answers in this shape");
    Json(body).into_response()
}

/// The rules of strict schemas (OpenAI, "Structured model outputs", "Supported schemas"): the root is an object, every
/// property is required and none is added, at most 10 levels deep, and only known keywords.
fn check_strict(schema: &Value, depth: usize) -> Result<(), String> {
    const KEYWORDS: &[&str] = &[
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "anyOf",
        "description",
        "minimum",
        "maximum",
        "maxItems",
        "minItems",
    ];
    let schema = schema.as_object().ok_or("a schema is an object")?;
    if depth > 10 {
        return Err("too deep".into());
    }
    if depth == 1 && schema.get("type") != Some(&json!("object")) {
        return Err("the root is no object".into());
    }
    if let Some(unknown) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is not supported"));
    }
    if schema.get("type") == Some(&json!("object")) {
        let properties = schema.get("properties").and_then(Value::as_object).ok_or("no properties")?;
        let mut required: Vec<&str> =
            schema["required"].as_array().ok_or("no required")?.iter().filter_map(Value::as_str).collect();
        let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
        required.sort_unstable();
        names.sort_unstable();
        if required != names || schema.get("additionalProperties") != Some(&json!(false)) {
            return Err("'required' must have every key, 'additionalProperties' must be false".into());
        }
        for property in properties.values() {
            check_strict(property, depth + 1)?;
        }
    }
    match schema.get("anyOf") {
        Some(any) => any
            .as_array()
            .filter(|any| !any.is_empty())
            .ok_or("empty anyOf")?
            .iter()
            .try_for_each(|one| check_strict(one, depth + 1))?,
        None if !schema.contains_key("type") => return Err("no type".into()),
        None => {}
    }
    schema.get("items").map_or(Ok(()), |items| check_strict(items, depth + 1))
}
