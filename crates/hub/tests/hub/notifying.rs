use crate::world::World;
use marvain_domain::{
    action::{APPROVAL_TTL_S, ActionState},
    identity::{DEVICES_MAX, Person, Platform, Role},
    policy::DEFAULT_SOURCE,
};
use marvain_hub::{
    people::{ActionQuery, NewDevice, RequestError},
    port::{Notification, PushToken},
};
use marvain_topics::Queue;

fn device(person: &Person, name: &str, token: &str) -> NewDevice {
    NewDevice {
        person: person.id.clone(),
        name: name.parse().unwrap(),
        platform: Platform::Fcm,
        token: PushToken::new(token).unwrap(),
    }
}

async fn register(world: &mut World, person: &Person, name: &str, token: &str) {
    let caller = world.caller(person);
    world.hub.add_device(&caller, &device(person, name, token)).await.unwrap();
}

async fn names(world: &mut World, person: &Person) -> Vec<String> {
    let caller = world.caller(person);
    let devices = world.hub.devices_of(&caller, &person.id).await.unwrap();
    devices.into_iter().map(|device| device.name.to_string()).collect()
}

/// Owner, member and guest, each with a phone of their name.
async fn household(world: &mut World) -> [Person; 3] {
    let owner = world.owner().person;
    let people = [owner, world.person("mia", Role::Member).await, world.person("gus", Role::Guest).await];
    for person in &people {
        register(world, person, "phone", person.id.as_str()).await;
    }
    people
}

