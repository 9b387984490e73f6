//! People, roles, tokens, consents, spaces, privacy, policy, status.

use crate::world::{GUEST, MEMBER, OWNER, World};
use axum::http::Method;
use serde_json::json;

#[tokio::test]
async fn people_are_added_given_roles_and_tokens_and_their_hashes_stay_here() {
    let world = World::new().await;
    let added = world.owner(Method::POST, "/v1/people", Some(json!({"id": "anna", "role": "guest"}))).await;
    assert_eq!((&added["display_name"], &added["has_token"]), (&json!("anna"), &json!(false)));
    let (status, again) =
        world.ask(OWNER, Method::POST, "/v1/people", Some(json!({"id": "anna", "role": "guest"}))).await;
    assert_eq!((status, &again["error"]["code"]), (409, &json!("conflict")));
    let token = world.owner(Method::POST, "/v1/people/anna/token", Some(json!({}))).await;
    let token = token["token"].as_str().unwrap().to_owned();
    let (status, list) = world.ask(&token, Method::GET, "/v1/people", None).await;
    assert_eq!(status, 200);
    assert!(!list.to_string().contains("token_hash"), "{list}");
    assert_eq!(list["items"].as_array().unwrap().len(), 4);
    let other = world.owner(Method::POST, "/v1/people/anna/token", Some(json!({}))).await;
    assert_ne!(other["token"], json!(token));
    assert_eq!(world.ask(&token, Method::GET, "/v1/people", None).await.0, 401);
    let promoted = world.owner(Method::PUT, "/v1/people/anna/role", Some(json!({"role": "admin"}))).await;
    assert_eq!(promoted["role"], "admin");
    let (status, _) = world.ask(OWNER, Method::PUT, "/v1/people/olga/role", Some(json!({"role": "guest"}))).await;
    assert_eq!(status, 409, "the last owner stays");
    world.owner(Method::PUT, "/v1/people/gus/role", Some(json!({"role": "blocked"}))).await;
    assert_eq!(world.ask(GUEST, Method::GET, "/v1/people", None).await.0, 401);
}

/// Twice with one key is once; a secret is never told twice.
#[tokio::test]
async fn a_request_that_is_repeated_is_one_request() {
    let world = World::new().await;
    let keyed = |method, path: &str, body| {
        let mut request = crate::world::request(Some(OWNER), method, path, Some(body));
        request.headers_mut().insert("idempotency-key", "k1".parse().unwrap());
        request
    };
    let forget = json!({"target": "hub", "capability": "memory.forget", "args": {"memory": "mem_x"}});
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (status, action) =
            crate::world::answer(world.send(keyed(Method::POST, "/v1/actions", forget.clone())).await).await;
        assert_eq!(status, 200, "{action}");
        ids.push(action["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let actions = world.owner(Method::GET, "/v1/actions", None).await;
    assert_eq!(actions["items"].as_array().unwrap().len(), 1);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let (_, token) =
            crate::world::answer(world.send(keyed(Method::POST, "/v1/people/mia/token", json!({}))).await).await;
        tokens.push(token["token"].as_str().unwrap().to_owned());
    }
    assert_eq!(world.ask(&tokens[0], Method::GET, "/v1/status", None).await.0, 401);
    assert_eq!(world.ask(&tokens[1], Method::GET, "/v1/status", None).await.0, 200);
}

#[tokio::test]
async fn consent_is_each_persons_own() {
    let world = World::new().await;
    let path = "/v1/people/gus/consents/memory";
    let terms = json!({"purpose": "the house", "expires_at": "2026-12-01T00:00:00Z"});
    let (status, consent) = world.ask(GUEST, Method::PUT, path, Some(terms)).await;
    assert_eq!((status, &consent["granted_by"]), (200, &json!("person:gus")), "{consent}");
    let (status, _) = world.ask(MEMBER, Method::PUT, path, Some(json!({}))).await;
    assert_eq!(status, 403);
    let (status, _) = world.ask(GUEST, Method::PUT, path, Some(json!({"expires_at": "2026-01-01T00:00:00Z"}))).await;
    assert_eq!(status, 422);
    let (status, revoked) = world.ask(GUEST, Method::DELETE, path, None).await;
    assert_eq!(status, 200);
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(world.ask(GUEST, Method::DELETE, path, None).await.0, 404);
    let list = world.owner(Method::GET, "/v1/people/gus/consents", None).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask(GUEST, Method::PUT, "/v1/people/gus/consents/everything", Some(json!({}))).await.0, 422);
}

#[tokio::test]
async fn spaces_come_in_pages_and_have_a_privacy_mode() {
    let world = World::new().await;
    for id in ["c", "a", "b"] {
        world.owner(Method::POST, "/v1/spaces", Some(json!({"id": id, "location": "home"}))).await;
    }
    let first = world.owner(Method::GET, "/v1/spaces?limit=2", None).await;
    assert_eq!((&first["items"][0]["id"], &first["next"]), (&json!("a"), &json!("b")));
    let rest = world.owner(Method::GET, "/v1/spaces?limit=2&after=b", None).await;
    assert_eq!((&rest["items"][0]["id"], rest.get("next")), (&json!("c"), None));
    let (status, on) = world.ask(GUEST, Method::PUT, "/v1/spaces/a/privacy", Some(json!({"on": true}))).await;
    assert_eq!((status, &on["privacy"]["by"]), (200, &json!("person:gus")));
    assert_eq!(world.owner(Method::GET, "/v1/status", None).await["private_spaces"], json!(["a"]));
    let off = world.owner(Method::PUT, "/v1/spaces/a/privacy", Some(json!({"on": false}))).await;
    assert_eq!(off.get("privacy"), None);
}

#[tokio::test]
async fn policies_are_read_and_replaced_whole_or_not_at_all() {
    let world = World::new().await;
    let before = world.owner(Method::GET, "/v1/policy", None).await;
    assert!(before["text"].as_str().unwrap().contains("@id(\"owners\")"));
    let (status, refused) =
        world.ask(OWNER, Method::PUT, "/v1/policy", Some(json!({"text": "permit (principal"}))).await;
    assert_eq!(status, 422, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("policies.cedar:1:"), "{refused}");
    assert_eq!(world.owner(Method::GET, "/v1/policy", None).await, before);
    let text = "@id(\"all\") permit (principal, action in Action::\"operation\", resource);";
    let ids = world.owner(Method::PUT, "/v1/policy", Some(json!({"text": text}))).await;
    assert_eq!(ids["policies"], json!(["all"]));
    assert_eq!(world.ask(GUEST, Method::GET, "/v1/queues", None).await.0, 200);
    let large = "x".repeat(marvain_console::policy::POLICY_BODY_BYTES_MAX);
    assert_eq!(world.ask(OWNER, Method::PUT, "/v1/policy", Some(json!({"text": large}))).await.0, 413);
}

#[tokio::test]
async fn status_and_metrics_tell_how_the_hub_is() {
    let world = World::new().await;
    let (status, seen) = world.ask(GUEST, Method::GET, "/v1/status", None).await;
    assert_eq!((status, &seen["person"], &seen["role"]), (200, &json!("gus"), &json!("guest")), "{seen}");
    assert_eq!(seen["now"], "2026-11-22T09:00:00.000Z");
    let (status, metrics) = world.ask(GUEST, Method::GET, "/v1/metrics", None).await;
    assert_eq!(status, 200);
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("marvain_broker_connections 7\n"), "{metrics}");
    assert!(metrics.contains("marvain_queue_deliveries{queue=\"observe\",state=\"waiting\"} 0\n"), "{metrics}");
}
