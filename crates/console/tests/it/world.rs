//! A router over a hub on local stores, with an owner, a member and a guest. Time stands still.

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, Response},
};
use marvain_console::{
    Api,
    operations::{BackupInfo, BrokerStats, DeadLetter, Operations, QueueInfo, RestoreInfo, Stats},
};
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, PersonId, SatelliteId},
    identity::Role,
};
use marvain_hub::{
    Hub, Ports, Settings,
    conformance::Phones,
    people::{Caller, Credential, RequestError, Secret},
    planner::OfflineModel,
    port::{Bundle, Bus, BusError, Delivery, Fleet, FleetError, Head, Ledger as _, Vault as _},
};
use marvain_local::{LocalStores, Redrive, SeedSigner, verify_backup};
use marvain_topics::{Queue, ShadowName};
use serde_json::Value;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tower::ServiceExt as _;

/// Tokens of the three.
pub(crate) const OWNER: &str = "olga-token";
pub(crate) const MEMBER: &str = "mia-token";
pub(crate) const GUEST: &str = "gus-token";

/// The way to the hub's own steps; satellites there are none.
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

/// Numbers certificates.
struct Numbers(AtomicU64);

#[async_trait]
impl Fleet for Numbers {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        self.create_satellite(&"claim".parse().unwrap()).await
    }

    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Bundle {
            certificate_id: format!("{id}-{number}"),
            certificate_pem: "certificate".into(),
            private_key_pem: "key".into(),
            root_ca_pem: "root".into(),
            endpoint: "localhost".into(),
            port: 8883,
        })
    }
}

struct LocalOperations {
    stores: Arc<LocalStores>,
    now: Timestamp,
}

fn unavailable(error: impl Into<marvain_hub::port::Cause>) -> RequestError {
    RequestError::Unavailable(error.into())
}

fn queue(name: &str) -> Result<Queue, RequestError> {
    Queue::from_name(name).ok_or_else(|| RequestError::NotFound { what: "queue", id: name.to_owned() })
}

#[async_trait]
impl Operations for LocalOperations {
    async fn queues(&self) -> Result<Vec<QueueInfo>, RequestError> {
        let counts = self.stores.queues.counts(self.now).await.map_err(unavailable)?;
        let info = counts.into_iter().map(|count| QueueInfo {
            name: count.queue.name().to_owned(),
            waiting: count.ready,
            in_flight: count.in_flight,
            dead: count.dead,
            oldest: count.oldest_at,
        });
        Ok(info.collect())
    }

    async fn dead_letters(
        &self,
        name: &str,
        limit: usize,
        _: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), RequestError> {
        let page = self.stores.queues.dead(Some(queue(name)?), None, limit).await.map_err(unavailable)?;
        let letters = page.letters.into_iter().map(|letter| DeadLetter {
            id: letter.delivery.id.to_string(),
            topic: letter.delivery.topic,
            principal: letter.delivery.principal,
            received_at: letter.delivery.received_at,
            died_at: letter.dead_at,
            attempts: letter.attempts,
            error: letter.error,
            body: String::from_utf8_lossy(&letter.delivery.body).into_owned(),
        });
        Ok((letters.collect(), None))
    }

    async fn redrive(&self, name: &str, _: &[String]) -> Result<u64, RequestError> {
        let redriven = self.stores.queues.redrive(Redrive::Queue(queue(name)?)).await;
        Ok(redriven.map_err(unavailable)? as u64)
    }

    async fn backup(&self, now: Timestamp) -> Result<BackupInfo, RequestError> {
        let path = self.stores.directory().with_extension("backup");
        let manifest = self.stores.backup(&path, now).await.map_err(unavailable)?;
        let bytes = manifest.files.iter().map(|file| file.bytes).sum();
        Ok(BackupInfo { path, bytes, at: now, audit_size: 0 })
    }

