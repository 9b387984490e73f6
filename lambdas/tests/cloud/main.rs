//! The deployed hub from end to end, without AWS: servers, functions and the IoT Core, wired from the synthesised CloudFormation,
//! with the command line and the real satellite before them.
//!
//! | AWS | here |
//! |---|---|
//! | DynamoDB and its stream | dynoxide |
//! | Aurora's Data API | PostgreSQL with pgvector behind a stand-in |
//! | S3 Object Lock | MinIO; moto where there is no Go |
//! | SQS, Cognito | moto |
//! | KMS | a stand-in with real keys |
//! | IoT Core | `marvain-iotcore` |
//! | Lambda, event source mappings, Scheduler, HTTP API | the harness of `marvain-peers`, and the modules here |
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
#![allow(clippy::allow_attributes, unreachable_pub, missing_docs, reason = "nobody but these tests sees it")]

mod cloud;
mod functions;
mod gateway;
mod iot;
mod json;
mod made;
mod operator;
mod servers;
mod sources;

use cloud::Cloud;
use marvain_peers::{Minio, Moto};
use operator::Operator;
use serde_json::Value;
use servers::Buckets;
use sources::Faults;
use std::sync::atomic::Ordering;

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

/// The audit log from the bucket alone verifies, and holds at least so many entries.
async fn verified(operator: &Operator, folder: &str, entries_min: u64) {
    operator.json(&["export", "--out", folder]).await;
    let log = format!("{folder}/audit");
    let trusted = format!("{log}/trusted.checkpoint");
    let report = operator.json(&["audit", "verify", &log, "--trusted", &trusted]).await;
    assert!(report["size"].as_u64().is_some_and(|size| size >= entries_min), "{report}");
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
    let steps = operator.documents(&["smoke"]).await;
    let failed: Vec<&Value> = steps.iter().filter(|step| step["ok"] == false).collect();
    assert!(failed.is_empty(), "{failed:?}");
    cloud.quiet(30).await;
    verified(&operator, "export", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_done_twice_when_all_goes_wrong() {
    let (cloud, operator) =
        deployed(Buckets::Moto(Moto::start().await), Faults { seed: 7, twice: 3, shuffled: 2, killed: 6 }).await;
    for round in 0..3 {
        let name = format!("smoke-{round}");
        let steps = operator.documents(&["smoke", "--satellite", &name, "--space", &name]).await;
        assert!(steps.iter().all(|step| step["ok"] != false), "round {round}: {steps:?}");
    }
    cloud.quiet(60).await;
    let happened = &cloud.sources.happened;
    assert!(happened.twice.load(Ordering::Relaxed) > 0 && happened.killed.load(Ordering::Relaxed) > 0, "{happened:?}");
    verified(&operator, "export", 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_lets_nobody_in_without_a_token() {
    let cloud = Cloud::start(Buckets::Moto(Moto::start().await), Faults::default()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |path: &str, token: &str| {
        let request = http.get(format!("{}{path}", cloud.gateway.url)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/v1/health", "").await, 200);
    assert_eq!(status("/v1/status", "").await, 401);
    assert_eq!(status("/v1/status", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.").await, 401);
    // Somebody of the pool whom the hub does not know.
    let (_, token) = cloud.sign_up("stranger@example.com").await;
    assert_eq!(status("/v1/status", &token).await, 401);
}
