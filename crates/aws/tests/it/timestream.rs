//! Telemetry on Timestream passes the port's suite over the stand-in.

use crate::database::credentials;
use async_trait::async_trait;
use marvain_aws::{Timestream as Adapter, TimestreamSettings};
use marvain_domain::Timestamp;
use marvain_hub::{
    conformance::{self, Storage},
    port::{Sample, SeriesQuery, Telemetry},
};
use marvain_peers::{Postgres, Timestream};

struct Store(Timestream);

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
        let settings = TimestreamSettings { database: Timestream::DATABASE.into(), table: Timestream::TABLE.into() };
        let write = aws_sdk_timestreamwrite::Client::from_conf(write.build());
        Adapter::new(write, aws_sdk_timestreamquery::Client::from_conf(query.build()), &settings).unwrap()
    }
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
