//! Satellites, claims, enrolment codes, and what they hear.

use crate::world::{GUEST, OWNER, World};
use axum::http::Method;
use marvain_hub::people::Secret;
use serde_json::json;

#[tokio::test]
async fn a_satellite_is_added_rotated_and_revoked() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/spaces", Some(json!({"id": "den"}))).await;
    let added = world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi", "space": "den"}))).await;
    assert_eq!(added["bundle"]["private_key_pem"], "key");
    assert_eq!(added["satellite"]["certificate_id"], added["bundle"]["certificate_id"]);
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/satellites", Some(json!({"id": "pi"}))).await.0, 409);
    let nowhere = json!({"id": "po", "space": "nowhere"});
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/satellites", Some(nowhere)).await.0, 404);
    let (status, shown) = world.ask(GUEST, Method::GET, "/v1/satellites/pi", None).await;
    assert_eq!((status, &shown["space"], &shown["presence"]["online"]), (200, &json!("den"), &json!(false)), "{shown}");
    let list = world.owner(Method::GET, "/v1/satellites", None).await;
    assert_eq!(list["items"], json!([shown]));
    assert!(!list.to_string().contains("key"), "{list}");
    let rotated = world.owner(Method::POST, "/v1/satellites/pi/rotate", Some(json!({}))).await;
    assert_ne!(rotated["bundle"]["certificate_id"], added["bundle"]["certificate_id"]);
    let revoked = world.owner(Method::POST, "/v1/satellites/pi/revoke", None).await;
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/satellites/pi/rotate", None).await.0, 409);
}

#[tokio::test]
async fn a_code_is_told_once_and_lets_one_device_in() {
    let world = World::new().await;
    let claim = world.owner(Method::POST, "/v1/claims", None).await;
    assert_eq!(claim["endpoint"], "localhost");
    let code = world.owner(Method::POST, "/v1/enrolments", Some(json!({"serial": "new", "ttl_s": 60}))).await;
    assert_eq!(code["expires_at"], "2026-11-22T09:01:00.000Z");
    let enrol = |code: &str, certificate: &str| marvain_hub::people::EnrolmentRequest {
        serial: "new".into(),
        code: Secret::presented(code),
        certificate_id: certificate.into(),
        claim_certificate_id: "claim".into(),
    };
    assert!(world.hub.enrol(&enrol("wrong", "c1"), world.now).await.is_err());
    world.hub.enrol(&enrol(code["code"].as_str().unwrap(), "c1"), world.now).await.unwrap();
    let again = json!({"serial": "new"});
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/enrolments", Some(again)).await.0, 409);
    world.owner(Method::POST, "/v1/enrolments", Some(json!({"serial": "new", "replace": true}))).await;
    let too_long = json!({"serial": "x", "ttl_s": 99_999_999});
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/enrolments", Some(too_long)).await.0, 422);
}

/// Said, proposed, reviewed, recalled with evidence, edited, superseded, forgotten.
#[tokio::test]
async fn what_is_said_is_remembered_recalled_and_forgotten() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/spaces", Some(json!({"id": "den"}))).await;
    world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi", "space": "den"}))).await;
    world.owner(Method::PUT, "/v1/people/olga/consents/memory", Some(json!({}))).await;
    let say = |text: &str| json!({"satellite": "pi", "text": text});
    let mut ids = Vec::new();
    for text in ["remember that the tea is in the blue tin", "remember that the tea is in the red tin"] {
        let heard = world.owner(Method::POST, "/v1/speech", Some(say(text))).await;
        world.settle().await;
        let candidates = world.owner(Method::GET, "/v1/memories?state=candidate", None).await;
        let candidate = &candidates["items"][0];
        assert_eq!(candidate["evidence"][0]["event"], heard["event"], "{candidates}");
        let id = candidate["id"].as_str().unwrap().to_owned();
        let commit = Some(json!({"change": "commit"}));
        let committed = world.owner(Method::POST, &format!("/v1/memories/{id}/changes"), commit).await;
        assert_eq!(committed["state"], "committed");
        ids.push(id);
    }
    world.settle().await;
    let recall = async || world.owner(Method::POST, "/v1/recall", Some(json!({"text": "where is the tea"}))).await;
    let found = recall().await;
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
    assert!(!found["items"][0]["reasons"].as_array().unwrap().is_empty());
    let change = async |id: &str, change: serde_json::Value| {
        world.ask(OWNER, Method::POST, &format!("/v1/memories/{id}/changes"), Some(change)).await
    };
    let (status, _) = change(&ids[0], json!({"change": "supersede", "by": ids[1]})).await;
    assert_eq!(status, 200);
    let (status, edited) = change(&ids[1], json!({"change": "edit", "content": "the tea is in the cupboard"})).await;
    assert_eq!((status, &edited["state"]), (200, &json!("edited")));
    assert_eq!(recall().await["items"].as_array().unwrap().len(), 1);
    let (status, gone) = change(&ids[1], json!({"change": "forget"})).await;
    assert_eq!((status, &gone["content"]), (200, &json!("")));
    assert_eq!(recall().await["items"], json!([]));
    assert_eq!(change(&ids[1], json!({"change": "commit"})).await.0, 409);
    for bad in [json!({"change": "burn"}), json!({"change": "commit", "x": 1}), json!({"change": "edit"})] {
        assert_eq!(change(&ids[0], bad.clone()).await.0, 422, "{bad}");
    }
    let shown = world.owner(Method::GET, &format!("/v1/memories/{}", ids[0]), None).await;
    assert_eq!(shown["state"], "superseded");
    let empty = Some(json!({"text": " "}));
    assert_eq!(world.ask(OWNER, Method::POST, "/v1/recall", empty).await.0, 422);
}

#[tokio::test]
async fn reminders_are_listed_and_called_off() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/spaces", Some(json!({"id": "den"}))).await;
    world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi", "space": "den"}))).await;
    for text in ["remind me to call Bob in 20 minutes", "remind me to water the plants in 10 minutes"] {
        world.owner(Method::POST, "/v1/speech", Some(json!({"satellite": "pi", "text": text}))).await;
        world.settle().await;
    }
    let list = async |query: &str| world.owner(Method::GET, &format!("/v1/reminders{query}"), None).await;
    let first = list("?limit=1").await;
    assert_eq!(first["items"][0]["text"], "water the plants", "{first}");
    assert_eq!(list(&format!("?after={}", first["next"].as_str().unwrap())).await["items"][0]["text"], "call Bob");
    let path = format!("/v1/reminders/{}", first["items"][0]["id"].as_str().unwrap());
    assert_eq!(world.ask(GUEST, Method::DELETE, &path, None).await.0, 403);
    assert_eq!(world.owner(Method::DELETE, &path, None).await["reminder"], first["items"][0]["id"]);
    assert_eq!(world.ask(OWNER, Method::DELETE, &path, None).await.0, 404);
    assert_eq!(list("").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask(OWNER, Method::DELETE, "/v1/reminders/nonsense", None).await.0, 422);
    assert_eq!(world.ask(OWNER, Method::GET, "/v1/reminders?after=nonsense", None).await.0, 422);
}
