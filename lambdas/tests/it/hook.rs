//! The pre-provisioning hook.

use crate::world::{CERTIFICATE, World, event};
use marvain_hub::people::{Enrolment, Secret, Standing};
use marvain_lambdas::hook;
use serde_json::{Value, json};

async fn ask(world: &World, event: Value) -> Value {
    serde_json::to_value(hook::decide(&world.hub, event, world.system.now()).await).unwrap()
}

#[tokio::test]
async fn a_device_with_its_code_may_and_whatever_else_is_asked_may_not() {
    let world = World::new().await;
    let yes = json!({"allowProvisioning": true, "parameterOverrides": {}});
    let no = json!({"allowProvisioning": false, "parameterOverrides": {}});
    assert_eq!(ask(&world, event("provisioning-hook")).await, no, "no code was made");
    let enrolment = Enrolment {
        serial: "porch".parse().unwrap(),
        standing: Standing { space: Some("den".parse().unwrap()), person: None },
        ttl_s: Some(60),
        replace: false,
    };
    world.hub.create_enrolment(&world.caller(), &enrolment, &Secret::presented("right")).await.unwrap();
    let with = |name: &str, value: Value| {
        let mut event = event("provisioning-hook");
        match value {
            Value::Null => drop(event.as_object_mut().unwrap().remove(name)),
            value => event[name] = value,
        }
        event
    };
    for (what, wrong) in [
        ("another code", with("parameters", json!({"SerialNumber": "porch", "EnrolmentCode": "wrong"}))),
        ("no code", with("parameters", json!({"SerialNumber": "porch"}))),
        ("another serial", with("parameters", json!({"SerialNumber": "shed", "EnrolmentCode": "right"}))),
        ("a serial that is none", with("parameters", json!({"SerialNumber": "a/b", "EnrolmentCode": "right"}))),
        ("a code that is no text", with("parameters", json!({"SerialNumber": "porch", "EnrolmentCode": 7}))),
        ("no parameters", with("parameters", Value::Null)),
        ("no certificate", with("certificateId", Value::Null)),
        ("nothing", json!({})),
        ("no object", json!("hello")),
    ] {
        assert_eq!(ask(&world, wrong).await, no, "{what}");
    }
    for time in ["the first", "the second, because the first answer was lost"] {
        assert_eq!(ask(&world, event("provisioning-hook")).await, yes, "{time}");
    }
    let porch = world.hub.satellite_of(&world.caller(), &"porch".parse().unwrap()).await.unwrap();
    assert_eq!(porch.satellite.certificate_id, CERTIFICATE);
    assert_eq!(ask(&world, with("certificateId", json!("0".repeat(64)))).await, no, "a code is good for one");
}
