//! AWS's SDK for Rust as an operator of our IoT Core: from nothing to a device that may connect, with a job to do.

use crate::iot::Iot;
use aws_sdk_iot::{
    error::ProvideErrorMetadata as _,
    types::{AttributePayload, CertificateStatus, JobStatus},
};
use aws_sdk_iotdataplane::primitives::Blob;
use marvain_peers::{Device, DeviceFiles};
use serde_json::{Value, json};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [
        "arn:aws:iot:*:*:topic/dt/${iot:Connection.Thing.ThingName}",
        "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*"]}
]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_made_and_has_a_job_to_do() {
    let iot = Iot::bare().await;
    let control = &iot.control;
    let attributes = AttributePayload::builder().attributes("floor", "1").build();
    let thing = control.create_thing().thing_name("valve").attribute_payload(attributes).send().await.unwrap();
    assert_eq!(thing.thing_arn(), Some("arn:aws:iot:local:000000000000:thing/valve"));
    let described = control.describe_thing().thing_name("valve").send().await.unwrap();
    assert_eq!(described.attributes().unwrap()["floor"], "1");
    let missing = control.describe_thing().thing_name("none").send().await.unwrap_err();
    assert!(missing.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()), "{missing:?}");

    let keys = control.create_keys_and_certificate().set_as_active(true).send().await.unwrap();
    let arn = keys.certificate_arn().unwrap();
    control.create_policy().policy_name("valves").policy_document(POLICY).send().await.unwrap();
    let malformed = control.create_policy().policy_name("bad").policy_document("{}").send().await.unwrap_err();
    assert_eq!(malformed.code(), Some("MalformedPolicyException"));
    control.attach_policy().policy_name("valves").target(arn).send().await.unwrap();
    control.attach_thing_principal().thing_name("valve").principal(arn).send().await.unwrap();

    control.create_thing_group().thing_group_name("garden").send().await.unwrap();
    control.add_thing_to_thing_group().thing_name("valve").thing_group_name("garden").send().await.unwrap();
    let group = control.describe_thing_group().thing_group_name("garden").send().await.unwrap();
    let group = group.thing_group_arn().unwrap();
    control.create_job().job_id("water").targets(group).document(r#"{"minutes": 5}"#).send().await.unwrap();
    let job = control.describe_job().job_id("water").send().await.unwrap();
    assert_eq!(job.job().unwrap().status(), Some(&JobStatus::InProgress));
    let listed = control.list_certificates().send().await.unwrap();
    assert!(listed.certificates().iter().any(|made| made.status() == Some(&CertificateStatus::Active)), "{listed:?}");

    // What was made is a device, with a job of its group's.
    let files = DeviceFiles {
        root: iot.core.root_ca_pem(),
        certificate: keys.certificate_pem().unwrap(),
        key: keys.key_pair().unwrap().private_key().unwrap(),
    };
    let mut valve = Device::connect(iot.mqtt, files, "valve").await.unwrap();
    let next = "$aws/things/valve/jobs/start-next";
    assert!(valve.publish(next, "{}").await);
    let (topic, started) = valve.receive().await;
    assert_eq!(topic, format!("{next}/accepted"));
    let started: Value = serde_json::from_slice(&started).unwrap();
    assert_eq!(started["execution"]["jobDocument"]["minutes"], 5, "{started}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_and_a_retained_message_wait_for_a_device() {
    let iot = Iot::bare().await;
    iot.control.create_thing().thing_name("valve").send().await.unwrap();
    let update = |payload: &str| iot.data.update_thing_shadow().thing_name("valve").payload(Blob::new(payload));
    update(r#"{"state": {"desired": {"open": true}}}"#).send().await.unwrap();
    let stale = update(r#"{"state": {"desired": {"open": false}}, "version": 7}"#).send().await.unwrap_err();
    assert!(stale.as_service_error().is_some_and(|error| error.is_conflict_exception()), "{stale:?}");
    let shadow = iot.data.get_thing_shadow().thing_name("valve").send().await.unwrap();
    let shadow: Value = serde_json::from_slice(shadow.payload().unwrap().as_ref()).unwrap();
    assert_eq!((&shadow["version"], &shadow["state"]["delta"]["open"]), (&json!(1), &json!(true)), "{shadow}");
    iot.data.publish().topic("dt/valve").qos(1).retain(true).payload(Blob::new("open")).send().await.unwrap();
    let retained = iot.data.get_retained_message().topic("dt/valve").send().await.unwrap();
    assert_eq!(retained.payload().unwrap().as_ref(), b"open");
}
