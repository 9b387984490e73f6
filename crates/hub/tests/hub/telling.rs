//! Whom the hub tells what: in the room, in lists, in answers.

use crate::world::World;
use marvain_domain::{
    action::{Action, ActionState},
    consent::ConsentKind,
    identity::{Person, Role},
    memory::{Memory, MemoryChange, MemoryState},
};
use marvain_hub::people::{ActionQuery, MemoryQuery, RequestError};

/// What `pi` is told to say, now and later.
fn spoken(world: &World) -> String {
    let commands = world.desired("pi", "commands");
    commands.values().map(|command| command.pointer("/args/text").unwrap().as_str().unwrap()).collect()
}

async fn actions(world: &mut World, person: &Person) -> Vec<Action> {
    let caller = world.caller(person);
    world.hub.actions(&caller, &ActionQuery { state: None, limit: 100, after: None }).await.unwrap().0
}

async fn memories(world: &mut World, person: &Person, state: MemoryState) -> Vec<Memory> {
    let caller = world.caller(person);
    world.hub.memories(&caller, &MemoryQuery { state, limit: 100, after: None }).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_tells_a_guest_no_more_than_recall_would() {
    let mut world = World::new().await;
    let (mia, gus) = (world.person("mia", Role::Member).await, world.person("gus", Role::Guest).await);
    world.hears("1", "remember that the safe opens with 4711").await;
    world.settle().await;
    world.commits().await;
    world.says(&gus, "what do you know about the safe?").await;
    assert!(!spoken(&world).contains("4711"), "{}", spoken(&world));
    world.says(&mia, "what do you know about the safe?").await;
    assert!(spoken(&world).contains("4711"), "a member is told what is the household's: {}", spoken(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_an_action_are_for_the_one_it_is_done_for() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Admin).await);
    let gus = world.person("gus", Role::Guest).await;
    for kind in [ConsentKind::Memory, ConsentKind::Disclosure] {
        world.consents(&anna, kind).await;
    }
    world.says(&anna, "remember that I am allergic to nuts").await;
    world.commits().await;
    let caller = world.caller(&anna);
    world.hub.revoke_consent(&caller, &anna.id, ConsentKind::Disclosure).await.unwrap();
    world.says(&anna, "what do you know about nuts?").await;
    let said = actions(&mut world, &anna).await.pop().unwrap();
    assert!(said.invocation.args["text"].as_str().unwrap().contains("nuts"), "{said:?}");
    world.reports(said.id.as_str(), "succeeded").await;
    for other in [&ben, &gus] {
        let listed = actions(&mut world, other).await.pop().unwrap();
        let caller = world.caller(other);
        let shown = world.hub.action(&caller, &said.id).await.unwrap();
        assert_eq!(listed, shown);
        let words = serde_json::to_string(&shown).unwrap();
        assert!(!words.contains("nuts"), "{words}");
        assert_eq!((shown.state, shown.outcome), (ActionState::Succeeded, None));
        assert_eq!(shown.args_hash, said.args_hash, "that it is the same is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_approve_an_action_sees_what_it_is() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Member).await);
    let gus = world.person("gus", Role::Guest).await;
    world.says(&anna, "turn the lamp on").await;
    let seen = |action: &Action| !action.invocation.args.is_empty();
    let waiting = actions(&mut world, &ben).await.pop().unwrap();
    assert!(waiting.state == ActionState::AwaitingApproval && seen(&waiting), "{waiting:?}");
    assert!(!seen(&actions(&mut world, &gus).await.pop().unwrap()));
    let caller = world.owner();
    let approved = world.hub.approve(&caller, &waiting.id, &waiting.args_hash).await.unwrap();
    assert!(seen(&approved), "who has approved it knows it");
    assert!(!seen(&actions(&mut world, &ben).await.pop().unwrap()), "others have no part in it any more");
    // Said by nobody who is known: the household's, like a memory about nobody.
    world.now = world.now.plus_s(1);
    world.hears("1", "turn the lamp off").await;
    world.settle().await;
    world.pass_s(marvain_domain::action::APPROVAL_TTL_S).await;
    let newest = actions(&mut world, &ben).await.remove(0);
    assert!(newest.state == ActionState::Expired && seen(&newest), "{newest:?}");
    assert!(!seen(&actions(&mut world, &gus).await.remove(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewing_a_memory_gives_no_right_to_be_told_it_later() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Admin).await);
    world.consents(&anna, ConsentKind::Memory).await;
    world.says(&anna, "remember that I am allergic to nuts").await;
    let candidate = memories(&mut world, &ben, MemoryState::Candidate).await.pop().unwrap();
    assert!(candidate.content.contains("nuts"), "who reviews sees what it is about");
    let caller = world.caller(&ben);
    let committed = world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Commit).await.unwrap();
    let words = serde_json::to_string(&committed).unwrap();
    assert!(committed.state == MemoryState::Committed && !words.contains("nuts"), "{words}");
    assert!(memories(&mut world, &ben, MemoryState::Committed).await.is_empty());
    let caller = world.caller(&ben);
    let refused = world.hub.memory(&caller, &candidate.id).await;
    assert!(matches!(refused, Err(RequestError::Refused { operation: "recall", .. })), "{refused:?}");
    assert_eq!(memories(&mut world, &anna, MemoryState::Committed).await.len(), 1, "her own she sees");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_privacy_mode_memories_of_the_space_are_listed_for_nobody() {
    let mut world = World::new().await;
    let mia = world.person("mia", Role::Member).await;
    world.hears("1", "remember that the safe opens with 4711").await;
    world.settle().await;
    let id = world.commits().await;
    world.hears("2", "remember that the bread is in the box").await;
    world.settle().await;
    let caller = world.owner();
    world.hub.set_privacy(&caller, &"den".parse().unwrap(), true).await.unwrap();
    let olga = world.owner().person;
    for state in [MemoryState::Committed, MemoryState::Candidate] {
        assert!(memories(&mut world, &olga, state).await.is_empty(), "{state:?}");
        assert!(memories(&mut world, &mia, state).await.is_empty(), "{state:?}");
    }
    let caller = world.owner();
    let refused = world.hub.memory(&caller, &id).await;
    assert!(matches!(refused, Err(RequestError::Conflict(_))), "{refused:?}");
    let caller = world.owner();
    world.hub.set_privacy(&caller, &"den".parse().unwrap(), false).await.unwrap();
    assert_eq!(memories(&mut world, &mia, MemoryState::Committed).await.len(), 1);
}
