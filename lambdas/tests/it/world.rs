//! A hub on local stores, with an owner and the satellite `den`, and events from files.

use async_trait::async_trait;
use marvain_domain::{
    id::{DeliveryId, SatelliteId},
    identity::Person,
};
use marvain_hub::{
    Hub, Ports, Settings as HubSettings,
    people::{Caller, Credential, Secret, Standing},
    planner::OfflineModel,
    port::{Bundle, Bus, BusError, Delivery, Fleet, FleetError, Model, NoPush},
};
use marvain_lambdas::{Function, System, batch::Worker, settings::Settings};
use marvain_local::{LocalStores, SeedSigner};
use marvain_topics::{Queue, ShadowName};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The certificate of `den` in the files.
pub(crate) const CERTIFICATE: &str = "ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373";

/// An event as AWS sends it: a file of `tests/events`.
pub(crate) fn event(name: &str) -> Value {
    let path = format!("{}/tests/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Hops go into local queues; satellites there are none.
struct Hops(Arc<LocalStores>);

#[async_trait]
impl Bus for Hops {
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError> {
        let what = delivery.id.to_string();
        self.0.queues.enqueue(delivery, None).await.map_err(|e| BusError { what, source: e.into() })?;
        Ok(())
    }

    async fn shadow(&self, _: &SatelliteId, _: ShadowName, _: &Value) -> Result<(), BusError> {
        Ok(())
    }

    async fn revoke(&self, _: &str) -> Result<(), BusError> {
        Ok(())
    }
}

/// Every satellite has the certificate of the files.
struct OneCertificate;

#[async_trait]
impl Fleet for OneCertificate {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        self.create_satellite(&"claim".parse().unwrap()).await
    }

    async fn create_satellite(&self, _: &SatelliteId) -> Result<Bundle, FleetError> {
        Ok(Bundle {
            certificate_id: CERTIFICATE.into(),
            certificate_pem: "certificate".into(),
            private_key_pem: "key".into(),
            root_ca_pem: "root".into(),
            endpoint: "localhost".into(),
            port: 8883,
        })
    }
}

pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) stores: Arc<LocalStores>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) system: System,
    owner: Person,
    requests: AtomicU64,
    _data: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_model(Arc::new(OfflineModel)).await
    }

    pub(crate) async fn with_model(model: Arc<dyn Model>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let stores = Arc::new(LocalStores::open(&data.path().join("hub")).unwrap());
        let ports = Ports {
            ledger: stores.ledger.clone(),
            recall: stores.recall.clone(),
            model,
            bus: Arc::new(Hops(stores.clone())),
            fleet: Arc::new(OneCertificate),
            push: Arc::new(NoPush),
            vault: stores.vault.clone(),
            signer: Arc::new(SeedSigner::new(&[7; 32])),
            telemetry: stores.telemetry.clone(),
        };
        let log_origin = "marvain.local/test".parse().unwrap();
        let settings = HubSettings { agent: "marvain".parse().unwrap(), time_zone: "Europe/Berlin".into(), log_origin };
        let hub = Arc::new(Hub::new(ports, settings));
        let system = System::new().unwrap();
        let token = Credential::Token(Secret::presented("olga-token"));
        let owner = hub.bootstrap(&"olga".parse().unwrap(), &token, system.now()).await.unwrap();
        let settings = Arc::new(environment());
        let world = Self { hub, stores, settings, system, owner, requests: AtomicU64::new(0), _data: data };
        world.hub.add_space(&world.caller(), &"den".parse().unwrap(), None).await.unwrap();
        let standing = Standing { space: Some("den".parse().unwrap()), person: None };
        world.hub.add_satellite(&world.caller(), &"den".parse().unwrap(), &standing).await.unwrap();
        world
    }

    /// The next request of the owner's.
    pub(crate) fn caller(&self) -> Caller {
        let number = self.requests.fetch_add(1, Ordering::Relaxed).to_string();
        let request = DeliveryId::derive(&["test", &number]);
        Caller { person: self.owner.clone(), request, now: self.system.now() }
    }

    pub(crate) fn worker(&self, function: Function) -> Worker {
        let (hub, settings, system) = (self.hub.clone(), self.settings.clone(), self.system);
        Worker { hub, settings, function, system }
    }

    /// How many deliveries wait in a queue of the hub's.
    pub(crate) async fn waiting(&self, queue: Queue) -> u64 {
        let counts = self.stores.queues.counts(self.system.now()).await.unwrap();
        counts.into_iter().find(|count| count.queue == queue).unwrap().ready
    }

    /// Kinds of all entries of the audit log.
    pub(crate) async fn audit_kinds(&self) -> Vec<String> {
        let entries = self.hub.audit_tail(&self.caller(), 1000).await.unwrap();
        entries.into_iter().map(|entry| entry.kind).collect()
    }

    /// So many milliseconds from now, as a deadline.
    pub(crate) fn deadline(&self, in_ms: u64) -> u64 {
        self.system.now().as_ms() + in_ms
    }
}

/// As a deployment named `home` has it.
fn environment() -> Settings {
    let variables = variables();
    Settings::parse(|name| variables.get(name).cloned()).unwrap()
}

/// The variables of that deployment's functions.
pub(crate) fn variables() -> BTreeMap<String, String> {
    let urls = |end: &str| {
        let url =
            |queue: Queue| format!("https://sqs.eu-central-1.amazonaws.com/123456789012/home-{}{end}", queue.name());
        json!(Queue::ALL.map(|queue| (queue.name(), url(queue))).into_iter().collect::<BTreeMap<_, _>>()).to_string()
    };
    let account = "arn:aws:rds:eu-central-1:123456789012";
    [
        ("MARVAIN_TABLE", "home".to_owned()),
        ("MARVAIN_QUEUES", urls("")),
        ("MARVAIN_DEAD_LETTERS", urls("-dead")),
        ("MARVAIN_SQL_CLUSTER_ARN", format!("{account}:cluster:home")),
        ("MARVAIN_SQL_SECRET_ARN", format!("{account}:secret:home")),
        ("MARVAIN_SQL_DATABASE", "marvain".to_owned()),
        ("MARVAIN_VAULT_BUCKET", "home-vault".to_owned()),
        ("MARVAIN_VAULT_MODE", "GOVERNANCE".to_owned()),
        ("MARVAIN_VAULT_RETENTION_DAYS", "1".to_owned()),
        ("MARVAIN_ARTIFACTS_BUCKET", "home-artifacts".to_owned()),
        ("MARVAIN_LOG_KEY_ID", "log".to_owned()),
        ("MARVAIN_LOG_ORIGIN", "marvain.aws/home".to_owned()),
        ("MARVAIN_IOT_ENDPOINT", "home-ats.iot.eu-central-1.amazonaws.com".to_owned()),
        ("MARVAIN_TIME_ZONE", "Europe/Berlin".to_owned()),
        ("MARVAIN_AGENT", "marvain".to_owned()),
        ("MARVAIN_TELEMETRY", "aurora".to_owned()),
        ("MARVAIN_API_HOSTS", "abc123.execute-api.eu-central-1.amazonaws.com".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
