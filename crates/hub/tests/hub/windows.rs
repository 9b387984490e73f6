//! Policies that look at the clock on the household's wall and at what exactly is asked for.

use crate::world::World;
use marvain_domain::{action::ActionState, policy::DEFAULT_SOURCE};
use marvain_hub::people::ActionQuery;

/// In Berlin it is ten o'clock on a Sunday; in UTC it is nine.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_let_the_lamp_be_switched_off_at_some_hours() {
    let mut world = World::new().await;
    let rule = r#"@id("lamp-off") permit (principal, action == Action::"run_unattended", resource) when {
        resource.capability == "lamp" && resource.hasTag("state") && resource.getTag("state") == "off" &&
        context.weekday == 7 && context.hour == 10 && context.minute < 30 };"#;
    let caller = world.owner();
    world.hub.set_policy(&caller, &format!("{DEFAULT_SOURCE}\n{rule}")).await.unwrap();
    let mut states = Vec::new();
    for (n, (after_s, text)) in
        [(0, "turn the lamp off"), (1, "turn the lamp on"), (1798, "turn the lamp off"), (1, "turn the lamp off")]
            .into_iter()
            .enumerate()
    {
        world.now = world.now.plus_s(after_s);
        world.hears(&n.to_string(), text).await;
        world.settle().await;
        let caller = world.owner();
        let query = ActionQuery { state: None, limit: 1, after: None };
        states.push(world.hub.actions(&caller, &query).await.unwrap().0[0].state);
    }
    let (runs, waits) = (ActionState::Dispatched, ActionState::AwaitingApproval);
    assert_eq!(states, [runs, waits, runs, waits]);
}
