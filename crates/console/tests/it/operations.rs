//! The audit log, queues and backups.

use crate::world::{OWNER, World, answer, request};
use axum::http::Method;
use marvain_domain::audit::{InclusionProof, Verifier};
use marvain_hub::port::Delivery;
use marvain_topics::Queue;
use serde_json::json;

#[tokio::test]
async fn the_audit_log_is_read_proved_verified_and_copied() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/spaces", Some(json!({"id": "den"}))).await;
    let waiting = world.owner(Method::GET, "/v1/audit/entries?limit=2", None).await;
    assert_eq!(waiting["items"].as_array().unwrap().len(), 2);
    assert_eq!((&waiting["items"][1]["kind"], &waiting["items"][1]["seq"]), (&json!("space.added"), &json!(null)));
    let sealed = world.hub.seal().await.unwrap().size;
    let tail = world.owner(Method::GET, "/v1/audit/entries", None).await;
    assert_eq!(tail["items"].as_array().unwrap().last().unwrap()["seq"], sealed - 1);

    let found = world.owner(Method::POST, "/v1/audit/verify", None).await;
    assert_eq!((&found["intact"], &found["size"]), (&json!(true), &json!(sealed)), "{found}");
    let checkpoint = world.owner(Method::GET, "/v1/audit/checkpoint", None).await;
    assert_eq!(checkpoint["size"], sealed);
    let verifier = Verifier::parse(checkpoint["verifier_key"].as_str().unwrap()).unwrap();
    verifier.verify(checkpoint["checkpoint"].as_str().unwrap().as_bytes()).unwrap();
    let proof = world.owner(Method::GET, &format!("/v1/audit/entries/{}/proof", sealed - 1), None).await;
    let proof: InclusionProof = serde_json::from_value(proof).unwrap();
    proof.check(&verifier).unwrap();
    assert_eq!(world.ask(OWNER, Method::GET, &format!("/v1/audit/entries/{sealed}/proof"), None).await.0, 404);

    let mut keys = Vec::new();
    let mut after = String::new();
    loop {
        let page = world.owner(Method::GET, &format!("/v1/audit/objects?limit=2{after}"), None).await;
        keys.extend(page["items"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()));
        match page.get("next") {
            Some(next) => after = format!("&after={}", next.as_str().unwrap()),
            None => break,
        }
    }
    assert!(keys.contains(&format!("checkpoint/{sealed:020}")) && keys.contains(&"key".to_owned()), "{keys:?}");
    let key = answer(world.send(request(Some(OWNER), Method::GET, "/v1/audit/objects/key", None)).await).await;
    assert_eq!(key, (200, json!(format!("{}\n", verifier.as_str()))));
    assert_eq!(world.ask(OWNER, Method::GET, "/v1/audit/objects/tile/0/999", None).await.0, 404);
}

#[tokio::test]
async fn dead_letters_are_seen_and_redriven() {
    let world = World::new().await;
    let delivery = Delivery::hop(Queue::Judge, "test", world.now, &json!({"action": "none"}));
    world.stores.queues.enqueue(delivery.clone(), None).await.unwrap();
    let mut now = world.now;
    loop {
        let batch = world.stores.queues.receive(Queue::Judge, 1, now).await.unwrap();
        match batch.deliveries.into_iter().next() {
            Some(received) => {
                world.stores.queues.retry(received.receipt, "it does not work", now).await.unwrap();
            }
            None if world.stores.queues.counts(now).await.unwrap().iter().any(|count| count.dead == 1) => break,
            None => {}
        }
        now = now.plus_s(3600);
    }
    let queues = world.owner(Method::GET, "/v1/queues", None).await;
    let judge = queues["items"].as_array().unwrap().iter().find(|queue| queue["name"] == "judge").unwrap();
    assert_eq!(judge["dead"], 1);
    let letters = world.owner(Method::GET, "/v1/queues/judge/dead-letters", None).await;
    let letter = &letters["items"][0];
    assert_eq!(
        (&letter["id"], &letter["error"], &letter["body"]),
        (&json!(delivery.id), &json!("it does not work"), &json!(r#"{"action":"none"}"#))
    );
    let redriven = world.owner(Method::POST, "/v1/queues/judge/redrive", Some(json!({"ids": []}))).await;
    assert_eq!(redriven, json!({"redriven": 1}));
    assert_eq!(world.owner(Method::GET, "/v1/queues/judge/dead-letters", None).await["items"], json!([]));
    let too_many: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let (status, _) = world.ask(OWNER, Method::POST, "/v1/queues/judge/redrive", Some(json!({"ids": too_many}))).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_backup_is_made_where_the_hub_says() {
    let world = World::new().await;
    let made = world.owner(Method::POST, "/v1/backups", None).await;
    assert!(std::path::Path::new(made["path"].as_str().unwrap()).join("manifest.json").is_file(), "{made}");
    assert!(made["bytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn what_is_restored_is_a_backup_at_an_absolute_path() {
    let world = World::new().await;
    let made = world.owner(Method::POST, "/v1/backups", None).await;
    let restored = world.owner(Method::POST, "/v1/restores", Some(json!({"path": made["path"]}))).await;
    assert_eq!(restored["of"], made["at"]);
    for (path, told) in [("backup", "`path` must be absolute"), ("/", "is no complete backup")] {
        let (status, refused) = world.ask(OWNER, Method::POST, "/v1/restores", Some(json!({"path": path}))).await;
        assert_eq!((status, &refused["error"]["code"]), (422, &json!("invalid")), "{refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(told), "{refused}");
    }
}

#[tokio::test]
async fn a_cause_is_logged_and_not_told() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/backups", None).await;
    // The place is taken now.
    let (status, refused) = world.ask(OWNER, Method::POST, "/v1/backups", None).await;
    assert_eq!((status, &refused["error"]["code"]), (503, &json!("unavailable")));
    assert_eq!(refused["error"]["message"], "the hub cannot do this now");
    assert!(!refused.to_string().contains("backup\""), "{refused}");
}
