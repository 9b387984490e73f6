//! Actions: proposed, approved exactly once, turned down, called off.

use crate::world::{MEMBER, OWNER, World};
use axum::http::Method;
use serde_json::{Value, json};

/// An action that waits for approval, and its hash.
async fn waiting(world: &World) -> (String, Value) {
    let args = json!({"memory": "mem_00000000000000000000000000"});
    let forget = json!({"target": "hub", "capability": "memory.forget", "args": args, "why": "test"});
    let action = world.owner(Method::POST, "/v1/actions", Some(forget)).await;
    assert_eq!(action["state"], "proposed");
    world.settle().await;
    let path = format!("/v1/actions/{}", action["id"].as_str().unwrap());
    let action = world.owner(Method::GET, &path, None).await;
    assert_eq!(action["state"], "awaiting_approval", "{action}");
    (path, action["args_hash"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_approvals_at_once_exactly_one_counts() {
    let world = World::new().await;
    for _ in 0..8 {
        let (path, hash) = waiting(&world).await;
        let path = format!("{path}/approve");
        let approve = || world.ask(OWNER, Method::POST, &path, Some(json!({"args_hash": hash})));
        let ((one, first), (other, second)) = tokio::join!(approve(), approve());
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{first} {second}");
        world.settle().await;
    }
    let entries = world.owner(Method::GET, "/v1/audit/entries?limit=1000", None).await;
    let count = |kind: &str| entries["items"].as_array().unwrap().iter().filter(|e| e["kind"] == kind).count();
    assert_eq!((count("action.approved"), count("action.answer_refused")), (8, 8));
}

#[tokio::test]
async fn another_hash_is_no_approval() {
    let world = World::new().await;
    let (path, hash) = waiting(&world).await;
    let approve = format!("{path}/approve");
    let other = json!({"args_hash": "0".repeat(64)});
    let (status, refused) = world.ask(OWNER, Method::POST, &approve, Some(other)).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("conflict")), "{refused}");
    assert_eq!(world.ask(OWNER, Method::POST, &approve, Some(json!({}))).await.0, 422);
    assert_eq!(world.owner(Method::GET, &path, None).await["state"], "awaiting_approval");
    let approved = world.owner(Method::POST, &approve, Some(json!({"args_hash": hash}))).await;
    assert_eq!((&approved["state"], &approved["grant"]["by"]), (&json!("approved"), &json!("person:olga")));
}

#[tokio::test]
async fn actions_are_turned_down_called_off_and_listed_by_state() {
    let world = World::new().await;
    let (first, _) = waiting(&world).await;
    let rejected = world.owner(Method::POST, &format!("{first}/reject"), Some(json!({"reason": "no"}))).await;
    assert_eq!(rejected["state"], "rejected");
    let (second, _) = waiting(&world).await;
    let canceled = world.owner(Method::POST, &format!("{second}/cancel"), None).await;
    assert_eq!(canceled["state"], "canceled");
    assert_eq!(world.ask(OWNER, Method::POST, &format!("{second}/cancel"), None).await.0, 409);
    waiting(&world).await;
    let list = async |query: &str| world.owner(Method::GET, &format!("/v1/actions{query}"), None).await;
    assert_eq!(list("").await["items"].as_array().unwrap().len(), 3);
    assert_eq!(list("?state=canceled").await["items"].as_array().unwrap().len(), 1);
    let first = list("?limit=2").await;
    let next = first["next"].as_str().unwrap();
    assert_eq!(list(&format!("?limit=2&after={next}")).await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_after_that_is_no_pages_end_is_the_callers_mistake() {
    let world = World::new().await;
    waiting(&world).await;
    waiting(&world).await;
    let page = world.owner(Method::GET, "/v1/actions?limit=1", None).await;
    let next = page["next"].as_str().unwrap();
    for path in ["/v1/actions?after=nonsense".to_owned(), format!("/v1/memories?state=committed&after={next}")] {
        let (status, refused) = world.ask(OWNER, Method::GET, &path, None).await;
        assert_eq!((status, &refused["error"]["code"]), (422, &json!("invalid")), "{path}: {refused}");
    }
}

#[tokio::test]
async fn a_repeated_proposal_is_answered_with_what_became_of_it() {
    let world = World::new().await;
    let args = json!({"memory": "mem_00000000000000000000000000"});
    let body = json!({"target": "hub", "capability": "memory.forget", "args": args});
    let propose = async || {
        let mut request = crate::world::request(Some(OWNER), Method::POST, "/v1/actions", Some(body.clone()));
        request.headers_mut().insert("idempotency-key", "k1".parse().unwrap());
        crate::world::answer(world.send(request).await).await.1
    };
    assert_eq!(propose().await["state"], "proposed");
    world.settle().await;
    assert_eq!(propose().await["state"], "awaiting_approval");
}

#[tokio::test]
async fn what_cannot_be_done_is_not_proposed() {
    let world = World::new().await;
    let propose = async |body: Value| world.ask(MEMBER, Method::POST, "/v1/actions", Some(body)).await;
    let cases = [
        (json!({"target": "hub", "capability": "self.destruct"}), 404),
        (json!({"target": {"satellite": "nobody"}, "capability": "lamp"}), 404),
        (json!({"target": "hub", "capability": "memory.forget"}), 422),
        (json!({"target": "hub", "capability": "memory.forget", "args": {"memory": 5}}), 422),
        (json!({"target": "hub", "capability": "Memory"}), 422),
        (json!({"target": "moon", "capability": "lamp"}), 422),
        (json!({"target": "hub", "capability": "memory.forget", "args": {"memory": "m"}, "why": "x".repeat(500)}), 422),
    ];
    for (body, status) in cases {
        let (answered, answer) = propose(body.clone()).await;
        assert_eq!(answered, status, "{body}: {answer}");
    }
}
