//! Telemetry on Timestream passes the port's suite over the stand-in.

use crate::database::credentials;
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_timestreamwrite::config::{HttpClient, RuntimeComponents, SharedHttpClient, http::HttpRequest};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use marvain_aws::{Timestream as Adapter, TimestreamSettings};
use marvain_domain::Timestamp;
use marvain_hub::{
    conformance::{self, Storage},
    port::{Sample, SeriesQuery, Telemetry},
};
use marvain_peers::{Postgres, Timestream};
use std::sync::{Arc, Mutex};

struct Store(Timestream);

fn settings(discover: bool) -> TimestreamSettings {
    TimestreamSettings { database: Timestream::DATABASE.into(), table: Timestream::TABLE.into(), discover }
}

#[async_trait]
impl Storage for Store {
    type Adapter = Adapter;
    async fn open(&self) -> Adapter {
        let write = aws_sdk_timestreamwrite::Config::builder()
            .behavior_version(aws_sdk_timestreamwrite::config::BehaviorVersion::latest())
            .region(aws_sdk_timestreamwrite::config::Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .endpoint_url(self.0.url());
        let query = aws_sdk_timestreamquery::Config::builder()
            .behavior_version(aws_sdk_timestreamquery::config::BehaviorVersion::latest())
            .region(aws_sdk_timestreamquery::config::Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .endpoint_url(self.0.url());
        let settings = settings(false);
        let write = aws_sdk_timestreamwrite::Client::from_conf(write.build());
        Adapter::new(write, aws_sdk_timestreamquery::Client::from_conf(query.build()), &settings).unwrap()
    }
}

#[test]
fn clients_that_cannot_wait_are_refused_where_endpoints_are_to_be_asked_for() {
    let write = aws_sdk_timestreamwrite::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"));
    let query = aws_sdk_timestreamquery::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"));
    let write = aws_sdk_timestreamwrite::Client::from_conf(write.build());
    let query = aws_sdk_timestreamquery::Client::from_conf(query.build());
    assert!(Adapter::new(write, query, &settings(true)).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let postgres = Postgres::shared().await;
    conformance::telemetry(async || Store(Timestream::start(postgres.clone()).await)).await;
}

fn sample(n: u64) -> Sample {
    let at = Timestamp::from_ms(1_795_338_000_000 + n * 1000);
    Sample { satellite: "pi".parse().unwrap(), name: "t".into(), at, value: n as f64, unit: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_are_several_calls_and_many_rows_several_pages() {
    let store = Store(Timestream::start(Postgres::shared().await).await);
    let telemetry = store.open().await;
    telemetry.append((0..1001).map(sample).collect()).await.unwrap();
    assert_eq!(store.0.writes(), 11);
    let (from, to) = (sample(0).at, sample(1001).at);
    let query = SeriesQuery { satellite: "pi".parse().unwrap(), name: "t".into(), from, to, step_s: None, limit: 2000 };
    let series = telemetry.series(&query).await.unwrap();
    assert_eq!(series.iter().map(|point| point.mean).collect::<Vec<_>>(), (0..1001).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_table_keeps_is_left_out_and_the_rest_is_kept() {
    let store = Store(Timestream::start(Postgres::shared().await).await);
    store.0.keep_since(sample(2).at.as_ms());
    let telemetry = store.open().await;
    telemetry.append((0..4).map(sample).collect()).await.unwrap();
    let (from, to) = (Timestamp::EPOCH, sample(9).at);
    let query = SeriesQuery { satellite: "pi".parse().unwrap(), name: "t".into(), from, to, step_s: None, limit: 10 };
    let kept: Vec<f64> = telemetry.series(&query).await.unwrap().iter().map(|point| point.mean).collect();
    assert_eq!(kept, [2.0, 3.0]);
    // A record that Timestream cannot take at all is an error, not a loss.
    let long = Sample { unit: "x".repeat(3000), name: "x".repeat(300), ..sample(5) };
    assert!(telemetry.append(vec![long]).await.is_err());
}

/// Hands requests for `https` on to the stand-in, which has no TLS, and notes their operations by scheme.
#[derive(Clone, Debug)]
struct Plain {
    inner: SharedHttpClient,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
struct PlainConnector {
    inner: SharedHttpConnector,
    seen: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Plain {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(PlainConnector { inner, seen: self.seen.clone() })
    }
}

impl HttpConnector for PlainConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        let (scheme, rest) = request.uri().split_once("://").unwrap();
        self.seen.lock().unwrap().push(format!("{scheme} {operation}"));
        let plain = format!("http://{rest}");
        request.set_uri(plain.as_str()).unwrap();
        self.inner.call(request)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_asked_for_once_and_then_used() {
    let server = Timestream::start(Postgres::shared().await).await;
    let seen = Arc::default();
    let http = Plain { inner: aws_smithy_http_client::Builder::new().build_http(), seen: Arc::clone(&seen) };
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .http_client(http)
        .endpoint_url(server.url())
        .load()
        .await;
    let (write, query) = (aws_sdk_timestreamwrite::Client::new(&aws), aws_sdk_timestreamquery::Client::new(&aws));
    let telemetry = Adapter::new(write, query, &settings(true)).unwrap();
    assert!(seen.lock().unwrap().is_empty(), "nobody is asked before there is something to ask");
    for n in 0..2 {
        telemetry.append(vec![sample(n)]).await.unwrap();
    }
    let (from, to) = (sample(0).at, sample(2).at);
    let ask = SeriesQuery { satellite: "pi".parse().unwrap(), name: "t".into(), from, to, step_s: None, limit: 10 };
    assert_eq!(telemetry.series(&ask).await.unwrap().len(), 2);
    let expected =
        ["http DescribeEndpoints", "https WriteRecords", "https WriteRecords", "http DescribeEndpoints", "https Query"];
    assert_eq!(*seen.lock().unwrap(), expected);
}
