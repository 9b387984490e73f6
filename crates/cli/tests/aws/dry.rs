//! Dry runs: they say exactly what would be done, by the templates that were built, and ask nobody.

use crate::support::{World, synthesised};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

const CONFIG: &str = r#"
default_env = "dev"
[env.dev]
profile = "my home"
region = "eu-central-1"
stack = "marvain-dev"
[env.dev.context]
openai = "true"
"#;

fn world() -> World {
    let mut world = World::new();
    world.configure(CONFIG);
    // Whoever asks is found out: nothing listens there.
    world.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    world
}

#[test]
fn building_is_four_programs() {
    insta::assert_snapshot!(world().told(&["build", "--dry-run", "--set", "acu_max=4"]), @r"
    It would, in this order:
      run    cd /tree && scripts/package
      run    cd /tree/cdk && npm ci --no-audit --no-fund
      run    cd /tree/cdk && npm run build
      run    cd /tree/cdk && npx cdk synth --quiet --no-notices -c stack=marvain-dev -c stage=dev -c acu_max=4 -c openai=true -c require_program=true
    ");
    let refused = world().run(&["build", "--dry-run", "--set", "stage=prod"]);
    assert!(refused.code == Some(2) && refused.err.contains("--stage prod"), "{refused:?}");
}

#[test]
fn deploying_is_asking_cdk_and_cloudformation() {
    let told = world().told(&["deploy", "--dry-run", "--no-build"]);
    let steps: String = told.split("\n\n").next().unwrap().to_owned();
    insta::assert_snapshot!(steps, @r"
    It would, in this order:
      call   sts:GetCallerIdentity
      call   cloudformation:DescribeStacks marvain-dev-data
      call   cloudformation:DescribeStacks marvain-dev-compute
      call   cloudformation:DescribeStacks marvain-dev-fleet
      call   cloudformation:DescribeStacks marvain-dev-people
      call   cloudformation:DescribeStacks marvain-dev-api
      call   cloudformation:DescribeStacks marvain-dev-observability
      call   cloudformation:DescribeStacks CDKToolkit
      run    cd /tree/cdk && AWS_REGION=eu-central-1 npx cdk bootstrap aws://ACCOUNT/eu-central-1 --no-notices --profile 'my home'  (if there is no such stack)
      call   iot:DescribeEndpoint iot:Data-ATS
      run    cd /tree/cdk && AWS_REGION=eu-central-1 npx cdk deploy --all --app cdk.out --require-approval never --no-notices --progress events --parameters marvain-dev-compute:IotEndpoint=ENDPOINT --profile 'my home'
      call   iot:UpdateIndexingConfiguration as the output `FleetIndexing` has it
    ");
    assert!(told.contains("GOVERNANCE lock, 1 d"), "what is locked is said aloud: {told}");
}

/// Stack, name and type of all resources of the templates.
fn resources() -> BTreeSet<(String, String, String)> {
    let mut resources = BTreeSet::new();
    for entry in fs::read_dir(synthesised()).unwrap() {
        let path = entry.unwrap().path();
        let Some(stack) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".template.json") else { continue };
        let template: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for (name, resource) in template["Resources"].as_object().unwrap() {
            let kind = resource["Type"].as_str().unwrap().to_owned();
            resources.insert((stack.to_owned(), name.clone(), kind));
        }
    }
    resources
}

fn planned(plan: &Value) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut resources = BTreeSet::new();
    for stack in plan["stacks"].as_array().unwrap() {
        for resource in stack["resources"].as_array().unwrap() {
            resources.insert((text(&stack["name"]), text(&resource["logical_id"]), text(&resource["type"])));
        }
    }
    resources
}

#[test]
fn the_plan_is_that_of_the_templates() {
    let all = resources();
    assert!(all.len() > 100, "the templates are looked for in the wrong place");
    for command in ["deploy", "teardown"] {
        let dry = world().run(&["--json", command, "--dry-run"]).json();
        assert_eq!(planned(&dry["plan"]), all, "{command}");
    }
}

