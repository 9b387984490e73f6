//! The control plane on our IoT Core, and as far as it goes on moto.

mod jobs;
mod operator;

use crate::{
    clients,
    iot::{Iot, Outside},
};
use async_trait::async_trait;
use marvain_aws::{
    AwsBus, AwsFleet, FleetSettings,
    fleet::{Claim, amazon_roots},
};
use marvain_domain::{Timestamp, chain};
use marvain_hub::{
    conformance::{self, Attempt, FleetWorld},
    port::{Bundle, Bus as _, Fleet as _},
};
use marvain_peers::Moto;
use marvain_topics::table::{POLICY_CLAIM, POLICY_SATELLITE};
use std::collections::BTreeMap;

struct World {
    iot: Iot,
    fleet: AwsFleet,
    bus: AwsBus,
}

impl World {
    async fn new(moto: &Moto) -> Self {
        let iot = Iot::start().await;
        let bus = AwsBus::new(clients::sqs(&moto.url()), iot.control.clone(), iot.data.clone(), BTreeMap::new());
        Self { fleet: iot.fleet(), bus, iot }
    }
}

#[async_trait]
impl FleetWorld for World {
    type Fleet = AwsFleet;

    fn fleet(&self) -> &AwsFleet {
        &self.fleet
    }

    async fn publish(&self, bundle: &Bundle, client_id: &str, topic: &str) -> Attempt {
        let Some(mut device) = self.iot.connect(bundle, client_id).await else { return Attempt::Refused };
        if device.publish(topic, "{}").await { Attempt::Done } else { Attempt::ThrownOut }
    }

    async fn revoke(&self, certificate_id: &str) {
        self.bus.revoke(certificate_id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_is_as_its_port_has_it() {
    let moto = Moto::start().await;
    conformance::fleet(async || World::new(&moto).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_takes_anothers_place_in_its_time() {
    let iot = Iot::start().await;
    let fleet = iot.fleet();
    let first = fleet.create_claim().await.unwrap();
    // AWS tells when a certificate was made to the second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let second = fleet.create_claim().await.unwrap();
    let claims = fleet.claims().await.unwrap();
    let ids = |claims: &[Claim]| claims.iter().map(|claim| claim.certificate_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&claims), [first.certificate_id.clone(), second.certificate_id.clone()]);
    assert!(claims.iter().all(|claim| claim.active && claim.made_at.as_ms() > 1_700_000_000_000), "{claims:?}");
    let now = Timestamp::from_ms(Outside::now_ms());
    assert_eq!(fleet.retire_claims(now, 3600).await.unwrap(), []);
    assert!(iot.connect(&first, "_claim-a").await.is_some());
    assert_eq!(
        ids(&fleet.retire_claims(now.plus_s(3600), 3600).await.unwrap()),
        std::slice::from_ref(&first.certificate_id)
    );
    assert_eq!(fleet.retire_claims(now.plus_s(3600), 3600).await.unwrap(), []);
    assert!(iot.connect(&first, "_claim-a").await.is_none());
    assert!(iot.connect(&second, "_claim-b").await.is_some(), "the newest stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_half_way_leaves_no_certificate_that_is_good_for_something() {
    let iot = Iot::bare().await;
    let fleet = iot.fleet();
    let error = fleet.create_satellite(&"kitchen".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "certifying satellite `kitchen` failed");
    assert!(chain(&error).contains(POLICY_SATELLITE), "{}", chain(&error));
    let error = fleet.create_claim().await.unwrap_err();
    assert!(chain(&error).contains(POLICY_CLAIM), "{}", chain(&error));
    let left = iot.control.list_certificates().send().await.unwrap();
    assert_eq!(left.certificates(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn things_come_in_pages_and_tell_whether_they_are_connected() {
    let iot = Iot::start().await;
    let fleet = iot.fleet();
    let mut bundles = BTreeMap::new();
    for name in ["a", "b", "c"] {
        bundles.insert(name, fleet.create_satellite(&name.parse().unwrap()).await.unwrap());
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = fleet.things(2, after.as_deref()).await.unwrap();
        assert!(page.len() <= 2);
        names.extend(page.into_iter().map(|thing| thing.name));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    let connected = iot.connect(&bundles["a"], "a").await.unwrap();
    let of = async |name: &str| fleet.connectivity(&name.parse().unwrap()).await.unwrap();
    let a = of("a").await.unwrap();
    assert!(a.connected && a.since.is_some() && a.reason.is_none(), "{a:?}");
    let b = of("b").await.unwrap();
    assert!(!b.connected && b.since.is_none(), "{b:?}");
    assert_eq!(of("nobody").await, None);
    drop(connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_for_aws_has_its_endpoint_and_amazons_roots() {
    let moto = Moto::start().await;
    let iot = clients::iot_of_moto(&moto);
    for name in [POLICY_CLAIM, POLICY_SATELLITE] {
        iot.create_policy().policy_name(name).policy_document("{}").send().await.unwrap();
    }
    let fleet = AwsFleet::new(iot, FleetSettings::aws(None, None).unwrap());
    let satellite = fleet.create_satellite(&"kitchen".parse().unwrap()).await.unwrap();
    assert!(satellite.endpoint.contains("-ats.iot.eu-central-1.amazonaws.com"), "{}", satellite.endpoint);
    assert_eq!((satellite.port, satellite.root_ca_pem), (8883, amazon_roots().unwrap()));
    let claim = fleet.create_claim().await.unwrap();
    assert_eq!(claim.endpoint, satellite.endpoint, "it is looked up once and stays");
    assert_eq!(fleet.claims().await.unwrap().len(), 1);
}
