//! What waits for people is found, whatever else there is.

use crate::world::World;
use marvain_domain::{action::ActionState, identity::Role, memory::MemoryState};
use marvain_hub::people::{ActionQuery, MemoryQuery, Waiting};

/// More than fit in a page.
const MANY: usize = 210;

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_waits_is_found_behind_many_newer_ones() {
    let mut world = World::new().await;
    world.hears("1", "turn the lamp on").await;
    world.settle().await;
    world.now = world.now.plus_s(1);
    for n in 0..MANY {
        world.hears(&format!("other {n}"), "remind me to wait in 10 minutes").await;
    }
    world.settle().await;
    let caller = world.owner();
    assert_eq!(world.hub.waiting(&caller).await.unwrap(), Waiting { to_approve: 1, to_review: 0 });
    let query = ActionQuery { state: Some(ActionState::AwaitingApproval), limit: 200, after: None };
    let waiting = world.hub.actions(&caller, &query).await.unwrap().0;
    assert_eq!(waiting.iter().map(|action| action.invocation.capability.as_str()).collect::<Vec<_>>(), ["lamp"]);
    let query = ActionQuery { state: Some(ActionState::AwaitingApproval), limit: 1, after: None };
    assert_eq!(world.hub.actions(&caller, &query).await.unwrap().0.len(), 1, "in a small page as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_to_review_is_found_behind_many_of_others() {
    let mut world = World::new().await;
    let anna = world.person("anna", Role::Member).await;
    world.consents(&anna, marvain_domain::consent::ConsentKind::Memory).await;
    world.says(&anna, "remember that I am allergic to nuts").await;
    world.now = world.now.plus_s(1);
    for n in 0..MANY {
        world.hears(&n.to_string(), &format!("remember that box {n} is full")).await;
    }
    world.settle().await;
    let caller = world.caller(&anna);
    assert_eq!(world.hub.waiting(&caller).await.unwrap(), Waiting { to_approve: 0, to_review: 1 });
    let query = MemoryQuery { state: MemoryState::Candidate, limit: 50, after: None };
    assert_eq!(world.hub.memories(&caller, &query).await.unwrap().0.len(), 1);
    let caller = world.owner();
    assert_eq!(world.hub.waiting(&caller).await.unwrap().to_review, 200, "that many or more");
}
