//! The suite of the port [`Fleet`], with devices that really connect.

use crate::port::{Bundle, Fleet};
use async_trait::async_trait;
use marvain_domain::id::SatelliteId;
use marvain_topics::{EventKind, ShadowName, ShadowOp, Topic, acl::CLAIM_CLIENT_PREFIX, topic::Answer};

/// How far a device gets that publishes once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The broker does not let it in.
    Refused,
    /// It was in, and thrown out for what it did.
    ThrownOut,
    /// The broker has taken what it published.
    Done,
}

/// A control plane, and its broker.
#[async_trait]
pub trait FleetWorld: Send + Sync {
    /// The adapter.
    type Fleet: Fleet;
    /// The adapter.
    fn fleet(&self) -> &Self::Fleet;
    /// A device with this certificate and key, which trusts this root, connects under a client id and publishes to a topic.
    async fn publish(&self, bundle: &Bundle, client_id: &str, topic: &str) -> Attempt;
    /// Revokes a certificate.
    async fn revoke(&self, certificate_id: &str);
}

/// Runs the suite; `fresh` makes a world for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn fleet<W: FleetWorld>(fresh: impl AsyncFn() -> W) {
    a_bundle_is_whole(&fresh().await).await;
    a_claim_enrols_and_does_nothing_else(&fresh().await).await;
    a_satellite_is_its_thing_and_nobody_else(&fresh().await).await;
    a_satellite_may_have_another_certificate(&fresh().await).await;
}

fn id(name: &str) -> SatelliteId {
    name.parse().unwrap()
}

fn enrol() -> String {
    Topic::CreateFromCsr(Answer::Request).to_string()
}

fn event(name: &str) -> String {
    Topic::Event { thing: id(name), kind: EventKind::Transcript }.to_string()
}

async fn a_bundle_is_whole<W: FleetWorld>(world: &W) {
    let claims = [world.fleet().create_claim().await.unwrap(), world.fleet().create_claim().await.unwrap()];
    let satellite = world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    assert_ne!(claims[0].certificate_id, claims[1].certificate_id);
    for bundle in claims.iter().chain([&satellite]) {
        let hex = bundle.certificate_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        assert!(bundle.certificate_id.len() == 64 && hex, "{}", bundle.certificate_id);
        assert!(bundle.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(bundle.private_key_pem.contains("PRIVATE KEY-----"));
        assert!(bundle.root_ca_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!bundle.endpoint.is_empty() && bundle.port != 0);
        assert!(!format!("{bundle:?}").contains("PRIVATE"), "a key is not shown");
    }
}

async fn a_claim_enrols_and_does_nothing_else<W: FleetWorld>(world: &W) {
    let claim = world.fleet().create_claim().await.unwrap();
    let claimant = format!("{CLAIM_CLIENT_PREFIX}1");
    world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    let shadow = Topic::Shadow { thing: id("kitchen"), name: ShadowName::Presence, op: ShadowOp::Update };
    let cases = [
        (enrol(), Attempt::Done),
        (event("kitchen"), Attempt::ThrownOut),
        (event("claim-1"), Attempt::ThrownOut),
        (shadow.to_string(), Attempt::ThrownOut),
    ];
    for (topic, attempt) in cases {
        assert_eq!(world.publish(&claim, &claimant, &topic).await, attempt, "{topic}");
    }
    // Else whoever has a claim could throw a satellite off as often as he likes.
    for nobody in ["kitchen", "claim-1", ""] {
        assert_eq!(world.publish(&claim, nobody, &enrol()).await, Attempt::Refused, "`{nobody}`");
    }
    world.revoke(&claim.certificate_id).await;
    assert_eq!(world.publish(&claim, &claimant, &enrol()).await, Attempt::Refused);
}

async fn a_satellite_is_its_thing_and_nobody_else<W: FleetWorld>(world: &W) {
    let kitchen = world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    let den = world.fleet().create_satellite(&id("den")).await.unwrap();
    let cases = [
        ("kitchen", event("kitchen"), Attempt::Done),
        ("den", event("den"), Attempt::Refused),
        ("nobody", event("kitchen"), Attempt::Refused),
        ("kitchen", event("den"), Attempt::ThrownOut),
        ("kitchen", enrol(), Attempt::ThrownOut),
    ];
    for (client_id, topic, attempt) in cases {
        assert_eq!(world.publish(&kitchen, client_id, &topic).await, attempt, "{client_id}: {topic}");
    }
    for _ in 0..2 {
        world.revoke(&kitchen.certificate_id).await;
        assert_eq!(world.publish(&kitchen, "kitchen", &event("kitchen")).await, Attempt::Refused);
    }
    assert_eq!(world.publish(&den, "den", &event("den")).await, Attempt::Done);
}

async fn a_satellite_may_have_another_certificate<W: FleetWorld>(world: &W) {
    let old = world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    let new = world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    assert_ne!(old.certificate_id, new.certificate_id);
    for bundle in [&old, &new] {
        assert_eq!(world.publish(bundle, "kitchen", &event("kitchen")).await, Attempt::Done);
    }
    world.revoke(&old.certificate_id).await;
    assert_eq!(world.publish(&old, "kitchen", &event("kitchen")).await, Attempt::Refused);
    assert_eq!(world.publish(&new, "kitchen", &event("kitchen")).await, Attempt::Done);
    // What was revoked stays so, whatever the satellite gets afterwards.
    world.fleet().create_satellite(&id("kitchen")).await.unwrap();
    assert_eq!(world.publish(&old, "kitchen", &event("kitchen")).await, Attempt::Refused);
}
