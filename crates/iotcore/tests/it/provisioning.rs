//! Fleet provisioning by claim: from a CSR to a thing, and everything that is refused on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marvain_iotcore::names::ThingName;
use marvain_iotcore::{HookDecision, HookError, HookRequest, ProvisioningHook, Status};
use rcgen::{CertificateParams, KeyPair};
use rumqttc::{PublishOptions, QoS};
use serde_json::{Value, json};

use crate::common::{Client, Identity, PATIENCE, Setup, World};

pub(crate) const CREATE: &str = "$aws/certificates/create-from-csr/json";
const PROVISION: &str = "$aws/provisioning-templates/fleet/provision/json";

const CLAIM: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/claim-*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [
        "arn:aws:iot:*:*:topic/$aws/certificates/create-from-csr/*",
        "arn:aws:iot:*:*:topic/$aws/provisioning-templates/fleet/provision/*"]}
]}"#;

const DEVICE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/dt/${iot:Connection.Thing.ThingName}"}
]}"#;

pub(crate) fn template() -> String {
    json!({
        "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": {"Fn::Join": ["-", ["sat", {"Ref": "SerialNumber"}]]},
                "AttributePayload": {"serial": {"Ref": "SerialNumber"}}}},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "device"}}
        },
        "DeviceConfiguration": {"greeting": "hello"}
    })
    .to_string()
}

/// Allows the code `right`.
struct Codes;

#[async_trait::async_trait]
impl ProvisioningHook for Codes {
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError> {
        assert_eq!(request.template, "fleet");
        assert_eq!(&*request.client_id, "claim-1");
        assert_ne!(request.certificate_id, request.claim_certificate_id);
        match request.parameters.get("Code").map(String::as_str) {
            Some("right") => Ok(HookDecision { allow: true, parameter_overrides: BTreeMap::new() }),
            Some(_) => Ok(HookDecision::default()),
            None => Err(HookError("no code".into())),
        }
    }
}

pub(crate) struct Fleet {
    pub(crate) world: World,
    pub(crate) claim: Identity,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        let world = World::with(Setup { hook: Some(Arc::new(Codes)), ..Setup::default() }).await;
        world.core.put_template("fleet", &template()).await.unwrap();
        world.core.create_policy("claim", CLAIM).await.unwrap();
        world.core.create_policy("device", DEVICE).await.unwrap();
        let claim = world.core.create_provisioning_claim("fleet", "claim").await.unwrap();
        let claim = world.identity("claim-1", claim.certificate_id, &claim.certificate_pem, &claim.private_key_pem);
        Self { world, claim }
    }
}

pub(crate) fn csr(key: &KeyPair) -> String {
    CertificateParams::new(Vec::new()).unwrap().serialize_request(key).unwrap().pem().unwrap()
}

pub(crate) async fn ask(client: &mut Client, topic: &str, request: &Value, verdict: &str) -> Value {
    client.publish(topic, request.to_string(), QoS::AtLeastOnce).await;
    client.receive_json(&format!("{topic}/{verdict}")).await
}

async fn create(client: &mut Client, key: &KeyPair) -> Value {
    ask(client, CREATE, &json!({"certificateSigningRequest": csr(key)}), "accepted").await
}

