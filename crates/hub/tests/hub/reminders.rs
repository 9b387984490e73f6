use crate::world::World;
use serde_json::json;

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