#[test]
fn tearing_down_goes_the_other_way_and_names_what_stays() {
    let dry = world().run(&["--json", "teardown", "--dry-run"]).json();
    let deleted: Vec<&str> = dry["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["operation"] == "cloudformation:DeleteStack")
        .map(|step| step["on"].as_str().unwrap())
        .collect();
    let order =
        ["observability", "api", "people", "fleet", "compute", "data"].map(|part| format!("marvain-dev-{part}"));
    assert_eq!(deleted, order);
    let detached =
        dry["steps"].as_array().unwrap().iter().filter(|step| step["operation"] == "iot:DetachPolicy").count();
    assert_eq!(detached, 2, "claims' and satellites' policies");
    let retained: Value =
        serde_json::from_str(&fs::read_to_string(synthesised().join("retained.json")).unwrap()).unwrap();
    let afterwards: Vec<&str> =
        dry["afterwards"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    for resource in retained.as_array().unwrap() {
        let name = resource["logicalId"].as_str().unwrap();
        assert!(afterwards.iter().any(|line| line.contains(&format!("<{name}>"))), "{name}: {afterwards:?}");
    }
    let line = "  AWS_PROFILE='my home' AWS_REGION=eu-central-1 aws dynamodb delete-table --table-name '<Ledger>'";
    assert!(afterwards.contains(&line), "{afterwards:#?}");
}

#[test]
fn what_was_built_for_another_deployment_is_not_taken_for_this_one() {
    let world = world();
    let other = world.run(&["--json", "deploy", "--dry-run", "--stack", "marvain-prod"]);
    assert_eq!(other.code, Some(6), "{other:?}");
    assert!(other.error()["hint"].as_str().unwrap().contains("marvain build --stack marvain-prod"), "{other:?}");
    fs::remove_dir_all(world.path("tree/cdk/cdk.out")).unwrap();
    assert_eq!(world.run(&["deploy", "--dry-run"]).code, Some(5), "nothing was built");
    fs::remove_file(world.path("tree/cdk/cdk.json")).unwrap();
    let nowhere = world.run(&["build", "--dry-run"]);
    assert!(nowhere.code == Some(5) && nowhere.err.contains("--source DIR"), "{nowhere:?}");
}

#[test]
fn every_command_has_a_dry_run_that_asks_nobody() {
    let world = world();
    let operations = |args: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["--json"].iter().chain(args).chain(&["--dry-run"]).copied().collect();
        let ran = world.run(&args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        let named = |step: &Value| step["operation"].as_str().or(step["would"].as_str()).unwrap().to_owned();
        ran.json()["steps"].as_array().unwrap().iter().map(named).collect()
    };
    assert_eq!(operations(&["monitor", "status"]).len(), 6);
    assert_eq!(operations(&["monitor", "outputs", "--write-config"]).last().unwrap(), "write");
    assert_eq!(operations(&["logs", "observe"]), ["logs:FilterLogEvents"]);
    assert_eq!(operations(&["login"]), ["ask"]);
    assert_eq!(operations(&["logout"]), ["cognito-idp:RevokeToken"]);
    let smoke = operations(&["smoke"]);
    let (last, asked) = smoke.split_last().unwrap();
    assert!(last == "iot:DeleteCertificate" && asked.iter().all(|would| would == "ask"), "{smoke:?}");
    assert!(!world.path("home/.local").exists(), "nothing was written");
}

#[test]
fn json_says_what_text_says() {
    let dry = world().run(&["--json", "logs", "observe", "--dry-run"]).json();
    let expected = json!({"steps": [{"would": "call", "operation": "logs:FilterLogEvents",
        "on": "/aws/lambda/marvain-dev-observe"}]});
    assert_eq!(dry, expected);
}
