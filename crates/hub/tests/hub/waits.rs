//! What changes, or ends, while an action, a plan or a reminder waits.

use crate::{scripted::Scripted, world::World};
use marvain_domain::{
    action::{ARGS_BYTES_MAX, Action, ActionState, COMMANDS_OPEN_MAX, Invocation, Target},
    identity::Role,
    policy::DEFAULT_SOURCE,
};
use marvain_hub::{
    Outcome,
    people::{ActionQuery, Proposal, ReminderQuery, RequestError},
};
use marvain_topics::Queue;
use serde_json::{Value, json};
use std::sync::Arc;

const DAYS_S: u64 = 3 * 24 * 3600;

async fn only(world: &mut World) -> Action {
    let caller = world.owner();
    let query = ActionQuery { state: None, limit: 100, after: None };
    let mut all = world.hub.actions(&caller, &query).await.unwrap().0;
    assert_eq!(all.len(), 1, "{all:?}");
    all.pop().unwrap()
}

async fn also(world: &mut World, policy: &str) {
    let caller = world.owner();
    world.hub.set_policy(&caller, &format!("{DEFAULT_SOURCE}\n{policy}")).await.unwrap();
}

const LAMPS_UNATTENDED: &str = r#"
    @id("lamps") permit (principal, action == Action::"run_unattended", resource)
    when { resource.capability == "lamp" };"#;
const LAMPS_ASK: &str = r#"
    @id("ask-lamps") forbid (principal, action == Action::"run_unattended", resource)
    when { resource.capability == "lamp" };"#;

/// Policy lets the lamp be turned on unattended; nothing has been done about it yet.
async fn allowed() -> World {
    let mut world = World::new().await;
    also(&mut world, LAMPS_UNATTENDED).await;
    world.hears("1", "turn the lamp on").await;
    world.work(Queue::Plan).await;
    world.work(Queue::Judge).await;
    assert_eq!(only(&mut world).await.state, ActionState::Allowed);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_run_unattended_any_more_is_asked_about() {
    let mut world = allowed().await;
    also(&mut world, LAMPS_ASK).await;
    world.settle().await;
    let action = only(&mut world).await;
    assert_eq!((action.state, action.grant.is_some()), (ActionState::AwaitingApproval, false));
    assert!(world.desired("pi", "commands").is_empty());
    let caller = world.owner();
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    world.settle().await;
    assert_eq!(world.desired("pi", "commands").len(), 1, "a person lets it run all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_permission_outlasts_a_command() {
    let mut world = allowed().await;
    world.pass_s(DAYS_S).await;
    assert_eq!(only(&mut world).await.state, ActionState::Expired);
    assert!(world.desired("pi", "commands").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_from_before_the_hub_was_down_is_void() {
    let mut world = World::new().await;
    world.hears("1", "turn the lamp on").await;
    world.settle().await;
    let action = only(&mut world).await;
    let caller = world.owner();
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    // The hop to dispatch is still there when the hub is back.
    world.now = world.now.plus_s(DAYS_S);
    world.settle().await;
    assert_eq!(only(&mut world).await.state, ActionState::Expired);
    assert!(world.desired("pi", "commands").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_lasts_as_long_as_its_proposer_says() {
    let mut world = World::new().await;
    let args = json!({"state": "on"}).as_object().unwrap().clone();
    let target = Target::Satellite("pi".parse().unwrap());
    let invocation = Invocation { target, capability: "lamp".parse().unwrap(), args };
    let caller = world.owner();
    let proposal = Proposal { invocation, why: String::new(), ttl_s: Some(5) };
    world.hub.propose(&caller, &proposal).await.unwrap();
    world.pass_s(6).await;
    assert_eq!(only(&mut world).await.state, ActionState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_no_command_could_carry_are_refused() {
    let mut world = World::new().await;
    let args = json!({"text": "\"".repeat(ARGS_BYTES_MAX / 2)}).as_object().unwrap().clone();
    let invocation = Invocation { target: Target::Hub, capability: "reminder.set".parse().unwrap(), args };
    let caller = world.owner();
    let refused = world.hub.propose(&caller, &Proposal { invocation, why: String::new(), ttl_s: None }).await;
    let Err(RequestError::Invalid(why)) = refused else { panic!("{refused:?}") };
    assert_eq!(why, "`args` has 651 bytes of JSON, more than 640");
}

/// Events of `pi` while the planner thinks: what is done meanwhile counts.
async fn thinking(world: &World, model: &Scripted, meanwhile: impl AsyncFnOnce()) {
    let batch = world.queues.receive(Queue::Plan, 1, world.now).await.unwrap();
    let delivery = batch.deliveries.into_iter().next().unwrap().delivery;
    let deliver = async { assert_eq!(world.hub.deliver(&delivery, world.now).await.unwrap(), Outcome::Applied) };
    let meanwhile = async {
        model.begun.notified().await;
        meanwhile().await;
        model.go.notify_one();
    };
    tokio::join!(deliver, meanwhile);
}

fn remember(content: &str) -> Value {
    json!({"memories": [{"tier": "semantic", "content": content, "confidence": 1}], "actions": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn privacy_mode_counts_while_the_planner_thinks() {
    let model = Arc::new(Scripted::default());
    let mut world = World::with_model(model.clone()).await;
    model.next(remember("the safe opens with 4711"));
    model.hold();
    world.hears("1", "remember that the safe opens with 4711").await;
    let caller = world.owner();
    thinking(&world, &model, async || {
        world.hub.set_privacy(&caller, &"den".parse().unwrap(), true).await.unwrap();
    })
    .await;
    assert_eq!(world.audit_kinds(1).await, ["plan.suppressed"]);
    let records = world.ledger.everything().await;
    assert!(!records.iter().any(|record| record.contains("4711")), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_the_unwilling_go_although_planning_failed() {
    let model = Arc::new(Scripted::default());
    let mut world = World::with_model(model.clone()).await;
    let anna = world.person("anna", Role::Member).await;
    model.next(json!("no draft at all"));
    world.says(&anna, "the safe opens with 4711").await;
    assert_eq!(world.audit_kinds(2).await, ["plan.failed", "event.redacted"]);
    let records = world.ledger.everything().await;
    assert!(!records.iter().any(|record| record.contains("4711")), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_wait_for_a_satellite_keep_nothing_else_waiting() {
    let mut world = World::new().await;
    also(&mut world, LAMPS_UNATTENDED).await;
    world.hears("reminder", "remind me to water the plants in 1 minute").await;
    world.settle().await;
    world.now = world.now.plus_s(40);
    for n in 0..COMMANDS_OPEN_MAX + 260 {
        world.hears(&n.to_string(), "turn the lamp on").await;
    }
    world.settle().await;
    assert_eq!(world.desired("pi", "commands").len(), COMMANDS_OPEN_MAX);
    let caller = world.owner();
    let query = ReminderQuery { limit: 10, after: None };
    assert_eq!(world.hub.reminders(&caller, &query).await.unwrap().0.len(), 1);
    world.now = world.now.plus_s(21);
    assert!(world.hub.tick(world.now).await.unwrap().due > 260);
    assert!(world.hub.reminders(&caller, &query).await.unwrap().0.is_empty(), "it has gone off");
    let again = world.hub.tick(world.now.plus_s(1)).await.unwrap();
    assert!(again.due < 10, "those that wait are not looked at every second: {again:?}");
}
