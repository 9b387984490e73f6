//! The runtime API, asked by AWS's own runtime client for Python.

use marvain_peers::{
    installed,
    lambda::{Function, Lambda, Outcome},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

fn python(handler: &str, timeout: Duration, concurrency: usize) -> Function {
    Function {
        name: handler.to_owned(),
        handler: format!("handlers.{handler}"),
        program: vec![
            installed("awslambdaric", "bin/python"),
            "-m".into(),
            "awslambdaric".into(),
            format!("handlers.{handler}").into(),
        ],
        directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lambda"),
        environment: vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())],
        timeout,
        memory_mb: 128,
        concurrency,
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn aws_own_client_is_given_events_and_answers() {
    let lambda = Lambda::new(python("echo", LONG, 1));
    let mut pids = Vec::new();
    for say in ["hello", "wörld"] {
        let done = lambda.invoke(json!({"say": say}).to_string()).await;
        let answer = done.answer();
        assert_eq!(answer["event"], json!({"say": say}));
        assert_eq!(answer["request_id"], json!(done.request_id));
        assert_eq!(answer["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:echo");
        assert_eq!((&answer["name"], &answer["memory"]), (&json!("echo"), &json!("128")));
        assert!((1..=30_000).contains(&answer["remaining_ms"].as_u64().unwrap()), "{answer}");
        assert!(answer["trace"].as_str().unwrap().starts_with("Root=1-"), "{answer}");
        assert_eq!(answer["stray"], json!([]), "nothing of this process is in its environment");
        assert!(done.log.contains(&format!("heard {say}")), "{}", done.log);
        assert_eq!(done.init.is_some(), say == "hello");
        assert!(done.memory_kb > 1_000);
        pids.push(answer["pid"].clone());
    }
    assert_eq!((&pids[0], lambda.starts()), (&pids[1], 1), "a warm instance is used again");
    lambda.cool();
    let cold = lambda.invoke(json!({"say": "again"}).to_string()).await;
    assert!(cold.init.is_some() && cold.answer()["pid"] != pids[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_is_told_apart_and_what_is_killed_begins_anew() {
    let lambda = Lambda::new(python("misbehave", Duration::from_secs(5), 1));
    let invoke = async |what: &str| lambda.invoke(json!({"do": what}).to_string()).await.outcome;
    let pid = |outcome: Outcome| match outcome {
        Outcome::Answer(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap()["pid"].clone(),
        other => panic!("{other:?}"),
    };
    let first = pid(invoke("nothing").await);
    let Outcome::Failed(error) = invoke("raise").await else { panic!() };
    assert_eq!((error.error_type.as_str(), error.message.as_str()), ("ValueError", "no such luck"));
    assert!(!error.at_init);
    assert_eq!(pid(invoke("nothing").await), first, "an error leaves the instance");
    assert_eq!(invoke("sleep").await, Outcome::TimedOut);
    let second = pid(invoke("nothing").await);
    assert_ne!(second, first, "what was out of time is gone");
    assert_eq!(invoke("exit").await.exit().unwrap().code(), Some(7));
    let third = pid(invoke("nothing").await);
    assert_ne!(third, second);
    let killed =
        lambda.invoke_until(json!({"do": "sleep"}).to_string(), tokio::time::sleep(Duration::from_millis(200)));
    assert_eq!(killed.await.outcome, Outcome::Killed);
    assert!(!matches!(invoke("large").await, Outcome::Answer(_)), "an answer has at most 6 MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_one_event_at_a_time_and_there_are_no_more_than_allowed() {
    let lambda = Lambda::new(python("slow", LONG, 2));
    let answers = futures_util::future::join_all((0..6).map(|_| lambda.invoke("{}"))).await;
    let pids: std::collections::BTreeSet<u64> = answers.iter().map(|done| done.answer().as_u64().unwrap()).collect();
    assert_eq!((pids.len(), lambda.starts()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_start_is_an_outcome_of_its_own() {
    let mut function = python("echo", LONG, 1);
    function.environment.push(("BROKEN".to_owned(), "yes".to_owned()));
    let done = Lambda::new(function).invoke("{}").await;
    let ended_at_init = match &done.outcome {
        Outcome::Exited(status) => !status.success(),
        Outcome::Failed(error) => error.at_init,
        _ => false,
    };
    assert!(ended_at_init && done.log.contains("broken at the start"), "{done:?}");
    let missing = Lambda::new(python("nowhere", LONG, 1)).invoke("{}").await;
    let Outcome::Failed(error) = &missing.outcome else { panic!("{missing:?}") };
    assert!(error.error_type.contains("HandlerNotFound"), "{error:?}");
}
