//! A hub on local stores in memory, with a bus that keeps shadows in a map. Time is a number that tests move.

use crate::watched::Watched;
use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    consent::ConsentKind,
    id::{DeliveryId, MemoryId, SatelliteId},
    identity::{Person, Role},
    memory::{MemoryChange, MemoryState},
};
use marvain_hub::{
    Hub, Outcome, Ports, Settings,
    conformance::Phones,
    people::{Caller, Credential, MemoryQuery, NewConsent, Secret, Speech, Standing},
    planner::OfflineModel,
    port::{Bundle, Bus, BusError, Delivery, Fleet, FleetError, Model, Signer},
};
use marvain_local::{FileVault, SeedSigner, SqliteLedger, SqliteQueues, SqliteRecall, SqliteTelemetry};
use marvain_topics::{Queue, ShadowName, Topic};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Satellite and shadow.
type ShadowKey = (String, &'static str);

/// Desired states by satellite and shadow, and revoked certificates.
#[derive(Default)]
pub(crate) struct Outside {
    shadows: Mutex<BTreeMap<ShadowKey, Map<String, Value>>>,
    revoked: Mutex<Vec<String>>,
}

struct TestBus {
    queues: Arc<SqliteQueues>,
    outside: Arc<Outside>,
}

#[async_trait]
impl Bus for TestBus {
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError> {
        self.queues.enqueue(delivery, None).await.unwrap();
        Ok(())
    }

    async fn shadow(&self, satellite: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), BusError> {
        let mut shadows = self.outside.shadows.lock().unwrap();
        let state = shadows.entry((satellite.to_string(), name.as_str())).or_default();
        for (key, value) in desired.as_object().unwrap() {
            if value.is_null() {
                state.remove(key);
            } else {
                state.insert(key.clone(), value.clone());
            }
        }
        Ok(())
    }

    async fn revoke(&self, certificate_id: &str) -> Result<(), BusError> {
        self.outside.revoked.lock().unwrap().push(certificate_id.to_owned());
        Ok(())
    }
}

struct TestFleet(AtomicU64);

#[async_trait]
impl Fleet for TestFleet {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        self.create_satellite(&"claim".parse().unwrap()).await
    }

    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Bundle {
            certificate_id: format!("certificate-{id}-{number}"),
            certificate_pem: String::new(),
            private_key_pem: String::new(),
            root_ca_pem: String::new(),
            endpoint: "localhost".into(),
            port: 8883,
        })
    }
}

pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) now: Timestamp,
    pub(crate) queues: Arc<SqliteQueues>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) phones: Arc<Phones>,
    pub(crate) ledger: Arc<Watched>,
    pub(crate) recall: Arc<SqliteRecall>,
    owner: Person,
    requests: u64,
    _vault: tempfile::TempDir,
}

impl World {
    /// An owner, a space `den`, and in it the satellite `pi` with a lamp and a voice.
    pub(crate) async fn new() -> Self {
        Self::with_model(Arc::new(OfflineModel)).await
    }

    /// The same, planned for by `model`.
    pub(crate) async fn with_model(model: Arc<dyn Model>) -> Self {
        Self::with(model, Arc::new(SeedSigner::new(&[7; 32]))).await
    }

    /// The same, its log signed by `signer`.
    pub(crate) async fn with(model: Arc<dyn Model>, signer: Arc<dyn Signer>) -> Self {
        let vault = tempfile::tempdir().unwrap();
        let queues = Arc::new(SqliteQueues::open_in_memory().unwrap());
        let outside = Arc::new(Outside::default());
        let ledger = Arc::new(Watched::new(SqliteLedger::open_in_memory().unwrap()));
        let recall = Arc::new(SqliteRecall::open_in_memory().unwrap());
        let phones = Arc::new(Phones::default());
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let ports = Ports {
            ledger: ledger.clone(),
            recall: recall.clone(),
            model,
            bus: Arc::new(TestBus { queues: queues.clone(), outside: outside.clone() }),
            fleet: Arc::new(TestFleet(AtomicU64::new(0))),
            push: phones.clone(),
            vault: Arc::new(FileVault::open(vault.path()).unwrap()),
            telemetry: Arc::new(SqliteTelemetry::open_in_memory().unwrap()),
            signer,
        };
        let log_origin = "marvain.local/test".parse().unwrap();
        let settings = Settings { agent: "marvain".parse().unwrap(), time_zone: "Europe/Berlin".into(), log_origin };
        let hub = Hub::new(ports, settings);
        let token = Credential::Token(Secret::presented("olga-token"));
        let owner = hub.bootstrap(&"olga".parse().unwrap(), &token, now).await.unwrap();
        let mut world = Self { hub, now, queues, outside, phones, ledger, recall, owner, requests: 0, _vault: vault };
        let caller = world.owner();
        world.hub.add_space(&caller, &"den".parse().unwrap(), None).await.unwrap();
        let standing = Standing { space: Some("den".parse().unwrap()), person: None };
        let caller = world.owner();
        world.hub.add_satellite(&caller, &"pi".parse().unwrap(), &standing).await.unwrap();
        world.describe("pi", 1).await;
        world
    }

    /// The next request of `person`.
    pub(crate) fn caller(&mut self, person: &Person) -> Caller {
        self.requests += 1;
        let request = DeliveryId::derive(&["test", &self.requests.to_string()]);
        Caller { person: person.clone(), request, now: self.now }
    }

    pub(crate) fn owner(&mut self) -> Caller {
        let owner = self.owner.clone();
        self.caller(&owner)
    }

