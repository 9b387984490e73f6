use crate::world::World;
use marvain_domain::{
    action::{APPROVAL_TTL_S, Action, ActionState, COMMAND_TTL_S, COMMANDS_OPEN_MAX, RESULT_GRACE_S},
    id::ActionId,
    identity::Role,
};
use marvain_hub::{
    Outcome,
    people::{ActionQuery, RequestError},
};
use serde_json::json;

async fn all(world: &mut World) -> Vec<Action> {
    let caller = world.owner();
    let query = ActionQuery { state: None, limit: 100, after: None };
    world.hub.actions(&caller, &query).await.unwrap().0
}

/// "Turn the lamp on" is heard, and waits for approval.
async fn asked(world: &mut World, id: &str) -> Action {
    world.hears(id, "turn the lamp on").await;
    world.settle().await;
    let action = all(world).await.into_iter().next().unwrap();
    assert_eq!(action.state, ActionState::AwaitingApproval);
    action
}

async fn state(world: &mut World, id: &ActionId) -> ActionState {
    let caller = world.owner();
    world.hub.action(&caller, id).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn from_words_to_a_lamp_that_is_on_once() {
    let mut world = World::new().await;
    let action = asked(&mut world, "1").await;
    assert!(world.desired("pi", "commands").is_empty(), "nothing goes out before somebody approves");
    let caller = world.owner();
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    world.settle().await;
    let commands = world.desired("pi", "commands");
    assert_eq!(commands.keys().collect::<Vec<_>>(), [action.id.as_str()]);
    assert_eq!(commands[action.id.as_str()]["args"], json!({"state": "on"}));
    assert_eq!(world.reports(action.id.as_str(), "acknowledged").await, Outcome::Applied);
    assert_eq!(world.reports(action.id.as_str(), "succeeded").await, Outcome::Applied);
    assert_eq!(state(&mut world, &action.id).await, ActionState::Succeeded);
    assert!(world.desired("pi", "commands").is_empty());
    // A repeated or late report changes nothing.
    world.pass_s(1).await;
    world.reports(action.id.as_str(), "failed").await;
    assert_eq!(state(&mut world, &action.id).await, ActionState::Succeeded);
    insta::assert_json_snapshot!(world.audit_kinds(7).await, @r#"
    [
      "event.observed",
      "action.proposed",
      "action.awaiting_approval",
      "action.approved",
      "action.dispatched",
      "action.acknowledged",
      "action.succeeded"
    ]
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_one_shot_exact_and_by_those_who_may() {
    let mut world = World::new().await;
    let guest = world.person("gus", Role::Guest).await;
    let action = asked(&mut world, "1").await;
    let caller = world.caller(&guest);
    let refused = world.hub.approve(&caller, &action.id, &action.args_hash).await;
    assert!(matches!(refused, Err(RequestError::Refused { .. })), "{refused:?}");
    let mut other = action.invocation.clone();
    other.args.insert("state".into(), json!("off"));
    let caller = world.owner();
    let changed = world.hub.approve(&caller, &action.id, &other.hash().unwrap()).await;
    assert!(matches!(changed, Err(RequestError::Conflict(_))), "{changed:?}");
    let caller = world.owner();
    let first = world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    let repeated = world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    assert_eq!(first.state, repeated.state, "the same request repeated is one request");
    let caller = world.owner();
    let second = world.hub.approve(&caller, &action.id, &action.args_hash).await;
    assert!(matches!(second, Err(RequestError::Conflict(_))), "{second:?}");
    let kinds = world.audit_kinds(20).await;
    for kind in ["request.refused", "action.answer_refused", "action.approved"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind} in {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_ends_by_itself() {
    let mut world = World::new().await;
    let unanswered = asked(&mut world, "1").await;
    world.pass_s(APPROVAL_TTL_S).await;
    assert_eq!(state(&mut world, &unanswered.id).await, ActionState::Expired);
    let silent = asked(&mut world, "2").await;
    let caller = world.owner();
    world.hub.approve(&caller, &silent.id, &silent.args_hash).await.unwrap();
    world.settle().await;
    world.pass_s(COMMAND_TTL_S + RESULT_GRACE_S).await;
    assert_eq!(state(&mut world, &silent.id).await, ActionState::TimedOut);
    assert!(world.desired("pi", "commands").is_empty());
    world.reports(silent.id.as_str(), "succeeded").await;
    let caller = world.owner();
    let late = world.hub.action(&caller, &silent.id).await.unwrap();
    assert_eq!((late.state, late.late.is_some()), (ActionState::TimedOut, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_commands_are_bounded_and_the_rest_waits_its_turn() {
    let mut world = World::new().await;
    for n in 0..COMMANDS_OPEN_MAX + 2 {
        let action = asked(&mut world, &n.to_string()).await;
        let caller = world.owner();
        world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
        world.settle().await;
        world.pass_s(1).await;
    }
    let open = world.desired("pi", "commands");
    assert_eq!(open.len(), COMMANDS_OPEN_MAX);
    for id in open.keys() {
        world.reports(id, "succeeded").await;
    }
    world.pass_s(20).await;
    assert_eq!(world.desired("pi", "commands").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_between_approval_and_dispatch_counts() {
    let mut world = World::new().await;
    let action = asked(&mut world, "1").await;
    let caller = world.owner();
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    let caller = world.owner();
    world.hub.set_privacy(&caller, &"den".parse().unwrap(), true).await.unwrap();
    world.settle().await;
    assert_eq!(state(&mut world, &action.id).await, ActionState::Canceled);
    assert!(world.desired("pi", "commands").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_satellite_settles_its_own_commands_only() {
    let mut world = World::new().await;
    let action = asked(&mut world, "1").await;
    let caller = world.owner();
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    world.settle().await;
    let caller = world.owner();
    world.hub.add_satellite(&caller, &"other".parse().unwrap(), &Default::default()).await.unwrap();
    let certificate = world.certificate("other").await;
    let body = json!({"v": 1, "action": action.id, "state": "succeeded", "at": world.now}).to_string();
    let outcome =
        world.deliver(marvain_topics::Queue::Settle, "marvain/v1/other/report", Some(&certificate), body).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    assert_eq!(state(&mut world, &action.id).await, ActionState::Dispatched);
}
