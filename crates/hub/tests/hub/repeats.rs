//! The same request again, because its answer was lost: it is done once, and answered as it was.

use crate::world::World;
use marvain_domain::{
    action::{ActionState, Invocation, Target},
    consent::ConsentKind,
    identity::Role,
    memory::{MemoryChange, MemoryState},
};
use marvain_hub::people::{MemoryQuery, Proposal, RequestError};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_answered_again() {
    let mut world = World::new().await;
    let caller = world.owner();
    let anna = "anna".parse().unwrap();
    let added = world.hub.add_person(&caller, &anna, "Anna", Role::Member).await.unwrap();
    assert_eq!(world.hub.add_person(&caller, &anna, "Anna", Role::Member).await.unwrap(), added);
    let caller = world.owner();
    let taken = world.hub.add_person(&caller, &anna, "Anna", Role::Member).await;
    assert!(matches!(taken, Err(RequestError::Conflict(_))), "another request is another: {taken:?}");

    let caller = world.owner();
    let hall = "hall".parse().unwrap();
    let space = world.hub.add_space(&caller, &hall, None).await.unwrap();
    assert_eq!(world.hub.add_space(&caller, &hall, None).await.unwrap(), space);

    world.consents(&added, ConsentKind::Memory).await;
    let caller = world.caller(&added);
    let revoked = world.hub.revoke_consent(&caller, &anna, ConsentKind::Memory).await.unwrap();
    assert_eq!(world.hub.revoke_consent(&caller, &anna, ConsentKind::Memory).await.unwrap(), revoked);
    let kinds = world.audit_kinds(1000).await;
    for kind in ["person.added", "consent.revoked"] {
        assert_eq!(kinds.iter().filter(|k| *k == kind).count(), 1, "{kind} in {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_is_committed_and_forgotten_once() {
    let mut world = World::new().await;
    world.hears("1", "remember that bin day is Monday").await;
    world.settle().await;
    let caller = world.owner();
    let query = MemoryQuery { state: MemoryState::Candidate, limit: 10, after: None };
    let id = world.hub.memories(&caller, &query).await.unwrap().0.pop().unwrap().id;
    for (change, state) in
        [(MemoryChange::Commit, MemoryState::Committed), (MemoryChange::Forget, MemoryState::Tombstoned)]
    {
        let caller = world.owner();
        for _ in 0..2 {
            assert_eq!(world.hub.change_memory(&caller, &id, &change).await.unwrap().state, state);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_is_repeated_is_answered_with_what_became_of_it() {
    let mut world = World::new().await;
    let args = json!({"state": "on"}).as_object().unwrap().clone();
    let target = Target::Satellite("pi".parse().unwrap());
    let invocation = Invocation { target, capability: "lamp".parse().unwrap(), args };
    let proposal = Proposal { invocation, why: "dark".into(), ttl_s: None };
    let caller = world.owner();
    let proposed = world.hub.propose(&caller, &proposal).await.unwrap();
    world.settle().await;
    let again = world.hub.propose(&caller, &proposal).await.unwrap();
    assert_eq!((again.id, again.state), (proposed.id.clone(), ActionState::AwaitingApproval));
    // Nor does it matter that it could not be proposed now.
    let revoking = world.owner();
    world.hub.revoke_satellite(&revoking, &"pi".parse().unwrap()).await.unwrap();
    assert_eq!(world.hub.propose(&caller, &proposal).await.unwrap().id, proposed.id);
}
