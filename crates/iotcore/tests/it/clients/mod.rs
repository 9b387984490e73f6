//! Devices as others write them: AWS's own SDKs for Python and JavaScript, the crate `aws-iot-device-sdk-rust`, Eclipse Paho and
//! mosquitto's command-line clients, unmodified. Each scenario but mosquitto's is a script or a program that asserts what the device
//! sees; here the broker's side is set up and looked at.

mod mosquitto;

use crate::{
    common::{Identity, PATIENCE, World},
    jobs, provisioning,
};
use marvain_iotcore::{Status, jobs::JobStatus};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Of one device: names that begin with its own, and topics with its own name in them.
const DEVICE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/den*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive", "iot:RetainPublish"], "Resource": [
        "arn:aws:iot:*:*:topic/dt/den/*", "arn:aws:iot:*:*:topic/$aws/things/den/*"]},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
        "arn:aws:iot:*:*:topicfilter/dt/den/*", "arn:aws:iot:*:*:topicfilter/$aws/things/den/*"]}
]}"#;

/// Of a claim: what AWS's provisioning client subscribes to as well.
const CLAIM: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/claim-*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [
        "arn:aws:iot:*:*:topic/$aws/certificates/*", "arn:aws:iot:*:*:topic/$aws/provisioning-templates/fleet/provision/*"]},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
        "arn:aws:iot:*:*:topicfilter/$aws/certificates/*",
        "arn:aws:iot:*:*:topicfilter/$aws/provisioning-templates/fleet/provision/*"]}
]}"#;

/// Where `scripts/test` puts the packages of the clients.
pub(crate) fn packages() -> PathBuf {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    assert!(packages.exists(), "{} is missing: `scripts/test` makes it", packages.display());
    packages
}

/// What a client in another process reads: the root, the certificate and the key, until this is dropped.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn of(device: &Identity) -> Self {
        let dir = TempDir::new().unwrap();
        for (name, content) in
            [("root.pem", &device.root), ("certificate.pem", &device.certificate), ("private.key", &device.key)]
        {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Runs a script of `tests/it/clients`, or the program that is built there, as this device; gives what it prints. What it needs is
/// where `scripts/test` puts it.
pub(crate) async fn run(script: &str, args: &[&str], device: &Identity) -> String {
    let packages = packages();
    let files = Files::of(device);
    let description = json!({
        "endpoint": "localhost",
        "port": device.address.port(),
        "client_id": device.name,
        "root": files.path("root.pem"),
        "certificate": files.path("certificate.pem"),
        "key": files.path("private.key"),
    });
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clients").join(script);
    let (program, needed) = match script.split_once('/') {
        Some(("python", _)) => (packages.join("python/bin/python"), packages.join("python/requirements.txt")),
        Some(("node", _)) => ("node".into(), packages.join("node/node_modules/installed.json")),
        _ => (packages.join("rust/debug").join(script), packages.join("rust/debug").join(script)),
    };
    assert!(needed.exists(), "{} is missing: `scripts/test` makes it", needed.display());
    let mut command = Command::new(program);
    command.env("NODE_PATH", packages.join("node/node_modules"));
    command.args(script.contains('/').then_some(file)).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(description.to_string().as_bytes()).await.unwrap();
    let output = tokio::time::timeout(2 * PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{script}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a client as the device `den`.
async fn run_as_den(script: &str, args: &[&str]) {
    let world = World::start().await;
    let den = world.device_with("den", DEVICE).await;
    run(script, args, &den).await;
    world.stop().await;
}

#[tokio::test]
async fn aws_mqtt_3_client() {
    run_as_den("python/mqtt3.py", &[]).await;
}

#[tokio::test]
async fn aws_mqtt_5_client() {
    run_as_den("python/mqtt5.py", &[]).await;
}

#[tokio::test]
async fn aws_shadow_client() {
    run_as_den("python/shadow1.py", &[]).await;
}

#[tokio::test]
async fn aws_request_response_shadow_client() {
    run_as_den("python/shadow2.py", &["3"]).await;
    run_as_den("python/shadow2.py", &["5"]).await;
}

/// Runs a jobs script as the device `den`, which has two jobs; it does both.
async fn run_with_jobs(script: &str, args: &[&str]) {
    let world = World::start().await;
    let den = world.device_with("den", DEVICE).await;
    for name in ["first", "second"] {
        world.core.create_job(jobs::job(name, "den")).await.unwrap();
    }
    run(script, args, &den).await;
    let left = world.core.list_jobs("").await.unwrap();
    assert!(left.len() == 2 && left.iter().all(|job| job.status == JobStatus::Completed), "{left:?}");
    world.stop().await;
}

#[tokio::test]
async fn aws_jobs_client() {
    run_with_jobs("python/jobs1.py", &[]).await;
}

#[tokio::test]
async fn aws_request_response_jobs_client() {
    run_with_jobs("python/jobs2.py", &["3"]).await;
    run_with_jobs("python/jobs2.py", &["5"]).await;
}

/// Runs a provisioning script as a claim; its arguments begin with the template and the file of a CSR.
async fn run_as_claim(script: &str, args: &[&str]) {
    let fleet = provisioning::Fleet::start().await;
    fleet.world.core.put_policy("claim", CLAIM).await.unwrap();
    let dir = TempDir::new().unwrap();
    let csr = dir.path().join("csr.pem");
    std::fs::write(&csr, provisioning::csr(&rcgen::KeyPair::generate().unwrap())).unwrap();
    let args = [&["fleet", csr.to_str().unwrap()], args].concat();
    let printed = run(script, &args, &fleet.claim).await;
    let made: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let things: Vec<_> = made.iter().map(|made| made["thing"].as_str().unwrap()).collect();
    assert_eq!(things, ["sat-csr", "sat-keys"]);
    for made in &made {
        let id = made["certificate"].as_str().unwrap().parse().unwrap();
        let certificate = fleet.world.core.describe_certificate(id).await.unwrap().unwrap();
        assert_eq!(certificate.status, Status::Active);
    }
}

#[tokio::test]
async fn aws_provisioning_client() {
    run_as_claim("python/identity.py", &["1"]).await;
    run_as_claim("python/identity.py", &["2"]).await;
}

#[tokio::test]
async fn aws_javascript_mqtt_clients() {
    run_as_den("node/pubsub.cjs", &[]).await;
}

#[tokio::test]
async fn aws_javascript_shadow_client() {
    run_as_den("node/shadow2.cjs", &["3"]).await;
    run_as_den("node/shadow2.cjs", &["5"]).await;
}

#[tokio::test]
async fn aws_javascript_jobs_clients() {
    for script in ["node/jobs1.cjs", "node/jobs2.cjs"] {
        run_with_jobs(script, &["3"]).await;
        run_with_jobs(script, &["5"]).await;
    }
}

#[tokio::test]
async fn aws_javascript_provisioning_clients() {
    for generation in ["1", "2"] {
        run_as_claim("node/identity.cjs", &[generation, "3"]).await;
        run_as_claim("node/identity.cjs", &[generation, "5"]).await;
    }
}

#[tokio::test]
async fn eclipse_paho() {
    run_as_den("python/eclipse_paho.py", &[]).await;
}

#[tokio::test]
async fn aws_rust_crate() {
    run_as_den("marvain-iotcore-client", &[]).await;
}
