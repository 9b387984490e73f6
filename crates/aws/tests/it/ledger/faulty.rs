//! A transport that fails as DynamoDB and the network do, by a seeded schedule.

use super::{config, plain};
use aws_sdk_dynamodb::{
    Client,
    config::{
        HttpClient, RuntimeComponents, SharedHttpClient,
        http::{HttpRequest, HttpResponse},
    },
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// The server answers.
    Pass,
    /// It is too much now.
    Throttled,
    /// Another transaction holds an item.
    Conflict,
    /// It never arrives.
    Dropped,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// The server fails before it does anything.
    Failed,
    /// The server fails when it has done everything.
    FailedAfter,
    /// It is carried out, and the answer never comes.
    Hangs,
}

/// Decides about requests, given the operation's name.
pub(super) trait Schedule: Send + Sync {
    fn fate(&mut self, operation: &str) -> Fate;
}

impl<F: FnMut(&str) -> Fate + Send + Sync> Schedule for F {
    fn fate(&mut self, operation: &str) -> Fate {
        self(operation)
    }
}

/// So many of a hundred requests meet each fault.
pub(super) fn weather(seed: u64, percent_each: u64) -> impl Schedule {
    let mut state = seed;
    move |operation: &str| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let roll = (mixed ^ (mixed >> 27)) >> 8;
        let faults =
            [Fate::Throttled, Fate::Conflict, Fate::Dropped, Fate::AnswerLost, Fate::Failed, Fate::FailedAfter];
        match faults.get(usize::try_from(roll % 100 / percent_each).unwrap()) {
            Some(Fate::Conflict) if operation != "TransactWriteItems" => Fate::Throttled,
            Some(fate) => *fate,
            None => Fate::Pass,
        }
    }
}

/// What happened so far, by operation and fate.
pub(super) type Happened = Arc<Mutex<BTreeMap<(String, Fate), usize>>>;

#[derive(Clone)]
struct Faulty {
    inner: SharedHttpClient,
    schedule: Arc<Mutex<dyn Schedule>>,
    happened: Happened,
}

struct Connector {
    inner: SharedHttpConnector,
    faulty: Faulty,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpClient for Faulty {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, faulty: self.clone() })
    }
}

fn answer(status: u16, code: &str, more: &Value) -> Result<HttpResponse, ConnectorError> {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "a test's fault" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

fn timeout() -> Result<HttpResponse, ConnectorError> {
    Err(ConnectorError::timeout("a test's fault".into()))
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let fate = self.faulty.schedule.lock().unwrap().fate(&operation);
        *self.faulty.happened.lock().unwrap().entry((operation, fate)).or_default() += 1;
        let server_error = || answer(500, "InternalServerError", &json!({}));
        match fate {
            Fate::Pass => self.inner.call(request),
            Fate::Throttled => {
                HttpConnectorFuture::ready(answer(400, "ProvisionedThroughputExceededException", &json!({})))
            }
            Fate::Conflict => {
                let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
                let items = body["TransactItems"].as_array().unwrap().len();
                let mut reasons = vec![json!({ "Code": "None" }); items];
                reasons[items / 2] = json!({ "Code": "TransactionConflict", "Message": "in use" });
                let reasons = json!({ "CancellationReasons": reasons });
                HttpConnectorFuture::ready(answer(400, "TransactionCanceledException", &reasons))
            }
            Fate::Dropped => HttpConnectorFuture::ready(timeout()),
            Fate::Failed => HttpConnectorFuture::ready(server_error()),
            Fate::AnswerLost | Fate::FailedAfter | Fate::Hangs => {
                let carried_out = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    drop(carried_out.await);
                    match fate {
                        Fate::FailedAfter => server_error(),
                        Fate::Hangs => std::future::pending().await,
                        _ => timeout(),
                    }
                })
            }
        }
    }
}

/// A client whose requests meet what the schedule has for them.
pub(super) fn client(url: &str, schedule: impl Schedule + 'static) -> (Client, Happened) {
    let happened = Happened::default();
    let faulty = Faulty { inner: plain(), schedule: Arc::new(Mutex::new(schedule)), happened: happened.clone() };
    (Client::from_conf(config(url, SharedHttpClient::new(faulty)).build()), happened)
}