fn register(created: &Value, serial: &str, code: &str) -> Value {
    let token = &created["certificateOwnershipToken"];
    json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": serial, "Code": code}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_factory_fresh_device_becomes_its_own_thing() {
    let Fleet { world, claim } = Fleet::start().await;
    let mut device = claim.connect().await;
    let key = KeyPair::generate().unwrap();
    // It has subscribed to nothing: the replies come on its own connection.
    let created = create(&mut device, &key).await;
    let id = created["certificateId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.core.describe_certificate(id).await.unwrap().unwrap().status, Status::PendingActivation);
    let own = world.identity("sat-7", id, created["certificatePem"].as_str().unwrap(), &key.serialize_pem());
    assert!(Client::connect(own.options()).await.is_err(), "not active yet");

    let registered = ask(&mut device, PROVISION, &register(&created, "7", "right"), "accepted").await;
    assert_eq!(registered, json!({"thingName": "sat-7", "deviceConfiguration": {"greeting": "hello"}}));
    let thing = world.core.describe_thing(ThingName::parse("sat-7").unwrap()).await.unwrap().unwrap();
    assert_eq!(thing.attributes["serial"], "7");
    assert_eq!(world.core.list_thing_certificates(thing.name).await.unwrap(), [id]);
    own.connect().await.publish("dt/sat-7", "it is me", QoS::AtLeastOnce).await;

    let replayed = ask(&mut device, PROVISION, &register(&created, "8", "right"), "rejected").await;
    assert_eq!(
        (&replayed["statusCode"], &replayed["errorCode"]),
        (&json!(400), &json!("InvalidCertificateOwnershipToken"))
    );
    assert!(world.core.describe_thing(ThingName::parse("sat-8").unwrap()).await.unwrap().is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_rejected_and_makes_nothing() {
    let Fleet { world, claim } = Fleet::start().await;
    let mut device = claim.connect().await;
    let created = create(&mut device, &KeyPair::generate().unwrap()).await;
    let mut forged = csr(&KeyPair::generate().unwrap());
    let middle = forged.len() / 2;
    let other = if forged.as_bytes()[middle] == b'A' { "B" } else { "A" };
    forged.replace_range(middle..=middle, other);
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let no_serial =
        json!({"certificateOwnershipToken": created["certificateOwnershipToken"], "parameters": {"Code": "right"}});
    for (topic, request, status) in [
        (CREATE, json!({}), 400),
        (CREATE, json!({"certificateSigningRequest": "nonsense"}), 400),
        (CREATE, json!({"certificateSigningRequest": forged}), 400),
        (CREATE, json!({"certificateSigningRequest": csr(&p384)}), 400),
        (PROVISION, json!({"parameters": {}}), 400),
        (PROVISION, register(&json!({"certificateOwnershipToken": "guess"}), "7", "right"), 400),
        (PROVISION, register(&created, "7", "wrong"), 403),
        (PROVISION, no_serial, 400),
        (PROVISION, json!({"certificateOwnershipToken": created["certificateOwnershipToken"]}), 500),
        (PROVISION, register(&created, "no spaces please", "right"), 400),
    ] {
        let rejected = ask(&mut device, topic, &request, "rejected").await;
        assert_eq!(rejected["statusCode"], status, "{topic} {request} {rejected}");
        assert!(rejected["errorCode"].is_string() && rejected["errorMessage"].is_string());
    }
    assert!(world.core.list_things("").await.unwrap().is_empty());
    // None of it has used the token up.
    ask(&mut device, PROVISION, &register(&created, "7", "right"), "accepted").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_is_good_for_nothing_else() {
    let Fleet { world, claim } = Fleet::start().await;
    for topic in ["dt/sat-7", "$aws/things/sat-7/shadow/update", "$aws/provisioning-templates/other/provision/json"] {
        let client = claim.connect().await;
        client.mqtt.publish(topic, "{}", PublishOptions::at_least_once()).await.unwrap();
        client.closed().await;
    }
    let client = claim.connect().await;
    assert_eq!(client.subscribe("#", QoS::AtMostOnce).await, [rumqttc::SubscribeReasonCode::Failure]);
    let mut as_thing = claim.options();
    as_thing.set_client_id("sat-7".into());
    assert!(Client::connect(as_thing).await.is_err());
    world.core.update_certificate(claim.id, Status::Revoked).await.unwrap();
    client.closed().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_default_version_of_an_enabled_template_provisions() {
    let Fleet { world, claim } = Fleet::start().await;
    let core = &world.core;
    let mut device = claim.connect().await;
    let created = create(&mut device, &KeyPair::generate().unwrap()).await;
    let renamed = template().replace("\"sat\"", "\"renamed\"");
    assert_eq!(core.create_template_version("fleet", &renamed, false).await.unwrap(), 2);
    core.update_template("fleet", |settings| settings.enabled = false, None).await.unwrap();
    let refused = ask(&mut device, PROVISION, &register(&created, "7", "right"), "rejected").await;
    assert_eq!((&refused["statusCode"], &refused["errorCode"]), (&json!(400), &json!("InvalidTemplate")), "{refused}");
    // Neither another version nor a new body enables it.
    core.put_template("fleet", &template()).await.unwrap();
    ask(&mut device, PROVISION, &register(&created, "7", "right"), "rejected").await;
    core.update_template("fleet", |settings| settings.enabled = true, None).await.unwrap();
    let registered = ask(&mut device, PROVISION, &register(&created, "7", "right"), "accepted").await;
    assert_eq!(registered["thingName"], "sat-7");
    core.update_template("fleet", |_| (), Some(2)).await.unwrap();
    let created = create(&mut device, &KeyPair::generate().unwrap()).await;
    let registered = ask(&mut device, PROVISION, &register(&created, "7", "right"), "accepted").await;
    assert_eq!(registered["thingName"], "renamed-7");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_for_the_asking_connection_only() {
    let Fleet { world, claim } = Fleet::start().await;
    let mut eavesdropper = world.device("eavesdropper").await.connect().await;
    eavesdropper.subscribe("$aws/certificates/#", QoS::AtLeastOnce).await;
    eavesdropper.subscribe("end", QoS::AtLeastOnce).await;
    create(&mut claim.connect().await, &KeyPair::generate().unwrap()).await;
    eavesdropper.publish("end", "", QoS::AtLeastOnce).await;
    assert_eq!(eavesdropper.receive_text().await.0, "end");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_expire_with_their_certificates() {
    let Fleet { world, claim } = Fleet::start().await;
    let mut device = claim.connect().await;
    let created = create(&mut device, &KeyPair::generate().unwrap()).await;
    let id = created["certificateId"].as_str().unwrap().parse().unwrap();
    world.clock.advance(Duration::from_secs(3600));
    let late = ask(&mut device, PROVISION, &register(&created, "7", "right"), "rejected").await;
    assert_eq!(late["errorCode"], "InvalidCertificateOwnershipToken");
    // Serving sweeps, without being asked.
    let swept = async {
        while world.core.describe_certificate(id).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_without_its_policy_or_template_leaves_no_certificate() {
    let Fleet { world, claim } = Fleet::start().await;
    for (template, policy) in [("fleet", "missing"), ("missing", "claim")] {
        let refused = world.core.create_provisioning_claim(template, policy).await.unwrap_err();
        assert!(refused.to_string().contains("`missing`"), "{refused}");
    }
    let left: Vec<_> = world.core.list_certificates(None).await.unwrap().iter().map(|left| left.id).collect();
    assert_eq!(left, [claim.id]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_whose_name_is_too_long_for_an_answer_ends_no_connection() {
    let world = World::start().await;
    let mut device = world.device("a").await.connect().await;
    let longest = "x".repeat(213);
    let topic = format!("$aws/provisioning-templates/{longest}/provision/json");
    assert_eq!(topic.len(), 256);
    let request = json!({"certificateOwnershipToken": "none"});
    device.publish(&topic, request.to_string(), QoS::AtLeastOnce).await;
    let rejected = ask(&mut device, "$aws/provisioning-templates/none/provision/json", &request, "rejected").await;
    assert_eq!(rejected["statusCode"], 404);
    world.stop().await;
}
