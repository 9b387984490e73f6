//! Certificates of other authorities, and a device that replaces its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marvain_iotcore::names::ThingName;
use marvain_iotcore::{CertificateId, Clock, Error, HookDecision, HookError, HookRequest, ProvisioningHook, Status};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rumqttc::QoS;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::common::{ALLOW_ALL, Client, Identity, PATIENCE, Setup, World};
use crate::limits::connect_packet;
use crate::persistence::unacknowledging;
use crate::provisioning::{CREATE, ask, csr};

/// What another authority would issue, or nobody.
fn params(world: &World, name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(world.clock.now_ms());
    (params.not_before, params.not_after) = (now - Duration::from_secs(60), now + Duration::from_secs(3600));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn identity(world: &World, name: &str, pem: &str, der: &[u8], key: &KeyPair) -> Identity {
    world.identity(name, CertificateId::of_der(der), pem, &key.serialize_pem())
}

pub(crate) fn self_signed(world: &World, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params(world, name).self_signed(&key).unwrap();
    identity(world, name, &certificate.pem(), certificate.der(), &key)
}

fn of_a_factory(world: &World, name: &str) -> Identity {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = params(world, "a factory");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params(world, name).signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    identity(world, name, &certificate.pem(), certificate.der(), &key)
}

/// Registers it as the certificate of a thing of its name, which may do everything.
async fn register(world: &World, device: &Identity) {
    let registered = world.core.register_certificate_without_ca(&device.certificate, Status::Active).await.unwrap();
    assert_eq!((registered.id, registered.is_foreign, registered.status), (device.id, true, Status::Active));
    let thing = ThingName::parse(&device.name).unwrap();
    world.core.create_thing(thing.clone(), BTreeMap::new()).await.unwrap();
    world.core.attach_thing(thing, device.id).await.unwrap();
    world.core.put_policy("all", ALLOW_ALL).await.unwrap();
    world.core.attach_policy("all", device.id).await.unwrap();
}

/// Whether the broker answers who shows the device's certificate and signs with this key.
async fn gets_through(device: &Identity, key: &str) -> bool {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certificate = CertificateDer::from_pem_slice(device.certificate.as_bytes()).unwrap();
    let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(device.root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(shown));
    let tcp = TcpStream::connect(device.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let Ok(mut stream) = TlsConnector::from(Arc::new(config)).connect(name, tcp).await else { return false };
    let _ended_already = stream.write_all(&connect_packet(&device.name)).await;
    matches!(timeout(PATIENCE, stream.read_u8()).await.unwrap(), Ok(0x20))
}

async fn is_let_in(device: &Identity) -> bool {
    Client::connect(device.options()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_good_when_it_is_registered() {
    let world = World::start().await;
    for device in [self_signed(&world, "alone"), of_a_factory(&world, "made")] {
        assert!(!is_let_in(&device).await, "{} before it is registered", device.name);
        register(&world, &device).await;
        let mut client = device.connect().await;
        client.subscribe("x", QoS::AtLeastOnce).await;
        client.publish("x", "mine", QoS::AtLeastOnce).await;
        assert_eq!(client.receive_text().await.1, "mine");
        // Who has seen the certificate, which is no secret, has not its key.
        assert!(!gets_through(&device, &KeyPair::generate().unwrap().serialize_pem()).await);
        assert!(gets_through(&device, &device.key).await);

        world.core.update_certificate(device.id, Status::Inactive).await.unwrap();
        client.closed().await;
        assert!(!is_let_in(&device).await, "{} while it is inactive", device.name);
        world.core.update_certificate(device.id, Status::Active).await.unwrap();
        assert!(is_let_in(&device).await);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_has_its_time_and_goes_with_its_registration() {
    let world = World::start().await;
    let (short, gone) = (self_signed(&world, "short"), self_signed(&world, "gone"));
    register(&world, &short).await;
    register(&world, &gone).await;
    world.core.update_certificate(gone.id, Status::Revoked).await.unwrap();
    world.core.delete_certificate(gone.id).await.unwrap();
    assert!(!is_let_in(&gone).await);
    let again = world.core.register_certificate_without_ca(&short.certificate, Status::Active).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");

    // It is known after a start, too.
    let data = world.close().await;
    let world = World::at(data, Setup::default()).await;
    let (short, gone) = (short.at(world.address), gone.at(world.address));
    assert!(is_let_in(&short).await && !is_let_in(&gone).await);
    world.clock.advance(Duration::from_secs(3601));
    assert!(!is_let_in(&short).await);
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_single_certificate_is_not_registered() {
    let world = World::start().await;
    let device = self_signed(&world, "a");
    let truncated = device.certificate.replacen("MII", "MIJ", 1);
    let long = format!("{}{}", device.certificate, "\n".repeat(65_536));
    for pem in ["", "nonsense", &device.key, &truncated, &format!("{}{}", device.certificate, device.key), &long] {
        let refused = world.core.register_certificate_without_ca(pem, Status::Active).await;
        assert!(matches!(refused, Err(Error::Certificate)), "{refused:?}");
    }
    let refused = world.core.register_certificate_without_ca(&device.certificate, Status::PendingActivation).await;
    assert!(matches!(refused, Err(Error::Status)), "{refused:?}");
    world.stop().await;
}

/// Lets a device replace its own certificate, and no other's; remembers which one that was.
#[derive(Default)]
struct Rotation(Mutex<Vec<(CertificateId, CertificateId)>>);

#[async_trait::async_trait]
impl ProvisioningHook for Rotation {
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError> {
        let allow = request.parameters.get("ThingName").is_some_and(|thing| **thing == *request.client_id);
        if allow {
            self.0.lock().push((request.claim_certificate_id, request.certificate_id));
        }
        Ok(HookDecision { allow, parameter_overrides: BTreeMap::new() })
    }
}

const ROTATING: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/dt"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [
        "arn:aws:iot:*:*:topic/dt", "arn:aws:iot:*:*:topic/$aws/certificates/create-from-csr/*",
        "arn:aws:iot:*:*:topic/$aws/provisioning-templates/rotation/provision/*"]}
]}"#;

/// Of a thing that exists already, and keeps what it has.
fn rotation() -> String {
    json!({
        "Parameters": {"ThingName": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}},
                "OverrideSettings": {"AttributePayload": "DO_NOTHING", "ThingTypeName": "DO_NOTHING"}},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "policy-pump"}}
        }
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_replaces_its_certificate_and_keeps_all_else() {
    let hook = Arc::new(Rotation::default());
    let world = World::with(Setup { hook: Some(Arc::clone(&hook) as _), ..Setup::default() }).await;
    world.core.put_template("rotation", &rotation()).await.unwrap();
    let old = world.device_with("pump", ROTATING).await;
    let other = world.device("other").await;
    let mut pump = Client::connect(unacknowledging(&old)).await.unwrap();
    pump.subscribe("dt", QoS::AtLeastOnce).await;

    // A new key, which never leaves the device, and the certificate for it.
    let key = KeyPair::generate().unwrap();
    let created = ask(&mut pump, CREATE, &json!({"certificateSigningRequest": csr(&key)}), "accepted").await;
    let id = created["certificateId"].as_str().unwrap().parse().unwrap();
    let token = &created["certificateOwnershipToken"];
    let topic = "$aws/provisioning-templates/rotation/provision/json";
    let request = |thing: &str| json!({"certificateOwnershipToken": token, "parameters": {"ThingName": thing}});
    let refused = ask(&mut pump, topic, &request("other"), "rejected").await;
    assert_eq!(refused["statusCode"], 403);
    let registered = ask(&mut pump, topic, &request("pump"), "accepted").await;
    assert_eq!(registered["thingName"], "pump");
    assert_eq!(*hook.0.lock(), [(old.id, id)]);
    other.connect().await.publish("dt", "not acknowledged yet", QoS::AtLeastOnce).await;
    assert_eq!(pump.receive_text().await.1, "not acknowledged yet");

    // The new certificate takes over the connection, and the session with what is in it.
    let new = world.identity("pump", id, created["certificatePem"].as_str().unwrap(), &key.serialize_pem());
    let mut renewed = new.connect_persistent().await;
    assert!(renewed.session_present);
    pump.closed().await;
    assert_eq!(renewed.receive_text().await.1, "not acknowledged yet");
    // The old one is still good, until it is revoked: then it is good for nothing at once, and the new one stays.
    let before = old.connect_persistent().await;
    renewed.closed().await;
    world.core.update_certificate(old.id, Status::Revoked).await.unwrap();
    before.closed().await;
    assert!(!is_let_in(&old).await);
    let renewed = new.connect_persistent().await;
    assert!(renewed.session_present);
    renewed.publish("dt", "", QoS::AtLeastOnce).await;
    assert_eq!(world.core.list_thing_certificates(ThingName::parse("pump").unwrap()).await.unwrap().len(), 2);
    world.stop().await;
}
