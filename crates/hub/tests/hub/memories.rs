use crate::world::World;
use marvain_domain::{
    consent::ConsentKind,
    identity::Role,
    memory::{Memory, MemoryChange, MemoryState},
};
use marvain_hub::people::{MemoryQuery, NewConsent, RecallRequest, RequestError, Speech, Standing};

async fn in_state(world: &mut World, state: MemoryState) -> Vec<Memory> {
    let caller = world.owner();
    let query = MemoryQuery { state, limit: 100, after: None };
    world.hub.memories(&caller, &query).await.unwrap().0
}

async fn recalled(world: &mut World, text: &str) -> Vec<String> {
    let caller = world.owner();
    let request = RecallRequest { text: text.into(), tiers: vec![], limit: 5 };
    let recalled = world.hub.recall(&caller, &request).await.unwrap();
    recalled.into_iter().map(|r| r.memory.content).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_candidate_to_memory_to_nothing() {
    let mut world = World::new().await;
    world.hears("1", "remember that the spare key is under the blue pot").await;
    world.settle().await;
    let candidate = in_state(&mut world, MemoryState::Candidate).await.pop().unwrap();
    assert_eq!(candidate.evidence.len(), 1);
    assert!(recalled(&mut world, "spare key").await.is_empty(), "a candidate is not recalled");
    let caller = world.owner();
    world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Commit).await.unwrap();
    world.settle().await;
    let caller = world.owner();
    let request = RecallRequest { text: "where is the spare key?".into(), tiers: vec![], limit: 5 };
    let answer = world.hub.recall(&caller, &request).await.unwrap();
    assert_eq!(answer.len(), 1);
    assert!(!answer[0].reasons.is_empty() && answer[0].memory.evidence[0].excerpt.contains("blue pot"));
    let caller = world.owner();
    let edit = MemoryChange::Edit { content: "the spare key is under the red pot".into() };
    world.hub.change_memory(&caller, &candidate.id, &edit).await.unwrap();
    world.settle().await;
    assert_eq!(recalled(&mut world, "red pot").await, ["the spare key is under the red pot"]);
    let caller = world.owner();
    world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Forget).await.unwrap();
    assert!(recalled(&mut world, "spare key").await.is_empty(), "at once, before the projection follows");
    world.settle().await;
    let gone = in_state(&mut world, MemoryState::Tombstoned).await.pop().unwrap();
    assert_eq!((gone.content.as_str(), gone.evidence[0].excerpt.as_str()), ("", ""));
    let audit = serde_json::to_string(&world.audit(1000).await).unwrap();
    assert!(!audit.contains("pot"), "the audit log holds no contents: {audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_memory_names_its_heir() {
    let mut world = World::new().await;
    for (n, text) in ["remember that bin day is Monday", "remember that bin day is Friday"].iter().enumerate() {
        world.hears(&n.to_string(), text).await;
    }
    world.settle().await;
    let candidates = in_state(&mut world, MemoryState::Candidate).await;
    for candidate in &candidates {
        let caller = world.owner();
        world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Commit).await.unwrap();
    }
    let find = |day: &str| candidates.iter().find(|c| c.content.contains(day)).unwrap().id.clone();
    let (old, new) = (find("Monday"), find("Friday"));
    let caller = world.owner();
    let replaced = world.hub.change_memory(&caller, &old, &MemoryChange::Supersede { by: new.clone() }).await.unwrap();
    world.settle().await;
    assert_eq!((replaced.state, replaced.superseded_by), (MemoryState::Superseded, Some(new.clone())));
    let caller = world.owner();
    assert_eq!(world.hub.memory(&caller, &new).await.unwrap().supersedes, Some(old));
    assert_eq!(recalled(&mut world, "bin day").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_of_somebody_who_does_not_consent() {
    let mut world = World::new().await;
    let anna = world.person("anna", Role::Member).await;
    let standing = Standing { space: Some("den".parse().unwrap()), person: Some(anna.id.clone()) };
    let caller = world.owner();
    world.hub.add_satellite(&caller, &"hers".parse().unwrap(), &standing).await.unwrap();
    let speech = Speech { satellite: "hers".parse().unwrap(), text: "remember that I like tea".into() };
    let caller = world.caller(&anna);
    world.hub.speak(&caller, &speech).await.unwrap();
    world.settle().await;
    assert!(in_state(&mut world, MemoryState::Candidate).await.is_empty());
    let kinds = world.audit_kinds(10).await;
    assert!(kinds.contains(&"memory.refused".into()) && kinds.contains(&"event.redacted".into()), "{kinds:?}");

    let consent =
        NewConsent { person: anna.id.clone(), kind: ConsentKind::Memory, purpose: String::new(), expires_at: None };
    let caller = world.caller(&anna);
    world.hub.grant_consent(&caller, &consent).await.unwrap();
    let caller = world.caller(&anna);
    world.hub.speak(&caller, &speech).await.unwrap();
    world.settle().await;
    assert_eq!(in_state(&mut world, MemoryState::Candidate).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_somebody_is_told_to_others_only_with_their_consent() {
    let mut world = World::new().await;
    let anna = world.person("anna", Role::Member).await;
    let ben = world.person("ben", Role::Member).await;
    for kind in [ConsentKind::Memory, ConsentKind::Disclosure] {
        let consent = NewConsent { person: anna.id.clone(), kind, purpose: String::new(), expires_at: None };
        let caller = world.caller(&anna);
        world.hub.grant_consent(&caller, &consent).await.unwrap();
    }
    let speech = Speech { satellite: "pi".parse().unwrap(), text: "remember that I am allergic to nuts".into() };
    let caller = world.caller(&anna);
    world.hub.speak(&caller, &speech).await.unwrap();
    world.settle().await;
    let candidate = in_state(&mut world, MemoryState::Candidate).await.pop().unwrap();
    let caller = world.caller(&anna);
    world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Commit).await.unwrap();
    world.settle().await;
    let request = RecallRequest { text: "allergic to nuts".into(), tiers: vec![], limit: 5 };
    let caller = world.caller(&ben);
    assert_eq!(world.hub.recall(&caller, &request).await.unwrap().len(), 1);
    let caller = world.caller(&anna);
    world.hub.revoke_consent(&caller, &anna.id, ConsentKind::Disclosure).await.unwrap();
    let caller = world.caller(&ben);
    assert!(world.hub.recall(&caller, &request).await.unwrap().is_empty(), "from the very next question on");
    let caller = world.caller(&anna);
    assert_eq!(world.hub.recall(&caller, &request).await.unwrap().len(), 1, "her own she is always told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_person_is_nobody() {
    let mut world = World::new().await;
    let bob = world.person("bob", Role::Blocked).await;
    let caller = world.caller(&bob);
    let request = RecallRequest { text: "anything".into(), tiers: vec![], limit: 5 };
    let refused = world.hub.recall(&caller, &request).await;
    assert!(matches!(refused, Err(RequestError::Refused { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_not_kept_once_consent_is_taken_back() {
    let mut world = World::new().await;
    let anna = world.person("anna", Role::Member).await;
    world.consents(&anna, ConsentKind::Memory).await;
    world.says(&anna, "remember that I am allergic to nuts").await;
    let candidate = in_state(&mut world, MemoryState::Candidate).await.pop().unwrap();
    let caller = world.caller(&anna);
    world.hub.revoke_consent(&caller, &anna.id, ConsentKind::Memory).await.unwrap();
    let caller = world.owner();
    let kept = world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Commit).await;
    let Err(RequestError::Conflict(why)) = kept else { panic!("{kept:?}") };
    assert!(why.contains("memory-needs-consent"), "{why}");
    let caller = world.owner();
    let rejected = world.hub.change_memory(&caller, &candidate.id, &MemoryChange::Reject).await.unwrap();
    assert_eq!(rejected.state, MemoryState::Rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_supersedes_by_a_memory_that_is_not_theirs_to_edit() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Member).await);
    let mut ids = Vec::new();
    for person in [&anna, &ben] {
        world.consents(person, ConsentKind::Memory).await;
        world.says(person, "remember that I like tea").await;
        ids.push(world.commits().await);
    }
    let supersede = MemoryChange::Supersede { by: ids[1].clone() };
    let caller = world.caller(&anna);
    let refused = world.hub.change_memory(&caller, &ids[0], &supersede).await;
    assert!(matches!(refused, Err(RequestError::Refused { operation: "edit_memory", .. })), "{refused:?}");
    let caller = world.owner();
    world.hub.change_memory(&caller, &ids[0], &supersede).await.unwrap();
    let entry = world.audit(1).await.pop().unwrap();
    assert_eq!((entry.kind.as_str(), &entry.data["by"]), ("memory.superseded", &serde_json::json!(ids[1])));
}
