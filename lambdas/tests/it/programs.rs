//! Every function behind the runtime API: it starts with its environment or says what is missing, and answers what needs no
//! service of AWS's.

use crate::world::{event, variables};
use marvain_lambdas::Function;
use marvain_peers::lambda::{Function as Deployed, Lambda, Outcome, unpack};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

fn deployed(function: Function) -> Deployed {
    Deployed {
        name: format!("home-{}", function.name()),
        handler: function.name().to_owned(),
        program: vec![env!("CARGO_BIN_EXE_marvain-lambdas").into()],
        directory: "/".into(),
        environment: variables().into_iter().collect(),
        timeout: Duration::from_secs(20),
        memory_mb: 256,
        concurrency: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_starts_and_one_without_its_environment_says_what_is_missing() {
    for function in Function::ALL {
        let mut bare = deployed(function);
        bare.environment.retain(|(name, _)| name != "MARVAIN_TABLE");
        let done = Lambda::new(bare).invoke("{}").await;
        assert_eq!(done.outcome.exit().and_then(|status| status.code()), Some(1), "{}: {done:?}", function.name());
        assert!(done.log.contains("the variable MARVAIN_TABLE is missing"), "{}", done.log);
        let line: Value = serde_json::from_str(done.log.lines().last().unwrap()).unwrap();
        assert_eq!((&line["level"], &line["function"]), (&json!("ERROR"), &json!(function.name())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_no_function_is_named_with_those_that_are() {
    let unknown = Deployed { handler: "bootstrap".to_owned(), ..deployed(Function::Observe) };
    let done = Lambda::new(unknown).invoke("{}").await;
    assert_eq!(done.outcome.exit().and_then(|status| status.code()), Some(1), "{done:?}");
    assert!(done.log.contains("`bootstrap` is no function") && done.log.contains("provisioning-hook"), "{}", done.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_nothing_has_no_failures_and_what_is_no_batch_is_the_functions_error() {
    for function in Function::ALL.into_iter().filter(|function| !function.queues().is_empty()) {
        let lambda = Lambda::new(deployed(function));
        let nothing = lambda.invoke(json!({"Records": []}).to_string()).await;
        assert_eq!(nothing.answer(), json!({"batchItemFailures": []}), "{}", function.name());
        let Outcome::Failed(error) = lambda.invoke(json!({"Record": 1}).to_string()).await.outcome else { panic!() };
        assert!(!error.at_init && error.message.contains("Records"), "{error:?}");
        let unknown = lambda.invoke(event("sqs-malformed").to_string()).await;
        let failures = unknown.answer()["batchItemFailures"].as_array().unwrap().len();
        assert!(failures >= 4, "{}", function.name());
        assert_eq!(lambda.starts(), 1);
        if function == Function::Settle {
            assert_eq!(failures, 5, "none is of its queue");
            let metrics: Vec<Value> = unknown.log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let metric = metrics.iter().find(|line| line["_aws"].is_object()).unwrap();
            assert_eq!(
                (&metric["function"], &metric["deliveries"], &metric["retried"]),
                (&json!("settle"), &json!(5), &json!(5))
            );
            let line = metrics.iter().find(|line| line["level"] == "ERROR").unwrap();
            assert_eq!(line["spans"][0]["requestId"], json!(unknown.request_id), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_says_no_to_what_is_no_question_and_health_needs_nobody() {
    let hook = Lambda::new(deployed(Function::ProvisioningHook));
    let no = json!({"allowProvisioning": false, "parameterOverrides": {}});
    for event in [json!({}), json!("hello"), json!({"certificateId": 7})] {
        assert_eq!(hook.invoke(event.to_string()).await.answer(), no);
    }
    let api = Lambda::new(deployed(Function::Api));
    let health = api.invoke(event("http-health").to_string()).await.answer();
    assert_eq!((&health["statusCode"], &health["body"]), (&json!(200), &json!(r#"{"ready":true}"#)), "{health}");
    assert_eq!(health["headers"]["cache-control"], "no-store");
    assert_eq!(api.invoke(event("http-nobody").to_string()).await.answer()["statusCode"], 401);
}

/// By QEMU's user emulation, with the C library of Debian's cross compiler.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the package: scripts/package --functions"]
async fn the_package_for_arm64_starts_and_answers() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let unpacked = TempDir::new().unwrap();
    let program = unpack(&target.join("lambdas.zip"), unpacked.path());
    let emulated = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"].map(PathBuf::from);
    let program: Vec<_> = emulated.into_iter().chain([program]).collect();
    let api = Lambda::new(Deployed { program: program.clone(), ..deployed(Function::Api) });
    assert_eq!(api.invoke(event("http-health").to_string()).await.answer()["statusCode"], 200);
    let observe = Lambda::new(Deployed { program, ..deployed(Function::Observe) });
    let nothing = observe.invoke(json!({"Records": []}).to_string()).await;
    assert_eq!(nothing.answer(), json!({"batchItemFailures": []}));
}