    /// Adds somebody.
    pub(crate) async fn person(&mut self, name: &str, role: Role) -> Person {
        let caller = self.owner();
        self.hub.add_person(&caller, &name.parse().unwrap(), name, role).await.unwrap()
    }

    /// The certificate of a satellite, as the hub knows it.
    pub(crate) async fn certificate(&mut self, satellite: &str) -> String {
        let caller = self.owner();
        self.hub.satellite_of(&caller, &satellite.parse().unwrap()).await.unwrap().satellite.certificate_id
    }

    /// A satellite says that it has a lamp and a voice.
    pub(crate) async fn describe(&mut self, satellite: &str, version: u64) {
        let reported = json!({"software": "test", "capabilities": [
            {"name": "lamp", "kind": "command", "args": {"state": {"type": "text", "enum": ["on", "off"]}}},
            {"name": "say", "kind": "builtin", "args": {"text": {"type": "text", "max_bytes": 400}}}]});
        let documents = json!({"current": {"state": {"reported": reported}, "version": version}});
        let thing = satellite.parse().unwrap();
        let op = marvain_topics::ShadowOp::UpdateDocuments;
        let topic = Topic::Shadow { thing, name: ShadowName::Presence, op };
        let certificate = self.certificate(satellite).await;
        let outcome =
            self.deliver(Queue::Presence, &topic.to_string(), Some(&certificate), &documents.to_string()).await;
        assert_eq!(outcome, Outcome::Applied);
    }

    pub(crate) async fn deliver(
        &mut self,
        queue: Queue,
        topic: &str,
        certificate: Option<&str>,
        body: impl AsRef<[u8]>,
    ) -> Outcome {
        let delivery = Delivery::from_rule(queue, topic, certificate, self.now, body.as_ref().to_vec());
        self.hub.deliver(&delivery, self.now).await.unwrap()
    }

    /// The satellite `pi` hears something.
    pub(crate) async fn hears(&mut self, id: &str, text: &str) -> Outcome {
        let at = self.now;
        let body = json!({"v": 1, "id": id, "at": at, "kind": "transcript", "text": text}).to_string();
        let certificate = self.certificate("pi").await;
        self.deliver(Queue::Observe, "marvain/v1/pi/event/transcript", Some(&certificate), body).await
    }

    /// `person` says something through the satellite `pi`.
    pub(crate) async fn says(&mut self, person: &Person, text: &str) {
        let caller = self.caller(person);
        let speech = Speech { satellite: "pi".parse().unwrap(), text: text.into() };
        self.hub.speak(&caller, &speech).await.unwrap();
        self.settle().await;
    }

    /// `person` consents to `kind`.
    pub(crate) async fn consents(&mut self, person: &Person, kind: ConsentKind) {
        let consent = NewConsent { person: person.id.clone(), kind, purpose: String::new(), expires_at: None };
        let caller = self.caller(person);
        self.hub.grant_consent(&caller, &consent).await.unwrap();
    }

    /// The only candidate becomes a memory.
    pub(crate) async fn commits(&mut self) -> MemoryId {
        let caller = self.owner();
        let query = MemoryQuery { state: MemoryState::Candidate, limit: 10, after: None };
        let id = self.hub.memories(&caller, &query).await.unwrap().0.pop().unwrap().id;
        let caller = self.owner();
        self.hub.change_memory(&caller, &id, &MemoryChange::Commit).await.unwrap();
        self.settle().await;
        id
    }

    /// The satellite `pi` reports on a command.
    pub(crate) async fn reports(&mut self, action: &str, state: &str) -> Outcome {
        let body = json!({"v": 1, "action": action, "state": state, "at": self.now}).to_string();
        let certificate = self.certificate("pi").await;
        self.deliver(Queue::Settle, "marvain/v1/pi/report", Some(&certificate), body).await
    }

    /// Works on the hops that lie in one queue.
    pub(crate) async fn work(&mut self, queue: Queue) {
        let batch = self.queues.receive(queue, 16, self.now).await.unwrap();
        for received in batch.deliveries {
            self.hub.deliver(&received.delivery, self.now).await.unwrap();
            self.queues.ack(&[received.receipt]).await.unwrap();
        }
    }

    /// Works on every hop until there is none.
    pub(crate) async fn settle(&mut self) {
        loop {
            let mut idle = true;
            for queue in Queue::ALL {
                let batch = self.queues.receive(queue, 16, self.now).await.unwrap();
                for received in batch.deliveries {
                    idle = false;
                    self.hub.deliver(&received.delivery, self.now).await.unwrap();
                    self.queues.ack(&[received.receipt]).await.unwrap();
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Lets time pass, with a tick at the end.
    pub(crate) async fn pass_s(&mut self, seconds: u64) {
        self.now = self.now.plus_s(seconds);
        self.hub.tick(self.now).await.unwrap();
        self.hub.sweep(self.now).await;
        self.settle().await;
    }

    pub(crate) fn desired(&self, satellite: &str, shadow: &'static str) -> Map<String, Value> {
        self.outside.shadows.lock().unwrap().get(&(satellite.to_owned(), shadow)).cloned().unwrap_or_default()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.outside.revoked.lock().unwrap().clone()
    }

    /// Kinds of the newest audit entries, oldest first.
    pub(crate) async fn audit_kinds(&mut self, newest: usize) -> Vec<String> {
        self.audit(newest).await.into_iter().map(|entry| entry.kind).collect()
    }

    pub(crate) async fn audit(&mut self, newest: usize) -> Vec<marvain_hub::people::AuditEntry> {
        let caller = self.owner();
        self.hub.audit_tail(&caller, newest).await.unwrap()
    }
}
