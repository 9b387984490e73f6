//! The fleet's control plane on AWS IoT: certificates and things, and what operators need besides.
//!
//! | file | subject |
//! |---|---|
//! | `certificates` | keys and certificates, put under a policy before they are active |
//! | `claims` | claim certificates, and how one takes another's place |
//! | `jobs` | jobs, such as an update of a satellite's software |
//! | `roots` | the root certificates that AWS's endpoints are known by |
//! | `things` | what is registered, and whether it is connected |
//!
//! Policies and the provisioning template are put in force by whoever deploys, from `topics/rendered`; here they are known by
//! name. It does not know what satellites do.

mod certificates;
mod claims;
mod jobs;
mod roots;
mod things;

pub use claims::{CLAIM_GRACE_S, CLAIMS_MAX, Claim};
pub use jobs::{JOB_TARGETS_MAX, Job, JobCounts, JobState};
pub use roots::{RootsError, amazon_roots};
pub use things::{Connectivity, THINGS_PAGE_MAX, Thing};

use async_trait::async_trait;
use aws_sdk_iot::Client;
use certificates::Keys;
use marvain_domain::id::SatelliteId;
use marvain_hub::port::{Bundle, Cause, Fleet, FleetError};
use marvain_topics::table::POLICY_CLAIM;
use tokio::sync::OnceCell;

/// The port of MQTT with client certificates ("Protocols, port mappings, and authentication").
pub const MQTT_PORT: u16 = 8883;
/// The endpoint whose certificate is one of Amazon Trust Services ("AWS IoT Core endpoints").
const ENDPOINT_TYPE: &str = "iot:Data-ATS";

/// Where satellites connect, and how they know that it is there.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// Host of the data endpoint; the account's own is looked up if it is not given.
    pub endpoint: Option<String>,
    /// Its port.
    pub port: u16,
    /// PEM of the roots that its certificate may come from.
    pub root_ca_pem: String,
}

impl FleetSettings {
    /// Those of AWS, with the data endpoint if it is known: its host, or `HOST:PORT` where satellites do not use
    /// [`MQTT_PORT`]; and with the roots of a domain of one's own, if its certificate comes from another authority.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn aws(endpoint: Option<&str>, roots_pem: Option<String>) -> Result<Self, RootsError> {
        let parts = endpoint.and_then(|endpoint| endpoint.rsplit_once(':'));
        let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = parts.map_or((endpoint, MQTT_PORT), |(host, port)| (Some(host), port));
        let root_ca_pem = roots_pem.map_or_else(amazon_roots, Ok)?;
        Ok(Self { endpoint: host.map(str::to_owned), port, root_ca_pem })
    }
}

/// The control plane of one account and region.
#[derive(Clone, Debug)]
pub struct AwsFleet {
    iot: Client,
    settings: FleetSettings,
    endpoint: OnceCell<String>,
}

impl AwsFleet {
    /// A control plane.
    pub fn new(iot: Client, settings: FleetSettings) -> Self {
        let endpoint = OnceCell::new_with(settings.endpoint.clone());
        Self { iot, settings, endpoint }
    }

    /// Host of the account's data endpoint; it does not change, so that it is asked for once.
    ///
    /// # Errors
    /// [`FleetError`].
    pub async fn endpoint(&self) -> Result<&str, FleetError> {
        let ask = async || -> Result<String, Cause> {
            let described = self.iot.describe_endpoint().endpoint_type(ENDPOINT_TYPE).send().await?;
            Ok(described.endpoint_address().ok_or("the answer has no address")?.to_owned())
        };
        let found = self.endpoint.get_or_try_init(ask).await;
        found.map(String::as_str).map_err(failed("looking up the data endpoint"))
    }

    async fn bundle(&self, keys: Keys) -> Result<Bundle, FleetError> {
        Ok(Bundle {
            certificate_id: keys.certificate_id,
            certificate_pem: keys.certificate_pem,
            private_key_pem: keys.private_key_pem,
            root_ca_pem: self.settings.root_ca_pem.clone(),
            endpoint: self.endpoint().await?.to_owned(),
            port: self.settings.port,
        })
    }
}

/// What failed, around why.
fn failed<E: Into<Cause>>(what: impl Into<String>) -> impl FnOnce(E) -> FleetError {
    let what = what.into();
    move |source| FleetError { what, source: source.into() }
}

#[async_trait]
impl Fleet for AwsFleet {
    /// A claim for as long as it takes, like the embedded one: `CreateProvisioningClaim` would give one for five minutes, which is
    /// for apps that stand beside the device.
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        // First, so that nothing is made that nobody can use.
        self.endpoint().await?;
        let keys = certificates::issue(&self.iot, POLICY_CLAIM, None).await;
        self.bundle(keys.map_err(failed("making a claim certificate"))?).await
    }

    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError> {
        self.endpoint().await?;
        let keys = things::certify(&self.iot, id).await;
        self.bundle(keys.map_err(failed(format!("certifying satellite `{id}`")))?).await
    }
}