    async fn restore(&self, backup: &Path, _: &PersonId, _: Timestamp) -> Result<RestoreInfo, RequestError> {
        let of = verify_backup(backup).map_err(|e| RequestError::Invalid(e.to_string()))?.at;
        Ok(RestoreInfo { of, aside: backup.with_extension("aside") })
    }

    async fn audit_head(&self) -> Result<Option<Head>, RequestError> {
        Ok(self.stores.ledger.head().await?)
    }

    async fn audit_objects(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), RequestError> {
        let mut keys = self.stores.vault.list("").await.map_err(unavailable)?;
        keys.retain(|key| after.is_none_or(|after| key.as_str() > after));
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| more).cloned();
        Ok((keys, next))
    }

    async fn audit_object(&self, key: &str) -> Result<Option<Vec<u8>>, RequestError> {
        self.stores.vault.get(key).await.map_err(unavailable)
    }

    async fn stats(&self) -> Result<Stats, RequestError> {
        let broker = BrokerStats { connections: 7, ..BrokerStats::default() };
        Ok(Stats { started_at: self.now, outbox: 0, audit_size: 0, audit_waiting: 0, broker })
    }
}

pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) stores: Arc<LocalStores>,
    pub(crate) now: Timestamp,
    router: Router,
    _data: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let stores = Arc::new(LocalStores::open(&data.path().join("hub")).unwrap());
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let ports = Ports {
            ledger: stores.ledger.clone(),
            recall: stores.recall.clone(),
            model: Arc::new(OfflineModel),
            bus: Arc::new(Hops(stores.clone())),
            fleet: Arc::new(Numbers(AtomicU64::new(0))),
            push: Arc::new(Phones::default()),
            vault: stores.vault.clone(),
            telemetry: stores.telemetry.clone(),
            signer: Arc::new(SeedSigner::new(&[7; 32])),
        };
        let log_origin = "marvain.local/test".parse().unwrap();
        let settings = Settings { agent: "marvain".parse().unwrap(), time_zone: "Europe/Berlin".into(), log_origin };
        let hub = Arc::new(Hub::new(ports, settings));
        let token = Credential::Token(Secret::presented(OWNER));
        let owner = hub.bootstrap(&"olga".parse().unwrap(), &token, now).await.unwrap();
        for (name, role, token) in [("mia", Role::Member, MEMBER), ("gus", Role::Guest, GUEST)] {
            let id = name.parse().unwrap();
            let caller = |what| Caller { person: owner.clone(), request: DeliveryId::derive(&[what, name]), now };
            hub.add_person(&caller("add"), &id, name, role).await.unwrap();
            hub.issue_token(&caller("token"), &id, &Secret::presented(token)).await.unwrap();
        }
        let drawn = AtomicU64::new(1);
        let router = marvain_console::router(Api {
            hub: hub.clone(),
            operations: Arc::new(LocalOperations { stores: stores.clone(), now }),
            hosts: vec!["hub.lan".into()],
            clock: Arc::new(move || now),
            entropy: Arc::new(move |bytes: &mut [u8]| {
                let number = drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().rev().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
            }),
        });
        Self { hub, stores, now, router, _data: data }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Status and body of what is answered.
    pub(crate) async fn ask(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        answer(self.send(request(Some(token), method, path, body)).await).await
    }

    /// The body of what the owner is answered, with success.
    pub(crate) async fn owner(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.ask(OWNER, method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Works on every hop until there is none.
    pub(crate) async fn settle(&self) {
        loop {
            let mut idle = true;
            for queue in Queue::ALL {
                for received in self.stores.queues.receive(queue, 16, self.now).await.unwrap().deliveries {
                    idle = false;
                    self.hub.deliver(&received.delivery, self.now).await.unwrap();
                    self.stores.queues.ack(&[received.receipt]).await.unwrap();
                }
            }
            if idle {
                return;
            }
        }
    }
}

pub(crate) fn request(token: Option<&str>, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8084");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()).unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// Status and body; what is no JSON as a string.
pub(crate) async fn answer(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 26).await.unwrap();
    let text = String::from_utf8(bytes.into()).unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
