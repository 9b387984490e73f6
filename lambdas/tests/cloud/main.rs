//! The deployed hub from end to end, without AWS: servers, functions and the IoT Core, wired from the synthesised CloudFormation,
//! with the command line and the real satellite before them.
//!
//! | AWS | here |
//! |---|---|
//! | DynamoDB and its stream | dynoxide; where stores fail, behind `weather` |
//! | Aurora's Data API | PostgreSQL with pgvector behind a stand-in |
//! | S3 Object Lock | MinIO; moto where there is no Go |
//! | SQS, Cognito | moto |
//! | KMS | a stand-in with real keys |
//! | IoT Core | `marvain-iotcore` |
//! | Lambda, event source mappings, Scheduler, HTTP API | the harness of `marvain-peers`, and the modules here |
//!
//! Functions are Cargo's program, or the package as it is deployed: `scripts/package --host`, then
//! `MARVAIN_PACKAGE=$PWD/target/lambdas-host.zip cargo test --workspace --all-features --test cloud`.
//!
//! What templates say of rights, networks and alarms nobody here enforces: cdk's own tests look at them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests fail by panicking, and tell what functions have logged"
)]

mod cloud;
mod functions;
mod gateway;
mod iot;
mod json;
mod made;
mod operator;
mod servers;
mod sources;
mod weather;

use cloud::Cloud;
use marvain_peers::{Minio, Moto, Resuming};
use operator::Operator;
use serde_json::{Value, json};
use servers::{Buckets, DYNAMODB, RDS_DATA, S3};
use sources::Faults;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};
use weather::Fate;

const OWNER: &str = "owner@example.com";

/// A deployment with an owner who is signed in.
async fn deployed(buckets: Buckets, faults: Faults) -> (Cloud, Operator) {
    let cloud = Cloud::start(buckets, faults).await;
    let mut operator = Operator::of(&cloud);
    operator.json(&["init", "db"]).await;
    let (_, token) = cloud.sign_up(OWNER).await;
    let done = operator.json(&["bootstrap", "--owner", OWNER, "--space-name", "kitchen"]).await;
    assert_eq!((&done["role"], &done["invited"], &done["space_added"]), (&"owner".into(), &false.into(), &true.into()));
    operator.sign_in(&token);
    (cloud, operator)
}

/// The demo's steps hold for a satellite of this name, in a space of its own, with so many events in its stream.
async fn smoke(operator: &Operator, name: &str, events: u32) {
    let events = events.to_string();
    let steps = operator.documents(&["smoke", "--satellite", name, "--space", name, "--events", &events]).await;
    let told = |step: &Value| format!("{} {} ms", step["step"].as_str().unwrap(), step["ms"]);
    println!("{name}: {}", steps.iter().map(told).collect::<Vec<_>>().join(", "));
    assert_eq!(steps.len(), 14, "the demo's thirteen, and taking back what was left: {steps:?}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:?}");
}

/// The audit log from the bucket alone verifies, and holds at least so many entries.
async fn verified(operator: &Operator, folder: &str, entries_min: u64) {
    operator.json(&["export", "--out", folder]).await;
    let log = format!("{folder}/audit");
    let trusted = format!("{log}/trusted.checkpoint");
    let report = operator.json(&["audit", "verify", &log, "--trusted", &trusted]).await;
    assert!(report["size"].as_u64().is_some_and(|size| size >= entries_min), "{report}");
    // And a copy that somebody has changed does not.
    let tile = largest(&operator.dir.join(&log).join("log/tile/entries")).unwrap();
    let mut bytes = fs::read(&tile).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let refused = operator.run(&["audit", "verify", &log, "--trusted", &trusted]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

/// The largest file below a directory: among bundles of entries none that a later one has in it.
fn largest(dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter_map(|path| if path.is_dir() { largest(&path) } else { Some(path) });
    files.max_by_key(|path| fs::metadata(path).unwrap().len())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go: scripts/test --all"]
async fn a_deployed_hub_does_the_main_job_over_locked_objects() {
    a_deployed_hub_does_the_main_job(Buckets::Minio(Minio::start().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_hub_does_the_main_job_on_this_machine() {
    a_deployed_hub_does_the_main_job(Buckets::Moto(Moto::start().await)).await;
}

async fn a_deployed_hub_does_the_main_job(buckets: Buckets) {
    let (cloud, operator) = deployed(buckets, Faults::default()).await;
    smoke(&operator, "smoke", 30).await;
    cloud.quiet(30).await;
    verified(&operator, "export", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_done_twice_when_all_goes_wrong() {
    let (cloud, operator) = deployed(
        Buckets::Moto(Moto::start().await),
        Faults { seed: 7, twice: 3, shuffled: 2, killed: 6, stores: false },
    )
    .await;
    for round in 0..3 {
        smoke(&operator, &format!("smoke-{round}"), 15).await;
    }
    cloud.quiet(60).await;
    let happened = &cloud.sources.happened;
    assert!(happened.twice.load(Ordering::Relaxed) > 0 && happened.killed.load(Ordering::Relaxed) > 0, "{happened:?}");
    verified(&operator, "export", 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_done_twice_when_stores_fail() {
    let faults = Faults { seed: 11, stores: true, ..Faults::default() };
    let (cloud, operator) = deployed(Buckets::Moto(Moto::start().await), faults).await;
    for round in 0..2 {
        smoke(&operator, &format!("smoke-{round}"), 15).await;
    }
    cloud.quiet(120).await;
    let weather = cloud.weather.as_ref().unwrap();
    let met = weather.met(DYNAMODB);
    let all = [
        Fate::Pass,
        Fate::Throttled,
        Fate::Dropped,
        Fate::AnswerLost,
        Fate::Failed,
        Fate::FailedAfter,
        Fate::Hangs,
        Fate::Away,
    ];
    assert!(all.iter().all(|fate| met.contains_key(fate)), "{met:?}");
    for store in [RDS_DATA, S3] {
        let met = weather.met(store);
        assert!(met.keys().any(|fate| *fate != Fate::Pass), "{store}: {met:?}");
    }
    verified(&operator, "export", 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_at_rest_is_waited_for_and_whoever_asks_is_told() {
    let (cloud, operator) = deployed(Buckets::Moto(Moto::start().await), Faults::default()).await;
    let database = &cloud.servers.data_api;
    database.resume_after(usize::MAX, Resuming::Exception);
    let token = fs::read_to_string(operator.dir.join("token")).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let question = json!({"text": "where is the spare key?"});
    let asked = http.post(format!("{}/v1/recall", cloud.gateway.url())).bearer_auth(token).json(&question);
    let answer = asked.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"3".parse().unwrap()));
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "waking");

    // Longer than the function waits: the command asks again.
    let wakes = async {
        tokio::time::sleep(Duration::from_secs(23)).await;
        database.resume_after(0, Resuming::Exception);
    };
    let (found, ()) = tokio::join!(operator.json(&["memory", "recall", "where is the spare key?"]), wakes);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_lets_nobody_in_without_a_token() {
    let cloud = Cloud::start(Buckets::Moto(Moto::start().await), Faults::default()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |path: &str, token: &str| {
        let request = http.get(format!("{}{path}", cloud.gateway.url())).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/v1/health", "").await, 200);
    assert_eq!(status("/v1/status", "").await, 401);
    assert_eq!(status("/v1/status", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.").await, 401);
    // Somebody of the pool whom the hub does not know.
    let (_, token) = cloud.sign_up("stranger@example.com").await;
    assert_eq!(status("/v1/status", &token).await, 401);
}