fn told(world: &World, token: &str) -> Vec<Notification> {
    world.phones.notifications(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_approve_is_told_with_names_alone() {
    let mut world = World::new().await;
    household(&mut world).await;
    world.hears("1", "turn the lamp on").await;
    world.settle().await;
    let caller = world.owner();
    let query = ActionQuery { state: Some(ActionState::AwaitingApproval), limit: 10, after: None };
    let action = world.hub.actions(&caller, &query).await.unwrap().0.pop().unwrap();
    let [notification] = &*told(&world, "mia") else { panic!("a member may approve") };
    let expected = Notification {
        action: action.id.clone(),
        capability: "lamp".to_owned(),
        satellite: Some("pi".to_owned()),
        deadline: action.deadline.unwrap(),
        ttl_s: APPROVAL_TTL_S,
    };
    assert_eq!(*notification, expected);
    assert_eq!(told(&world, "olga"), [expected]);
    assert_eq!(told(&world, "gus"), [], "a guest may not approve");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_or_too_late_is_told_nobody() {
    let mut world = World::new().await;
    household(&mut world).await;
    for (id, answered) in [("1", true), ("2", false)] {
        world.hears(id, "turn the lamp on").await;
        for queue in [Queue::Plan, Queue::Judge] {
            world.work(queue).await;
        }
        if answered {
            let caller = world.owner();
            let query = ActionQuery { state: Some(ActionState::AwaitingApproval), limit: 10, after: None };
            let action = world.hub.actions(&caller, &query).await.unwrap().0.pop().unwrap();
            world.hub.reject(&caller, &action.id, "").await.unwrap();
        } else {
            world.now = world.now.plus_s(APPROVAL_TTL_S);
        }
        world.work(Queue::Notify).await;
        assert_eq!(told(&world, "olga"), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_waits_after_all_is_told_too() {
    let mut world = World::new().await;
    let [owner, ..] = household(&mut world).await;
    let free = r#"@id("free") permit (principal, action == Action::"run_unattended", resource);"#;
    for (policy, queue) in
        [(format!("{DEFAULT_SOURCE}{free}"), Queue::Judge), (DEFAULT_SOURCE.to_owned(), Queue::Dispatch)]
    {
        let caller = world.caller(&owner);
        world.hub.set_policy(&caller, &policy).await.unwrap();
        if queue == Queue::Judge {
            world.hears("1", "turn the lamp on").await;
            world.work(Queue::Plan).await;
        }
        world.work(queue).await;
        world.work(Queue::Notify).await;
        let waits = queue == Queue::Dispatch;
        assert_eq!(told(&world, "olga").len(), usize::from(waits), "after {}", queue.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_gone_is_removed_and_everybody_else_is_told() {
    let mut world = World::new().await;
    let [owner, mia, _] = household(&mut world).await;
    register(&mut world, &owner, "tablet", "olga-2").await;
    world.phones.remove("olga");
    world.hears("1", "turn the lamp on").await;
    world.settle().await;
    assert_eq!((told(&world, "olga").len(), told(&world, "olga-2").len(), told(&world, "mia").len()), (0, 1, 1));
    assert_eq!(names(&mut world, &owner).await, ["tablet"]);
    assert_eq!(names(&mut world, &mia).await, ["phone"]);
    assert!(world.audit_kinds(20).await.contains(&"device.gone".to_owned()));
    // The app is back, and says so.
    register(&mut world, &owner, "phone", "olga").await;
    world.pass_s(10).await;
    world.hears("2", "turn the lamp on").await;
    world.settle().await;
    assert_eq!((told(&world, "olga").len(), told(&world, "olga-2").len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_devices_are_told_by_more_than_one_commit() {
    let mut world = World::new().await;
    let mut tokens = Vec::new();
    for person in 0..8 {
        let person = world.person(&format!("m{person}"), Role::Member).await;
        for device in 0..DEVICES_MAX {
            let token = format!("{}-{device}", person.id);
            register(&mut world, &person, &format!("d{device}"), &token).await;
            tokens.push(token);
        }
    }
    world.hears("1", "turn the lamp on").await;
    world.settle().await;
    for token in tokens {
        assert_eq!(told(&world, &token).len(), 1, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_their_persons_own_few_and_one_persons_at_a_time() {
    let mut world = World::new().await;
    let [owner, mia, gus] = household(&mut world).await;
    let caller = world.caller(&mia);
    let refused = world.hub.add_device(&caller, &device(&gus, "phone", "x")).await;
    assert!(matches!(refused, Err(RequestError::Refused { operation: "manage_devices", .. })), "{refused:?}");
    let unknown = NewDevice { platform: Platform::ApnsSandbox, ..device(&mia, "phone", "x") };
    let refused = world.hub.add_device(&caller, &unknown).await.unwrap_err().to_string();
    assert_eq!(refused, "this hub does not reach `apns_sandbox`, only apns, fcm");
    for number in 1..DEVICES_MAX {
        register(&mut world, &mia, &format!("d{number}"), &format!("mia-{number}")).await;
    }
    let caller = world.caller(&mia);
    let refused = world.hub.add_device(&caller, &device(&mia, "more", "more")).await;
    assert!(matches!(refused, Err(RequestError::Conflict(_))), "{refused:?}");
    assert!(!world.phones.is_reached("more"));
    // An app's token changes: the old one is reached no more.
    register(&mut world, &mia, "phone", "mia-new").await;
    assert_eq!((world.phones.is_reached("mia"), world.phones.is_reached("mia-new")), (false, true));
    // A phone goes to somebody else, who brings the same token.
    register(&mut world, &gus, "hand-me-down", "mia-new").await;
    assert!(!names(&mut world, &mia).await.contains(&"phone".to_owned()));
    assert_eq!(names(&mut world, &gus).await, ["hand-me-down", "phone"]);
    assert!(world.phones.is_reached("mia-new"));
    let caller = world.caller(&gus);
    let name = "hand-me-down".parse().unwrap();
    world.hub.remove_device(&caller, &gus.id, &name).await.unwrap();
    assert!(!world.phones.is_reached("mia-new"));
    let caller = world.caller(&gus);
    assert!(matches!(world.hub.remove_device(&caller, &gus.id, &name).await, Err(RequestError::NotFound { .. })));
    // An owner may do it for others.
    let caller = world.caller(&owner);
    world.hub.remove_device(&caller, &gus.id, &"phone".parse().unwrap()).await.unwrap();
    assert_eq!(names(&mut world, &gus).await, [""; 0]);
}
