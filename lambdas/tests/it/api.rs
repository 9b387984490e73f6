//! The JSON API behind an HTTP API.

use crate::world::{World, event};
use async_trait::async_trait;
use lambda_http::{Request, request::LambdaRequest};
use marvain_console::{
    Api,
    operations::{BackupInfo, BrokerStats, DeadLetter, Operations, QueueInfo, RestoreInfo, Stats},
};
use marvain_domain::{Timestamp, id::PersonId};
use marvain_hub::{people::RequestError, port::Head};
use marvain_lambdas::api;
use serde_json::Value;
use std::{path::Path, sync::Arc};
use tower::ServiceExt as _;

/// A deployment without queues, which these requests do not ask about.
struct NoQueues(Timestamp);

#[async_trait]
impl Operations for NoQueues {
    async fn queues(&self) -> Result<Vec<QueueInfo>, RequestError> {
        Ok(Vec::new())
    }

    async fn dead_letters(
        &self,
        _: &str,
        _: usize,
        _: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), RequestError> {
        Ok((Vec::new(), None))
    }

    async fn redrive(&self, _: &str, _: &[String]) -> Result<u64, RequestError> {
        Ok(0)
    }

    async fn backup(&self, _: Timestamp) -> Result<BackupInfo, RequestError> {
        Err(RequestError::Conflict("none".to_owned()))
    }

    async fn restore(&self, _: &Path, _: &PersonId, _: Timestamp) -> Result<RestoreInfo, RequestError> {
        Err(RequestError::Conflict("none".to_owned()))
    }

    async fn audit_head(&self) -> Result<Option<Head>, RequestError> {
        Ok(None)
    }

    async fn audit_objects(&self, _: usize, _: Option<&str>) -> Result<(Vec<String>, Option<String>), RequestError> {
        Ok((Vec::new(), None))
    }

    async fn audit_object(&self, _: &str) -> Result<Option<Vec<u8>>, RequestError> {
        Ok(None)
    }

    async fn stats(&self) -> Result<Stats, RequestError> {
        let broker = BrokerStats::default();
        Ok(Stats { started_at: self.0, outbox: 0, audit_size: 0, audit_waiting: 0, broker })
    }
}

/// As the runtime takes an event, and the status and body that come back.
async fn ask(world: &World, event: Value) -> (u16, Value) {
    let request: LambdaRequest = serde_json::from_value(event).unwrap();
    let service = api::service(Api {
        hub: world.hub.clone(),
        operations: Arc::new(NoQueues(world.system.now())),
        hosts: vec!["abc123.execute-api.eu-central-1.amazonaws.com".to_owned()],
        clock: world.system.clock(),
        entropy: world.system.entropy(),
    });
    let response = service.oneshot(Request::from(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_account_that_signed_in_says_who_asks() {
    let world = World::new().await;
    let account = "5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a1111".parse().unwrap();
    assert_eq!(ask(&world, event("http-status")).await.0, 401, "an account that is nobody's");
    world.hub.link_account(&world.caller(), &"olga".parse().unwrap(), &account).await.unwrap();
    let (status, body) = ask(&world, event("http-status")).await;
    assert_eq!((status, &body["person"]), (200, &"olga".into()), "{body}");
    let (status, body) = ask(&world, event("http-people")).await;
    assert_eq!((status, body["items"].as_array().unwrap().len()), (200, 1), "{body}");
    let (status, body) = ask(&world, event("http-space")).await;
    assert_eq!((status, &body["id"]), (200, &"hall".into()), "{body}");
    let mut encoded = event("http-space");
    encoded["isBase64Encoded"] = true.into();
    encoded["body"] = "eyJpZCI6ICJhdHRpYyJ9".into();
    let (status, body) = ask(&world, encoded).await;
    assert_eq!((status, &body["id"]), (200, &"attic".into()), "{body}");
}

#[tokio::test]
async fn without_a_verified_account_nothing_in_the_request_makes_one() {
    let world = World::new().await;
    let account = "5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a1111".parse().unwrap();
    world.hub.link_account(&world.caller(), &"olga".parse().unwrap(), &account).await.unwrap();
    assert_eq!(ask(&world, event("http-health")).await, (200, serde_json::json!({"ready": true})));
    assert_eq!(ask(&world, event("http-nobody")).await.0, 401);
    let mut other_claim = event("http-status");
    let claims = other_claim["requestContext"]["authorizer"]["jwt"]["claims"].as_object_mut().unwrap();
    claims.remove("sub");
    assert_eq!(ask(&world, other_claim).await.0, 401, "only `sub` is an account");
    let mut other_host = event("http-health");
    other_host["headers"]["host"] = "evil.example".into();
    assert_eq!(ask(&world, other_host).await.0, 421);
}
