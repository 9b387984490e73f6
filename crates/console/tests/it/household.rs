//! People, roles, tokens, consents, spaces, privacy, policy, status.

use crate::world::{GUEST, MEMBER, OWNER, World, answer, request};
use axum::http::Method;
use marvain_console::Account;
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

/// As behind an identity provider: what it has verified says who asks, whatever the request itself says.
#[tokio::test]
async fn an_account_that_was_verified_says_who_asks_and_nothing_in_the_request_does() {
    let world = World::new().await;
    let sub = "5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a1111";
    let path = "/v1/people/mia/account";
    let whose = async |account: Option<&str>, token: Option<&str>| {
        let mut asked = request(token, Method::GET, "/v1/status", None);
        for name in ["x-account", "x-amzn-oidc-identity", "account"] {
            asked.headers_mut().insert(name, sub.parse().unwrap());
        }
        if let Some(account) = account {
            asked.extensions_mut().insert(Account(account.parse().unwrap()));
        }
        let (status, body) = answer(world.send(asked).await).await;
        (status, body["person"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(whose(Some(sub), None).await.0, 401, "an account that is nobody's");
    assert_eq!(whose(Some(sub), Some(OWNER)).await.0, 401, "a token beside it does not help");
    let linked = world.owner(Method::PUT, path, Some(json!({"account": sub}))).await;
    assert_eq!((&linked["has_account"], linked.to_string().contains(sub)), (&json!(true), false));
    assert_eq!(whose(Some(sub), None).await, (200, "mia".to_owned()));
    assert_eq!(whose(Some(sub), Some(OWNER)).await, (200, "mia".to_owned()));
    assert_eq!(whose(None, Some(OWNER)).await, (200, "olga".to_owned()));
    assert_eq!(whose(None, None).await.0, 401);
    let (status, _) = world.ask(OWNER, Method::PUT, "/v1/people/gus/account", Some(json!({"account": sub}))).await;
    assert_eq!(status, 409);
    assert_eq!(world.owner(Method::DELETE, path, None).await["has_account"], json!(false));
    assert_eq!(whose(Some(sub), None).await.0, 401);
    assert_eq!(world.ask(OWNER, Method::DELETE, path, None).await.0, 404);
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
async fn devices_are_each_persons_own_and_what_reaches_them_stays_here() {
    let world = World::new().await;
    let path = "/v1/people/mia/devices/phone";
    let body = json!({"platform": "fcm", "token": "a-token-of-mia"});
    let (status, added) = world.ask(MEMBER, Method::PUT, path, Some(body.clone())).await;
    let expected = json!({"person": "mia", "name": "phone", "platform": "fcm", "since": "2026-11-22T09:00:00.000Z"});
    assert_eq!((status, added), (200, expected.clone()));
    let (_, list) = world.ask(MEMBER, Method::GET, "/v1/people/mia/devices", None).await;
    assert_eq!(list, json!({"items": [expected]}));
    let cases = [
        (GUEST, path, body.clone(), 403, "manage_devices"),
        (MEMBER, "/v1/people/mia/devices/a%20b", body.clone(), 422, "no device name"),
        (MEMBER, "/v1/people/nobody/devices/phone", body.clone(), 404, "nobody"),
        (MEMBER, path, json!({"platform": "gcm", "token": "x"}), 422, "platform"),
        (MEMBER, path, json!({"platform": "apns_sandbox", "token": "x"}), 422, "does not reach `apns_sandbox`"),
        (MEMBER, path, json!({"platform": "fcm", "token": "x y"}), 422, "printable"),
        (MEMBER, path, json!({"platform": "fcm"}), 422, "token"),
    ];
    for (who, path, body, expected, message) in cases {
        let (status, answer) = world.ask(who, Method::PUT, path, Some(body.clone())).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(message), "{answer}");
    }
    assert_eq!(world.ask(GUEST, Method::GET, "/v1/people/mia/devices", None).await.0, 403);
    assert_eq!(world.ask(MEMBER, Method::DELETE, path, None).await.0, 200);
    assert_eq!(world.ask(MEMBER, Method::DELETE, path, None).await.0, 404);
    let audit = world.owner(Method::GET, "/v1/audit/entries?limit=50", None).await.to_string();
    assert!(audit.contains("device.added") && !audit.contains("a-token-of-mia"), "{audit}");
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
