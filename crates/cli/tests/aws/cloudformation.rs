//! What is asked of CloudFormation, CloudWatch Logs, SQS, S3 and STS, of moto: states, outputs, logs, and deleting.

use crate::support::World;
use aws_sdk_cloudformation::config::{Credentials, Region};
use marvain_peers::Moto;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

const STACK: &str = "marvain-dev";
const PARTS: [&str; 6] = ["data", "people", "compute", "fleet", "api", "observability"];
const REGION: &str = "eu-central-1";

macro_rules! client {
    ($sdk:ident, $moto:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .endpoint_url($moto.url())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        $sdk::Client::from_conf(config.build())
    }};
}

pub(crate) fn client(moto: &Moto) -> aws_sdk_cloudformation::Client {
    client!(aws_sdk_cloudformation, moto)
}

/// Small stacks with the outputs of the real ones; the first may be protected against being deleted.
async fn deploy(moto: &Moto, is_protected: bool) {
    let cloudformation = client(moto);
    for part in PARTS {
        let name = format!("{STACK}-{part}");
        let mut resources = json!({"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}});
        let mut outputs = json!({});
        if part == "data" {
            resources["Vault"] = json!({"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain",
                "Properties": {"BucketName": "marvain-dev-vault"}});
            outputs["VaultBucket"] = json!({"Value": {"Ref": "Vault"}});
            outputs["ExportsOutputRefVault"] = json!({"Value": {"Ref": "Vault"}});
        }
        if part == "compute" {
            resources["Dead"] =
                json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "marvain-dev-observe-dead"}});
            outputs["DeadLetterUrls"] = json!({"Value": {"Fn::Sub": "{\"observe\":\"${Dead}\"}"}});
        }
        if part == "api" {
            outputs["ApiUrl"] = json!({"Value": "https://x.execute-api.eu-central-1.amazonaws.com"});
        }
        let template = json!({"Resources": resources, "Outputs": outputs}).to_string();
        let create = cloudformation.create_stack().stack_name(&name).template_body(template);
        create.enable_termination_protection(is_protected && part == "data").send().await.unwrap();
    }
}

fn standings(ran: &Value) -> Vec<&str> {
    ran.as_array().unwrap().iter().map(|state| state["standing"].as_str().unwrap()).collect()
}

