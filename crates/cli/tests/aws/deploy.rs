//! `marvain deploy` with the real CDK command, onto moto's CloudFormation. The stacks are small: what the real ones have in them is
//! tested where they are made.

use crate::support::{Ran, World};
use marvain_peers::{Moto, installed};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

const PARTS: [&str; 6] = ["data", "people", "compute", "fleet", "api", "observability"];

/// An assembly of small stacks, each of which needs the one before; `data` is the template of the first.
fn assembly(world: &World, data: &Value) {
    let dir = world.path("tree/cdk/cdk.out");
    let mut artifacts = BTreeMap::new();
    let mut before: Option<String> = None;
    for part in PARTS {
        let (name, file) = (format!("marvain-dev-{part}"), format!("{part}.json"));
        let small = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {"ApiUrl": {"Value": "https://x.execute-api.eu-central-1.amazonaws.com"}}});
        let mut told = small.clone();
        told["Parameters"] = json!({"IotEndpoint": {"Type": "String"}});
        let template = match part {
            "data" => data,
            "compute" => &told,
            _ => &small,
        };
        fs::write(dir.join(&file), template.to_string()).unwrap();
        let artifact = json!({"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
            "properties": {"templateFile": file, "stackName": name}, "dependencies": before.iter().collect::<Vec<_>>()});
        before = Some(name.clone());
        artifacts.insert(name, artifact);
    }
    let manifest = json!({"version": "48.0.0", "artifacts": artifacts});
    fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
}

/// An account that CDK knows, and a source tree with its command.
async fn world() -> (Moto, World) {
    let moto = Moto::start().await;
    let mut world = World::on(&moto.url());
    world.set("CDK_DISABLE_CLI_TELEMETRY", "1");
    std::os::unix::fs::symlink(installed("cdk", "node_modules"), world.path("tree/cdk/node_modules")).unwrap();
    let client = crate::cloudformation::client(&moto);
    let toolkit = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}).to_string();
    client.create_stack().stack_name("CDKToolkit").template_body(toolkit).send().await.unwrap();
    (moto, world)
}

fn deploy(world: &World) -> Ran {
    world.run(&["--json", "deploy", "--no-guided", "--no-build"])
}

#[tokio::test(flavor = "multi_thread")]
async fn stacks_are_made_in_order_and_their_events_are_told() {
    let (_moto, world) = world().await;
    assembly(&world, &json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}));
    let asked = world.run(&["--json", "deploy", "--no-build"]);
    assert_eq!(asked.code, Some(2), "nobody is there to be asked: {asked:?}");
    let ran = deploy(&world);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let documents = ran.lines();
    let (summary, events) = documents.split_last().unwrap();
    assert_eq!(summary["deployed"], true);
    let stacks = summary["stacks"].as_array().unwrap();
    assert!(stacks.iter().all(|stack| stack["standing"] == "ready") && stacks.len() == 6, "{stacks:?}");
    assert!(events.iter().all(|event| event["status"].is_string()), "{events:?}");
    let made = |event: &&Value| event["type"] == "AWS::CloudFormation::Stack" && event["status"] == "CREATE_COMPLETE";
    let made: Vec<&str> = events.iter().filter(made).map(|event| event["stack"].as_str().unwrap()).collect();
    assert_eq!(made.len(), 6, "each is told once: {made:?}");
    // Which outputs there are, `cloudformation.rs` asks of stacks that moto keeps them of. It keeps no parameters of change
    // sets, either, so that CDK would wait for one without changes if this were repeated.
    assert!(summary["outputs"].is_object(), "{summary}");
    let log = fs::read_to_string(world.path("home/.local/state/marvain/logs/deploy-marvain-dev.log")).unwrap();
    assert!(log.contains("marvain-dev-observability"), "what CDK says is kept: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_fails_says_why_and_begins_no_other_stack() {
    let (moto, world) = world().await;
    assembly(&world, &json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a b"}}}}));
    let failed = deploy(&world);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.error()["hint"].as_str().unwrap().contains("goes on"), "{failed:?}");
    let client = crate::cloudformation::client(&moto);
    let there = client.describe_stacks().send().await.unwrap();
    assert!(
        there.stacks().iter().all(|stack| stack.stack_name() != Some("marvain-dev-people")),
        "none before it is ready"
    );
}
