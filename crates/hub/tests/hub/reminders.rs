use crate::{scripted::Scripted, world::World};
use marvain_domain::{action::ActionState, identity::Role};
use marvain_hub::people::{ActionQuery, ReminderQuery, RequestError, Standing};
use marvain_topics::Queue;
use serde_json::json;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_is_spoken_where_it_was_asked_for_when_it_is_due() {
    let mut world = World::new().await;
    world.hears("1", "remind me to water the plants in 10 minutes").await;
    world.settle().await;
    world.pass_s(599).await;
    assert!(world.desired("pi", "commands").is_empty());
    world.pass_s(2).await;
    let commands = world.desired("pi", "commands");
    let command = commands.values().next().unwrap();
    assert_eq!(command["capability"], "say");
    assert!(command["args"]["text"].as_str().unwrap().contains("water the plants"), "{command}");
    assert_eq!(commands.len(), 1);
    world.pass_s(5).await;
    assert_eq!(world.desired("pi", "commands").len(), 1, "it goes off once");
    assert_eq!(json!(world.audit_kinds(5).await.contains(&"reminder.fired".into())), json!(true));
}

/// An unknown voice in the garden lets the den remind; the policies let a room be answered in that room alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_comes_from_where_it_was_asked_for() {
    let model = Arc::new(Scripted::default());
    let mut world = World::with_model(model.clone()).await;
    let caller = world.owner();
    world.hub.add_space(&caller, &"garden".parse().unwrap(), None).await.unwrap();
    let standing = Standing { space: Some("garden".parse().unwrap()), person: None };
    let caller = world.owner();
    world.hub.add_satellite(&caller, &"gnome".parse().unwrap(), &standing).await.unwrap();
    let args = json!({"text": "boo", "due": "2026-11-22T09:10:00Z", "satellite": "pi"});
    let action = json!({"target": "hub", "capability": "reminder.set", "args": args, "why": ""});
    model.next(json!({"memories": [], "actions": [action]}));
    let certificate = world.certificate("gnome").await;
    let body = json!({"v": 1, "id": "1", "at": world.now, "kind": "transcript", "text": "psst"}).to_string();
    world.deliver(Queue::Observe, "marvain/v1/gnome/event/transcript", Some(&certificate), body).await;
    world.settle().await;
    world.pass_s(601).await;
    let caller = world.owner();
    let query = ActionQuery { state: Some(ActionState::AwaitingApproval), limit: 10, after: None };
    let waiting = world.hub.actions(&caller, &query).await.unwrap().0;
    assert_eq!(waiting.iter().map(|action| action.invocation.capability.as_str()).collect::<Vec<_>>(), ["say"]);
    assert!(world.desired("pi", "commands").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_are_listed_and_called_off_by_those_whose_they_are() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Member).await);
    world.says(&anna, "remind me to call Bob in 20 minutes").await;
    world.says(&anna, "remind me to water the plants in 10 minutes").await;
    let query = ReminderQuery { limit: 10, after: None };
    let caller = world.caller(&anna);
    let hers = world.hub.reminders(&caller, &query).await.unwrap().0;
    assert_eq!(
        hers.iter().map(|reminder| reminder.text.as_str()).collect::<Vec<_>>(),
        ["water the plants", "call Bob"]
    );
    let caller = world.caller(&ben);
    assert!(world.hub.reminders(&caller, &query).await.unwrap().0.is_empty());
    let refused = world.hub.cancel_reminder(&caller, &hers[0].id).await;
    assert!(matches!(refused, Err(RequestError::Refused { .. })), "{refused:?}");
    let caller = world.caller(&anna);
    for _ in 0..2 {
        world.hub.cancel_reminder(&caller, &hers[0].id).await.unwrap();
    }
    let caller = world.caller(&anna);
    let gone = world.hub.cancel_reminder(&caller, &hers[0].id).await;
    assert!(matches!(gone, Err(RequestError::NotFound { .. })), "{gone:?}");
    world.pass_s(601).await;
    assert!(world.desired("pi", "commands").is_empty());
    assert_eq!(world.audit_kinds(1).await, ["reminder.canceled"]);
    world.pass_s(600).await;
    assert_eq!(world.desired("pi", "commands").len(), 1, "the other goes off");
    let caller = world.owner();
    assert!(world.hub.reminders(&caller, &query).await.unwrap().0.is_empty(), "and is listed no more");
}
