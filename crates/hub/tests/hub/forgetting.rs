//! What is forgotten is gone: no copy of its words is left, wherever they went.

use crate::{scripted::Scripted, world::World};
use marvain_domain::{
    action::{Action, ActionState},
    consent::ConsentKind,
    id::MemoryId,
    identity::{Person, Role},
    memory::{Memory, MemoryChange, MemoryState},
};
use marvain_hub::{
    Outcome,
    people::{ActionQuery, MemoryQuery, ReminderQuery},
    port::Recall,
};
use marvain_topics::Queue;
use serde_json::{Value, json};
use std::sync::Arc;

async fn memories(world: &mut World, state: MemoryState) -> Vec<Memory> {
    let caller = world.owner();
    world.hub.memories(&caller, &MemoryQuery { state, limit: 100, after: None }).await.unwrap().0
}

async fn actions(world: &mut World, capability: &str) -> Vec<Action> {
    let caller = world.owner();
    let query = ActionQuery { state: None, limit: 100, after: None };
    let all = world.hub.actions(&caller, &query).await.unwrap().0;
    all.into_iter().filter(|action| action.invocation.capability.as_str() == capability).collect()
}

async fn change(world: &mut World, id: &MemoryId, change: MemoryChange) {
    let caller = world.owner();
    world.hub.change_memory(&caller, id, &change).await.unwrap();
    world.settle().await;
}

fn remember(content: &str) -> Value {
    json!({"tier": "semantic", "content": content, "confidence": 1})
}

fn say(text: &str) -> Value {
    json!({"target": {"satellite": "pi"}, "capability": "say", "args": {"text": text}, "why": text})
}

fn lamp(why: &str) -> Value {
    json!({"target": {"satellite": "pi"}, "capability": "lamp", "args": {"state": "on"}, "why": why})
}

fn reminder(text: &str, minutes: u64) -> Value {
    let due = format!("2026-11-22T09:{minutes:02}:00Z");
    let args = json!({"text": text, "due": due, "satellite": "pi"});
    json!({"target": "hub", "capability": "reminder.set", "args": args, "why": "asked"})
}

