//! Batches from SQS.

use crate::world::{World, event};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use marvain_domain::plan::{Draft, PlanRequest};
use marvain_hub::port::{Embeddings, Model, ModelError};
use marvain_lambdas::{Function, TimeLeft};
use marvain_topics::Queue;
use serde_json::{Value, json};
use std::sync::Arc;

const LONG_MS: u64 = 60_000;

async fn work(world: &World, function: Function, event: Value, in_ms: u64) -> Vec<String> {
    let event: SqsEvent = serde_json::from_value(event).unwrap();
    let left = TimeLeft::until(world.deadline(in_ms), world.system.now());
    let response: SqsBatchResponse = world.worker(function).work(event, left, None).await.unwrap();
    // What Lambda reads: "Implementing partial batch responses".
    let response = serde_json::to_value(response).unwrap();
    let mut failures: Vec<String> = response["batchItemFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect();
    failures.sort();
    failures
}

fn message(number: u32) -> String {
    format!("059f36b4-87a3-44ab-83d2-66197597{number:04}")
}

#[tokio::test]
async fn a_rules_batch_is_recorded_once_and_an_impostor_is_refused() {
    let world = World::new().await;
    for _ in 0..2 {
        assert!(work(&world, Function::Observe, event("sqs-rule-batch"), LONG_MS).await.is_empty());
    }
    assert_eq!(world.waiting(Queue::Plan).await, 2, "two events of the satellite's, each once");
    let kinds = world.audit_kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "delivery.rejected").count(), 1, "{kinds:?}");
}

#[tokio::test]
async fn what_is_no_delivery_comes_again_alone_until_it_is_a_dead_letter() {
    let world = World::new().await;
    for _ in 0..2 {
        let failures = work(&world, Function::Observe, event("sqs-malformed"), LONG_MS).await;
        assert_eq!(failures, [message(1), message(3), message(4), message(5)]);
    }
    assert_eq!(world.waiting(Queue::Plan).await, 1, "the one between them is done with");
}

#[tokio::test]
async fn a_hop_about_something_that_is_not_there_is_refused_not_repeated() {
    let world = World::new().await;
    assert!(work(&world, Function::Policy, event("sqs-hop-batch"), LONG_MS).await.is_empty());
    let other = work(&world, Function::Settle, event("sqs-hop-batch"), LONG_MS).await;
    assert_eq!(other, [message(1)], "a queue that is not this function's");
}

#[tokio::test]
async fn what_would_be_cut_off_is_not_begun() {
    let world = World::new().await;
    let failures = work(&world, Function::Observe, event("sqs-rule-batch"), 500).await;
    assert_eq!(failures, [message(1), message(2), message(3)]);
    assert_eq!(world.waiting(Queue::Plan).await, 0);
    assert!(work(&world, Function::Observe, event("sqs-rule-batch"), LONG_MS).await.is_empty());
    assert_eq!(world.waiting(Queue::Plan).await, 2);
}

/// Never answers when it is asked about one of the events.
struct Hangs;

#[async_trait]
impl Model for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn embedding_space(&self) -> &'static str {
        "none"
    }

    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError> {
        if request.event.text().is_some_and(|text| text.contains("lamp")) {
            std::future::pending::<()>().await;
        }
        Ok(Draft::default())
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        Ok(Embeddings { space: "none".to_owned(), vectors: texts.iter().map(|_| vec![1.0]).collect() })
    }
}

#[tokio::test]
async fn what_hangs_is_given_up_in_time_and_the_rest_counts() {
    let world = World::with_model(Arc::new(Hangs)).await;
    assert!(work(&world, Function::Observe, event("sqs-rule-batch"), LONG_MS).await.is_empty());
    let batch = world.stores.queues.receive(Queue::Plan, 10, world.system.now()).await.unwrap();
    let records = batch.deliveries.iter().enumerate().map(|(number, received)| {
        let delivery = &received.delivery;
        let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &delivery.body);
        let hop = json!({"id": delivery.id, "received_at": delivery.received_at.as_ms(), "body": body});
        json!({"messageId": number.to_string(), "body": hop.to_string(),
               "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:home-plan"})
    });
    let event = json!({"Records": records.collect::<Vec<_>>()});
    let hanging: Vec<String> = work(&world, Function::Planner, event.clone(), 1_500).await;
    assert_eq!(hanging.len(), 1);
    assert_eq!(work(&world, Function::Planner, event, 1_500).await, hanging, "the other one is done with");
}

#[tokio::test]
async fn a_batch_that_cannot_be_answered_for_is_left_alone() {
    let world = World::new().await;
    let mut nameless = event("sqs-rule-batch");
    nameless["Records"][1].as_object_mut().unwrap().remove("messageId");
    let mut twice = event("sqs-rule-batch");
    twice["Records"][1]["messageId"] = twice["Records"][0]["messageId"].clone();
    for (event, why) in [(nameless, "a message has no id"), (twice, "two messages have the id")] {
        let event: SqsEvent = serde_json::from_value(event).unwrap();
        let left = TimeLeft::until(world.deadline(LONG_MS), world.system.now());
        let refused = world.worker(Function::Observe).work(event, left, None).await.unwrap_err();
        assert!(refused.to_string().starts_with(why), "{refused}");
    }
    assert_eq!(world.waiting(Queue::Plan).await, 0);
}
