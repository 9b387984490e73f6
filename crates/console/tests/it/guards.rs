//! What every request passes, and how it is refused.

use crate::world::{GUEST, OWNER, World, answer, request};
use axum::{
    body::Body,
    http::{Method, Request},
};
use marvain_console::{BODY_BYTES_MAX, REQUESTS_MAX, routes};
use serde_json::{Value, json};

const ID: &str = "00000000000000000000000000";

/// A path of the table with names that fit.
fn example(path: &str) -> String {
    let id = match path.split('/').nth(2) {
        Some("memories") => format!("mem_{ID}"),
        Some("actions") => format!("act_{ID}"),
        Some("reminders") => format!("rem_{ID}"),
        _ => "nobody".to_owned(),
    };
    path.replace("{id}", &id)
        .replace("{kind}", "memory")
        .replace("{seq}", "0")
        .replace("{name}", "observe")
        .replace("{*key}", "tile/0/000")
}

#[tokio::test]
async fn nothing_but_health_is_told_to_somebody_without_a_credential() {
    let world = World::new().await;
    let mut open = Vec::new();
    for (method, path, _) in routes::all() {
        for token in [None, Some("wrong"), Some("")] {
            let (status, body) = answer(world.send(request(token, method.clone(), &example(path), None)).await).await;
            match status {
                200 => open.push(path),
                _ => assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthenticated")), "{method} {path}"),
            }
        }
    }
    assert_eq!(open, ["/v1/health"; 3]);
    let (_, health) = answer(world.send(request(None, Method::GET, "/v1/health", None)).await).await;
    assert_eq!(health, json!({"ready": true}));
}

/// Every route that policy keeps from guests, with a body that fits.
#[tokio::test]
async fn a_guest_is_refused_what_policy_does_not_permit() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/spaces", Some(json!({"id": "den"}))).await;
    world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi"}))).await;
    let forget = json!({"target": "hub", "capability": "memory.forget", "args": {"memory": format!("mem_{ID}")}});
    let action = world.owner(Method::POST, "/v1/actions", Some(forget.clone())).await;
    let action = action["id"].as_str().unwrap();
    let hash = world.owner(Method::GET, &format!("/v1/actions/{action}"), None).await["args_hash"].clone();
    let cases = [
        (Method::POST, "/v1/claims".to_owned(), json!({})),
        (Method::POST, "/v1/enrolments".into(), json!({"serial": "new"})),
        (Method::POST, "/v1/satellites".into(), json!({"id": "new"})),
        (Method::POST, "/v1/satellites/pi/rotate".into(), json!({})),
        (Method::POST, "/v1/satellites/pi/revoke".into(), json!({})),
        (Method::POST, "/v1/spaces".into(), json!({"id": "new"})),
        (Method::PUT, "/v1/spaces/den/privacy".into(), json!({"on": false})),
        (Method::POST, "/v1/people".into(), json!({"id": "new", "role": "guest"})),
        (Method::PUT, "/v1/people/gus/role".into(), json!({"role": "owner"})),
        (Method::POST, "/v1/people/mia/token".into(), json!({})),
        (Method::PUT, "/v1/people/mia/account".into(), json!({"account": "0a-1b"})),
        (Method::PUT, "/v1/people/gus/account".into(), json!({"account": "0a-1b"})),
        (Method::DELETE, "/v1/people/mia/account".into(), json!({})),
        (Method::PUT, "/v1/people/mia/consents/memory".into(), json!({})),
        (Method::DELETE, "/v1/people/mia/consents/memory".into(), json!({})),
        (Method::POST, "/v1/actions".into(), forget),
        (Method::POST, format!("/v1/actions/{action}/approve"), json!({"args_hash": hash})),
        (Method::POST, format!("/v1/actions/{action}/reject"), json!({})),
        (Method::POST, format!("/v1/actions/{action}/cancel"), json!({})),
        (Method::PUT, "/v1/policy".into(), json!({"text": ""})),
        (Method::GET, "/v1/audit/entries".into(), Value::Null),
        (Method::GET, "/v1/audit/entries/0/proof".into(), Value::Null),
        (Method::POST, "/v1/audit/verify".into(), json!({})),
        (Method::GET, "/v1/audit/checkpoint".into(), Value::Null),
        (Method::GET, "/v1/audit/objects".into(), Value::Null),
        (Method::GET, "/v1/audit/objects/key".into(), Value::Null),
        (Method::GET, "/v1/queues".into(), Value::Null),
        (Method::GET, "/v1/queues/observe/dead-letters".into(), Value::Null),
        (Method::POST, "/v1/queues/observe/redrive".into(), json!({})),
        (Method::POST, "/v1/backups".into(), json!({})),
        (Method::POST, "/v1/restores".into(), json!({"path": "/nowhere"})),
    ];
    for (method, path, body) in cases {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = world.ask(GUEST, method.clone(), &path, body).await;
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("refused")), "{method} {path}: {answer}");
        assert!(answer["error"]["hint"].is_string(), "{path}");
    }
    let entries = world.owner(Method::GET, "/v1/audit/entries?limit=1", None).await;
    assert_eq!(entries["items"][0]["kind"], "request.refused");
    assert_eq!(entries["items"][0]["data"]["operation"], "backup");
}

