//! Stores that fail: what lies between the functions and a store, and by seeded dice throttles, drops, hangs, answers with an
//! error before or after the store has done what it was asked to, or is away for a while, so that a function that got its first
//! answer does not get its next.
//!
//! The store sees each request as it was sent, with its own host name, because that is signed.

use crate::servers::{DYNAMODB, RDS_DATA, S3, Servers, endpoint};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use marvain_peers::Serving;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::Client;
use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex},
};

/// How many requests fail in a row when a store is away: more than any client tries again at once.
const AWAY: u32 = 12;

/// What a store's errors look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Store {
    DynamoDb,
    DataApi,
    S3,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fate {
    Pass,
    /// The store says that it is too much now.
    Throttled,
    /// The connection is closed, and the store never sees it.
    Dropped,
    /// The store does it, and the connection is closed before the answer.
    AnswerLost,
    /// The store fails before it does anything.
    Failed,
    /// The store fails when it has done it.
    FailedAfter,
    /// The store does it, and the answer never comes.
    Hangs,
    /// The store fails, as it does for the next [`AWAY`] requests.
    Away,
}

/// Of a thousand requests so many meet each.
type Odds = [(Fate, u32)];

/// As bad as a client may have to bear by itself.
const MILD: &Odds =
    &[(Fate::Throttled, 30), (Fate::Dropped, 20), (Fate::AnswerLost, 20), (Fate::Failed, 20), (Fate::FailedAfter, 20)];
/// So bad that functions fail, and have to be invoked again.
const FOUL: &Odds = &[
    (Fate::Throttled, 60),
    (Fate::Dropped, 30),
    (Fate::AnswerLost, 30),
    (Fate::Failed, 30),
    (Fate::FailedAfter, 30),
    (Fate::Hangs, 3),
    (Fate::Away, 8),
];

/// How often each fate was met.
type Met = Arc<Mutex<BTreeMap<Fate, u32>>>;

/// What is before the stores of a deployment.
pub(crate) struct Weather {
    /// The ledger, for those who are asked by somebody who waits, and does not ask again.
    mild: Front,
    /// Each store, for those who are invoked again.
    foul: [(&'static str, Front); 3],
}

impl Weather {
    pub(crate) async fn over(servers: &Servers, seed: u64) -> Self {
        let mild = Front::start(Store::DynamoDb, servers.dynamodb_url(), MILD, seed).await;
        let foul = [
            (DYNAMODB, Front::start(Store::DynamoDb, servers.dynamodb_url(), FOUL, seed + 1).await),
            (RDS_DATA, Front::start(Store::DataApi, servers.data_api.url(), FOUL, seed + 2).await),
            (S3, Front::start(Store::S3, servers.s3_url(), FOUL, seed + 3).await),
        ];
        Self { mild, foul }
    }

    /// Where the stores are for a function.
    pub(crate) fn endpoints(&self, function: &str) -> Vec<(String, String)> {
        if matches!(function, "api" | "provisioning-hook") {
            return vec![endpoint(DYNAMODB, self.mild.serving.url())];
        }
        self.foul.iter().map(|(service, front)| endpoint(service, front.serving.url())).collect()
    }

    /// How often each fate was met, of a store and of whoever is invoked again.
    pub(crate) fn met(&self, store: &str) -> BTreeMap<Fate, u32> {
        let front = self.foul.iter().find(|(service, _)| *service == store);
        front.unwrap_or_else(|| panic!("no store `{store}`")).1.met.lock().unwrap().clone()
    }
}

/// What is before a store, until this is dropped.
struct Front {
    serving: Serving,
    met: Met,
}

struct Shared {
    http: Client,
    to: String,
    store: Store,
    odds: &'static Odds,
    dice: Mutex<(StdRng, u32)>,
    met: Met,
}

impl Front {
    /// Before the store at `to`.
    async fn start(store: Store, to: String, odds: &'static Odds, seed: u64) -> Self {
        let met = Met::default();
        let shared = Shared {
            http: Client::builder().no_proxy().build().unwrap(),
            to,
            store,
            odds,
            dice: Mutex::new((StdRng::seed_from_u64(seed), 0)),
            met: met.clone(),
        };
        Self { serving: Serving::start(Router::new().fallback(handle).with_state(Arc::new(shared))).await, met }
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fate = shared.fate();
    *shared.met.lock().unwrap().entry(fate).or_default() += 1;
    match fate {
        Fate::Pass => shared.pass(method, uri, headers, body).await,
        Fate::Throttled => shared.store.throttled(),
        Fate::Dropped => cut(),
        Fate::Failed | Fate::Away => shared.store.failed(),
        Fate::AnswerLost | Fate::FailedAfter | Fate::Hangs => {
            drop(shared.pass(method, uri, headers, body).await);
            match fate {
                Fate::FailedAfter => shared.store.failed(),
                Fate::Hangs => pending().await,
                _ => cut(),
            }
        }
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let mut guard = self.dice.lock().unwrap();
        let (dice, away) = &mut *guard;
        if *away > 0 {
            *away -= 1;
            return Fate::Away;
        }
        let mut roll = dice.random_range(0..1000);
        for (fate, odds) in self.odds {
            if roll < *odds {
                *away = if *fate == Fate::Away { AWAY } else { 0 };
                return *fate;
            }
            roll -= odds;
        }
        Fate::Pass
    }

    async fn pass(&self, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let sent = self.http.request(method, format!("{}{path}", self.to)).headers(headers).body(body).send().await;
        // A store that is shutting down at the test's end.
        let Ok(answer) = sent else { return cut() };
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers().iter().filter(|(name, _)| *name != header::TRANSFER_ENCODING) {
            response = response.header(name, value);
        }
        match answer.bytes().await {
            Ok(body) => response.body(Body::from(body)).unwrap(),
            Err(_) => cut(),
        }
    }
}

impl Store {
    fn throttled(self) -> Response {
        match self {
            Self::DynamoDb => json_error(400, "ProvisionedThroughputExceededException"),
            Self::DataApi => json_error(400, "ThrottlingException"),
            Self::S3 => xml_error(503, "SlowDown"),
        }
    }

    fn failed(self) -> Response {
        match self {
            Self::DynamoDb => json_error(500, "InternalServerError"),
            Self::DataApi => json_error(500, "InternalServerErrorException"),
            Self::S3 => xml_error(500, "InternalError"),
        }
    }
}

/// An error of the AWS JSON and REST JSON protocols.
fn json_error(status: u16, code: &str) -> Response {
    let body = format!(r#"{{"__type":"{code}","message":"a test's fault"}}"#);
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code)];
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}

/// An error of S3 ("Error responses").
fn xml_error(status: u16, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>a test's fault</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/xml")], body).into_response()
}

/// An answer that breaks off: the server closes the connection when a body ends too early.
fn cut() -> Response {
    let body = Body::from_stream(futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) }));
    Response::builder().header(header::CONTENT_LENGTH, 1_000).body(body).unwrap()
}
