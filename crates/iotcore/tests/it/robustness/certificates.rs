//! Ten thousand certificates.

use std::collections::BTreeSet;
use std::sync::Arc;

use marvain_iotcore::{CertificateId, Status};
use rumqttc::QoS;

use super::{Bystander, settled};
use crate::common::World;
use crate::provisioning::csr;

const CERTIFICATES: usize = 10_000;
/// At once, so that many share one commit.
const TASKS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_certificates_hold_up_nobody() {
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request: Arc<str> = csr(&key).into();
    let mut registering = Vec::new();
    for _ in 0..TASKS {
        let (core, request) = (world.core.clone(), Arc::clone(&request));
        registering.push(tokio::spawn(async move {
            let mut made = Vec::new();
            for _ in 0..CERTIFICATES / TASKS {
                made.push(core.create_certificate_from_csr(&request, true).await.unwrap());
            }
            made
        }));
    }
    // While they are made, others come.
    bystander.is_joined().await;
    let mut made = Vec::new();
    for task in registering {
        made.extend(task.await.unwrap());
        bystander.is_joined().await;
    }
    // They are all there, each another one.
    let mut listed = BTreeSet::new();
    let mut after: Option<CertificateId> = None;
    loop {
        let page = world.core.list_certificates(after).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page.iter().map(|certificate| certificate.id.to_string()));
    }
    assert_eq!(listed.len(), CERTIFICATES + 1);
    // One of them is a device's, until it is revoked.
    let certificate = &made[CERTIFICATES / 2];
    world.core.put_policy("all", crate::common::ALLOW_ALL).await.unwrap();
    world.core.attach_policy("all", certificate.id).await.unwrap();
    let device = world.identity("one-of-many", certificate.id, &certificate.pem, &key.serialize_pem());
    let mut client = device.connect().await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.publish("t", "hello", QoS::AtLeastOnce).await;
    assert_eq!(client.receive_text().await.1, "hello");
    world.core.update_certificate(certificate.id, Status::Revoked).await.unwrap();
    client.closed().await;
    bystander.was_served().await;
    settled(&world, 0).await;
    world.stop().await;
}
