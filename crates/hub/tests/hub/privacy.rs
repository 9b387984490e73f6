use crate::world::World;
use marvain_domain::memory::MemoryState;
use marvain_hub::{Outcome, people::MemoryQuery};

#[tokio::test(flavor = "multi_thread")]
async fn privacy_mode_leaves_the_audit_entry_that_says_so_and_nothing_else() {
    let mut world = World::new().await;
    let space = "den".parse().unwrap();
    let caller = world.owner();
    world.hub.set_privacy(&caller, &space, true).await.unwrap();
    assert_eq!(world.desired("pi", "config").get("privacy"), Some(&true.into()));
    assert_eq!(world.hears("1", "remember that the safe opens with 4711").await, Outcome::Applied);
    world.settle().await;
    let caller = world.owner();
    let query = MemoryQuery { state: MemoryState::Candidate, limit: 10, after: None };
    assert!(world.hub.memories(&caller, &query).await.unwrap().0.is_empty());
    let audit = world.audit(1000).await;
    assert_eq!(audit.last().unwrap().kind, "event.suppressed");
    assert!(!serde_json::to_string(&audit).unwrap().contains("4711"));
    let caller = world.owner();
    world.hub.set_privacy(&caller, &space, false).await.unwrap();
    assert_eq!(world.desired("pi", "config").get("privacy"), Some(&false.into()));
    world.hears("2", "remember that the bread is in the box").await;
    world.settle().await;
    let caller = world.owner();
    assert_eq!(world.hub.memories(&caller, &query).await.unwrap().0.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_before_privacy_mode_is_not_planned_in_it() {
    let mut world = World::new().await;
    world.hears("1", "remember that the safe opens with 4711").await;
    let caller = world.owner();
    world.hub.set_privacy(&caller, &"den".parse().unwrap(), true).await.unwrap();
    world.settle().await;
    assert_eq!(world.audit_kinds(1).await, ["plan.suppressed"]);
}