fn check<'a>(checks: &'a Value, name: &str) -> &'a Value {
    checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {checks}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn states_and_outputs_are_those_of_the_stacks() {
    let moto = Moto::start().await;
    let world = World::on(&moto.url());
    world.configure("[env.dev]\nstack = \"marvain-dev\"\n");
    let before = world.run(&["--json", "--env", "dev", "monitor", "status"]);
    assert_eq!((before.code, standings(&before.json())), (Some(1), vec!["absent"; 6]));
    let none = world.run(&["--json", "--env", "dev", "monitor", "outputs"]);
    assert_eq!(none.code, Some(5), "{none:?}");
    let undeployed = world.run(&["--json", "--env", "dev", "status"]);
    assert!(
        undeployed.error()["message"].as_str().unwrap().contains("is not deployed in eu-central-1"),
        "{undeployed:?}"
    );

    deploy(&moto, false).await;
    let after = world.run(&["--json", "--env", "dev", "monitor", "status"]);
    assert_eq!((after.code, standings(&after.json())), (Some(0), vec!["ready"; 6]), "{after:?}");
    let outputs = world.run(&["--json", "--env", "dev", "monitor", "outputs", "--write-config"]).json();
    let outputs: BTreeMap<String, String> = serde_json::from_value(outputs).unwrap();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["ApiUrl", "DeadLetterUrls", "VaultBucket"]);
    let config = fs::read_to_string(world.path("home/.config/marvain/config.toml")).unwrap();
    assert!(config.contains("ApiUrl = \"https://x.execute-api") && !config.contains("ExportsOutput"), "{config}");
    let unnamed = world.run(&["--json", "--stack", "other", "monitor", "outputs", "--write-config"]);
    assert_eq!(unnamed.code, Some(2), "outputs belong to an environment: {unnamed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_looks_at_the_deployment() {
    let moto = Moto::start().await;
    let world = World::on(&moto.url());
    world.configure("[env.dev]\nstack = \"marvain-dev\"\noutputs = { ApiUrl = \"https://old\" }\n");
    let doctor = || world.run(&["--json", "--env", "dev", "doctor"]).json();
    let before = doctor();
    assert_eq!(check(&before, "stacks")["state"], "warn");
    assert!(check(&before, "credentials")["detail"].as_str().unwrap().ends_with("in eu-central-1"), "{before}");
    deploy(&moto, false).await;
    let sqs = client!(aws_sdk_sqs, moto);
    let dead = sqs.get_queue_url().queue_name("marvain-dev-observe-dead").send().await.unwrap();
    sqs.send_message().queue_url(dead.queue_url().unwrap()).message_body("{}").send().await.unwrap();
    let after = doctor();
    assert_eq!(check(&after, "stacks")["state"], "ok");
    assert_eq!(check(&after, "outputs")["state"], "fail", "these small stacks lack most");
    assert_eq!(check(&after, "dead letters")["detail"], "observe: 1");
    assert_ne!(check(&after, "vault")["state"], "ok", "the bucket has no lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_merged_by_time_and_told_once() {
    let moto = Moto::start().await;
    let world = World::on(&moto.url());
    let logs = client!(aws_sdk_cloudwatchlogs, moto);
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    for (function, said) in
        [("observe", vec![(-50_000, "first"), (-10_000, "third")]), ("plan", vec![(-30_000, "second")])]
    {
        let group = format!("/aws/lambda/{STACK}-{function}");
        logs.create_log_group().log_group_name(&group).send().await.unwrap();
        logs.create_log_stream().log_group_name(&group).log_stream_name("s").send().await.unwrap();
        for (ago_ms, message) in said {
            let event =
                aws_sdk_cloudwatchlogs::types::InputLogEvent::builder().timestamp(now + ago_ms).message(message);
            let put = logs.put_log_events().log_group_name(&group).log_stream_name("s");
            put.log_events(event.build().unwrap()).send().await.unwrap();
        }
    }
    let messages = |args: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["--json", "logs"].iter().chain(args).copied().collect();
        let ran = world.run(&args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.lines().iter().map(|line| format!("{} {}", line["function"], line["message"]).replace('"', "")).collect()
    };
    assert_eq!(messages(&[]), ["observe first", "plan second", "observe third"]);
    assert_eq!(messages(&["observe"]), ["observe first", "observe third"]);
    assert_eq!(messages(&["--since", "40s"]), ["plan second", "observe third"]);
    let unknown = world.run(&["--json", "logs", "observer"]);
    assert_eq!(unknown.error()["hint"], "there are observe, plan", "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tearing_down_deletes_the_stacks_and_names_what_stays() {
    let moto = Moto::start().await;
    let world = World::on(&moto.url());
    deploy(&moto, false).await;
    let asked = world.run(&["--json", "teardown"]);
    assert_eq!(asked.code, Some(2), "nobody is there to be asked: {asked:?}");
    let done = world.run(&["--json", "teardown", "--yes", "--wait"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let documents = done.lines();
    let (summary, events) = documents.split_last().unwrap();
    let order: Vec<String> = PARTS.iter().rev().map(|part| format!("{STACK}-{part}")).collect();
    assert_eq!(summary["deleted"], json!(order));
    assert_eq!(summary["left"].as_array().unwrap().len(), 1, "{summary}");
    assert_eq!(summary["left"][0]["name"], "marvain-dev-vault");
    assert!(events.iter().all(|event| event["stack"].is_string() && event["status"].is_string()), "{events:?}");
    let client = client(&moto);
    let there = client.describe_stacks().send().await.unwrap();
    assert_eq!(there.stacks().len(), 0);
    let again = world.run(&["teardown", "--yes"]);
    assert!(again.code == Some(0) && again.out.contains("has no stacks"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_deployment_is_not_begun_with() {
    let moto = Moto::start().await;
    let world = World::on(&moto.url());
    deploy(&moto, true).await;
    let client = client(&moto);
    let refused = world.run(&["--json", "teardown", "--yes"]);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(refused.error()["hint"].as_str().unwrap().contains("--no-enable-termination-protection"), "{refused:?}");
    assert_eq!(client.describe_stacks().send().await.unwrap().stacks().len(), PARTS.len());
}