#[tokio::test]
async fn another_host_is_refused_before_anything_is_looked_at() {
    let world = World::new().await;
    for (host, status) in [("127.0.0.1:8084", 200), ("hub.lan", 200), ("evil.example", 421)] {
        let mut asked = request(None, Method::GET, "/v1/health", None);
        asked.headers_mut().insert("host", host.parse().unwrap());
        assert_eq!(world.send(asked).await.status(), status, "{host}");
    }
}

#[tokio::test]
async fn every_answer_forbids_caches_frames_and_guesses_and_lets_no_origin_in() {
    let world = World::new().await;
    for path in ["/v1/health", "/v1/status", "/nowhere"] {
        let response = world.send(request(None, Method::GET, path, None)).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("cache-control").unwrap(), "no-store", "{path}");
        assert_eq!(header("x-content-type-options").unwrap(), "nosniff");
        assert!(header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(header("access-control-allow-origin"), None);
    }
    let response = world.send(request(None, Method::GET, "/v1/status", None)).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_with_the_field() {
    let world = World::new().await;
    let post = |content_type: &'static str, body: String| {
        let request = Request::post("/v1/spaces").header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {OWNER}")).header("content-type", content_type);
        request.body(Body::from(body)).unwrap()
    };
    let json = "application/json";
    let cases = [
        (json, "{".to_owned(), 400, "malformed", "the body is not JSON"),
        (json, r#"{"id": "den"} x"#.into(), 400, "malformed", "trailing"),
        (json, String::new(), 400, "malformed", "not a JSON object"),
        (json, r#"{"id": "a b"}"#.into(), 422, "invalid", "`id`: `a b` is no space name"),
        (json, r#"{"id": 5}"#.into(), 422, "invalid", "`id`: invalid type"),
        (json, r#"{"id": "den", "colour": "red"}"#.into(), 422, "invalid", "unknown field `colour`"),
        (json, "{}".into(), 422, "invalid", "missing field `id`"),
        (json, r#"["den"]"#.into(), 400, "malformed", "not a JSON object"),
        (json, format!("\"{}\"", "x".repeat(BODY_BYTES_MAX)), 413, "too_large", "too large"),
        ("text/plain", r#"{"id": "den"}"#.into(), 415, "media_type", "application/json"),
        ("application/x-www-form-urlencoded", "id=den".into(), 415, "media_type", "application/json"),
    ];
    for (content_type, body, status, code, message) in cases {
        let shown: String = body.chars().take(40).collect();
        let (answered, answer) = answer(world.send(post(content_type, body)).await).await;
        assert_eq!((answered, &answer["error"]["code"]), (status, &json!(code)), "{shown}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(message), "{shown}: {answer}");
    }
    assert_eq!(world.owner(Method::GET, "/v1/spaces", None).await["items"], json!([]));
    let (status, _) = answer(world.send(post("application/json; charset=utf-8", r#"{"id":"den"}"#.into())).await).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn paths_methods_and_parameters_that_do_not_fit_are_refused_in_one_form() {
    let world = World::new().await;
    let cases = [
        (Method::GET, "/nowhere", 404, "not_found"),
        (Method::GET, "/v1/satellites/nobody", 404, "not_found"),
        (Method::DELETE, "/v1/status", 405, "method"),
        (Method::GET, "/v1/satellites/a%20b", 422, "invalid"),
        (Method::GET, "/v1/satellites?limit=0", 422, "invalid"),
        (Method::GET, "/v1/satellites?limit=x", 422, "invalid"),
        (Method::GET, "/v1/satellites?colour=red", 422, "invalid"),
        (Method::GET, "/v1/memories", 422, "invalid"),
        (Method::GET, "/v1/audit/objects/..%2F..%2Fkeys", 422, "invalid"),
        (Method::GET, "/v1/queues/nothing/dead-letters", 404, "not_found"),
    ];
    for (method, path, status, code) in cases {
        let (answered, answer) = world.ask(OWNER, method, path, None).await;
        assert_eq!((answered, &answer["error"]["code"]), (status, &json!(code)), "{path}: {answer}");
    }
}

/// Bodies that never end hold their places; whoever comes then is told to come again, and the places come free.
#[tokio::test]
async fn more_requests_than_there_is_room_for_are_put_off() {
    let world = std::sync::Arc::new(World::new().await);
    let hold = |_| {
        let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let mut request = request(Some(OWNER), Method::POST, "/v1/spaces", Some(json!({})));
        *request.body_mut() = Body::from_stream(never);
        let world = world.clone();
        tokio::spawn(async move { world.send(request).await.status() })
    };
    let held: Vec<_> = (0..REQUESTS_MAX).map(hold).collect();
    let ask = async || world.send(request(None, Method::GET, "/v1/health", None)).await;
    // The test's runtime has one thread, and takes a while to begin them all.
    for _ in 0..REQUESTS_MAX {
        tokio::task::yield_now().await;
    }
    let refused = ask().await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    for task in held {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(ask().await.status(), 200);
}
