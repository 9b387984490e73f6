//! What is told and asked on connecting.

use super::*;

#[test]
fn presence_is_told_on_connecting_and_when_it_changes_but_not_too_often() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    let told = world.sent("/presence/update");
    let reported = &told[0]["state"]["reported"];
    assert_eq!(told.len(), 1);
    assert_eq!(reported["software"], crate::SOFTWARE);
    assert_eq!(reported["capabilities"].as_array().unwrap().len(), 2);
    world.disk.broken = true;
    world.say("x");
    assert!(world.sent("/presence/update").is_empty(), "not within two seconds");
    world.pass(2_000);
    assert_eq!(world.sent("/presence/update").len(), 1);
    world.disconnect();
    world.published.clear();
    world.disk.broken = false;
    world.pass(60_000);
    assert!(world.published.is_empty());
    world.connect(&json!({}), false);
    assert_eq!(world.sent("/presence/update").len(), 1);
}

#[test]
fn shadows_that_do_not_answer_are_asked_again_and_those_that_are_not_there_count_as_empty() {
    let mut world = World::new();
    world.say("x");
    world.tell(Input::Connected);
    assert_eq!(world.sent("/get").len(), 2);
    world.pass(9_999);
    assert!(world.sent("/get").is_empty());
    world.pass(1);
    assert_eq!(world.sent("/get").len(), 2);
    world.shadow(ShadowName::Config, ShadowOp::GetRejected, &json!({"code": 500, "message": "later"}));
    assert!(world.texts().is_empty());
    let missing = json!({"code": 404, "message": "No shadow exists with name: 'den'"});
    world.shadow(ShadowName::Config, ShadowOp::GetRejected, &missing);
    assert_eq!(world.texts(), ["x"]);
    world.pass(10_000);
    assert_eq!(world.sent("/get").len(), 1, "only for the commands");
    world.shadow(ShadowName::Commands, ShadowOp::GetRejected, &missing);
    world.pass(60_000);
    assert!(world.sent("/get").is_empty());
}

#[test]
fn what_is_no_document_changes_nothing() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    let topic = |op| Topic::Shadow { thing: "den".parse().unwrap(), name: ShadowName::Commands, op };
    for payload in ["", "{", "[]", "{\"state\":7}", "\u{0}"] {
        world.tell(Input::Message { topic: topic(ShadowOp::UpdateDelta), payload: payload.to_owned().into() });
        world.tell(Input::Message { topic: topic(ShadowOp::GetAccepted), payload: payload.to_owned().into() });
    }
    assert!(world.started.is_empty() && world.reports().is_empty());
    world.say("still here");
    assert_eq!(world.texts(), ["still here"]);
}