async fn holding(world: &World, word: &str) -> Vec<String> {
    let mut all = world.ledger.everything().await;
    all.push(format!("{:?}", world.desired("pi", "commands")));
    all.retain(|record| record.contains(word));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_of_the_words_is_left_anywhere() {
    let model = Arc::new(Scripted::default());
    let mut world = World::with_model(model.clone()).await;
    // An earlier wording, which is replaced.
    model.next(json!({"memories": [remember("the safe opens with 4711, it seems")], "actions": []}));
    world.hears("1", "remember that the safe opens with 4711, it seems").await;
    world.settle().await;
    let older = memories(&mut world, MemoryState::Candidate).await.pop().unwrap().id;
    change(&mut world, &older, MemoryChange::Commit).await;
    // One event makes two memories, speaks, asks for something, and sets reminders.
    let both = [remember("the safe opens with 4711"), remember("the safe is in the hall")];
    let all = [say("noted: 4711"), lamp("to see 4711"), reminder("4711", 30), reminder("water the plants", 40)];
    model.next(json!({"memories": both, "actions": all}));
    world
        .hears("2", "remember that the safe in the hall opens with 4711, and remind me of that and of the plants")
        .await;
    world.settle().await;
    let candidates = memories(&mut world, MemoryState::Candidate).await;
    let find = |text: &str| candidates.iter().find(|memory| memory.content.contains(text)).unwrap().id.clone();
    let (code, place) = (find("4711"), find("hall"));
    change(&mut world, &code, MemoryChange::Commit).await;
    change(&mut world, &place, MemoryChange::Commit).await;
    change(&mut world, &code, MemoryChange::Edit { content: "4711 opens the safe".into() }).await;
    change(&mut world, &older, MemoryChange::Supersede { by: code.clone() }).await;
    // What was said is over, with a report that repeats it.
    let said = actions(&mut world, "say").await.pop().unwrap();
    let report = |action: &Action, at| {
        json!({"v": 1, "action": action.id, "state": "failed", "at": at, "error": "no voice for 4711"}).to_string()
    };
    let certificate = world.certificate("pi").await;
    let body = report(&said, world.now);
    world.deliver(Queue::Settle, "marvain/v1/pi/report", Some(&certificate), body).await;
    // Another event is answered from the memory. One reminder goes off, one does not. All of it is open.
    let all = [say("with 4711"), lamp("for 4711"), reminder("use 4711", 1), reminder("4711!", 50)];
    model.next(json!({"memories": [], "actions": all}));
    world.hears("3", "how does the safe open?").await;
    world.settle().await;
    world.pass_s(90).await;
    assert!(world.desired("pi", "commands").len() == 2, "the answer and the reminder that went off are not said yet");
    assert!(holding(&world, "4711").await.len() > 8);

    let forget =
        json!({"target": "hub", "capability": "memory.forget", "args": {"memory": code}, "why": "no more 4711"});
    model.next(json!({"memories": [], "actions": [forget]}));
    world.hears("4", "forget that the safe opens with 4711").await;
    world.settle().await;
    let forget = actions(&mut world, "memory.forget").await.pop().unwrap();
    let caller = world.owner();
    world.hub.approve(&caller, &forget.id, &forget.args_hash).await.unwrap();
    world.settle().await;
    assert_eq!(holding(&world, "4711").await, [""; 0]);
    let late = actions(&mut world, "say").await.into_iter().find(|action| action.state == ActionState::Dispatched);
    let body = report(&late.unwrap(), world.now);
    let outcome = world.deliver(Queue::Settle, "marvain/v1/pi/report", Some(&certificate), body).await;
    assert_eq!(outcome, Outcome::Applied);
    world.pass_s(3600).await;
    assert_eq!(holding(&world, "4711").await, [""; 0]);
    let audit = serde_json::to_string(&world.audit(1000).await).unwrap();
    assert!(!audit.contains("4711"), "{audit}");

    assert_eq!(memories(&mut world, MemoryState::Tombstoned).await.len(), 2);
    let caller = world.owner();
    let sibling = world.hub.memory(&caller, &place).await.unwrap();
    assert_eq!((sibling.content.as_str(), sibling.evidence[0].excerpt.as_str()), ("the safe is in the hall", ""));
    assert_eq!(world.recall.ids().await.unwrap(), [place]);
    for action in actions(&mut world, "lamp").await {
        assert_eq!(action.state, ActionState::Canceled, "what was to be done with it is called off");
    }
    assert!(actions(&mut world, "say").await.len() == 4, "only the reminder without its words has gone off since");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_shares_no_words_outlives_what_was_shown() {
    let model = Arc::new(Scripted::default());
    let mut world = World::with_model(model.clone()).await;
    model.next(json!({"memories": [remember("the safe opens with 4711")], "actions": []}));
    world.hears("1", "remember that the safe opens with 4711").await;
    world.settle().await;
    let memory = world.commits().await;
    model.next(json!({"memories": [], "actions": [reminder("water the plants", 30)]}));
    world.hears("2", "remind me to water the plants").await;
    world.settle().await;
    change(&mut world, &memory, MemoryChange::Forget).await;
    let caller = world.owner();
    let left = world.hub.reminders(&caller, &ReminderQuery { limit: 10, after: None }).await.unwrap().0;
    assert_eq!(left.into_iter().map(|reminder| reminder.text).collect::<Vec<_>>(), ["water the plants"]);
}

/// `person` asks to forget about nuts, and lets it happen.
async fn forgets(world: &mut World, person: &Person) -> Action {
    world.says(person, "forget about nuts").await;
    let action = actions(world, "memory.forget").await.into_iter().next().unwrap();
    let caller = world.caller(person);
    world.hub.approve(&caller, &action.id, &action.args_hash).await.unwrap();
    world.settle().await;
    let caller = world.caller(person);
    world.hub.action(&caller, &action.id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_forget_a_memory_lets_it_be_forgotten() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Member).await);
    for kind in [ConsentKind::Memory, ConsentKind::Disclosure] {
        world.consents(&anna, kind).await;
    }
    world.says(&anna, "remember that I am allergic to nuts").await;
    let memory = world.commits().await;
    let action = forgets(&mut world, &ben).await;
    let why = action.outcome.unwrap().error.unwrap();
    assert_eq!((action.state, why), (ActionState::Failed, format!("`ben` may not have memory `{memory}` forgotten")));
    world.now = world.now.plus_s(1);
    assert_eq!(forgets(&mut world, &anna).await.state, ActionState::Succeeded);
    assert_eq!(memories(&mut world, MemoryState::Tombstoned).await.len(), 1);
}
