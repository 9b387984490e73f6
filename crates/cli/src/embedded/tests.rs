//! The bus on real queues and the real broker, and a hub that lets go of its data when it stops.

use super::{
    Embedded, EmbeddedError, Options, Restore, System,
    fleet::{self, EmbeddedBus, EmbeddedFleet, Endpoint},
    operations::LocalOperations,
};
use async_trait::async_trait;
use marvain_console::operations::Operations as _;
use marvain_domain::{Timestamp, id::SatelliteId};
use marvain_hub::{
    conformance::{self, BusWorld},
    people::RequestError,
    port::{Delivery, Fleet as _},
};
use marvain_iotcore::{
    Config, IotCore, Parts, Status,
    names::{ShadowName as IotShadowName, ThingName},
};
use marvain_local::{LocalStores, OpenError};
use marvain_topics::{Queue, ShadowName};
use serde_json::Value;
use std::{fs, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

/// Most deliveries that a queue of the suite may hold.
const QUEUED_MAX: usize = 32;

struct World {
    bus: EmbeddedBus,
    fleet: EmbeddedFleet,
    system: System,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let stores = LocalStores::open(dir.path()).unwrap();
        let system = System::new().unwrap();
        let (clock, entropy) = (Arc::new(system.clone()), Arc::new(system.clone()));
        let parts = Parts { clock, entropy, hook: None, rules: Vec::new() };
        let iot = IotCore::open(Config::new(dir.path().join("iot")), parts).await.unwrap();
        fleet::install(&iot).await.unwrap();
        let endpoint = Endpoint { host: "localhost".to_owned(), port: 8883 };
        Self {
            bus: EmbeddedBus { queues: stores.queues.clone(), iot: iot.clone() },
            fleet: EmbeddedFleet { iot, endpoint },
            system,
            _dir: dir,
        }
    }
}

#[async_trait]
impl BusWorld for World {
    type Bus = EmbeddedBus;

    fn bus(&self) -> &EmbeddedBus {
        &self.bus
    }

    async fn queued(&self, queue: Queue) -> Vec<Delivery> {
        let batch = self.bus.queues.receive(queue, QUEUED_MAX, self.system.now()).await.unwrap();
        batch.deliveries.into_iter().map(|received| received.delivery).collect()
    }

    async fn satellite(&self, name: &str) -> (SatelliteId, String) {
        let id: SatelliteId = name.parse().unwrap();
        let bundle = self.fleet.create_satellite(&id).await.unwrap();
        (id, bundle.certificate_id)
    }

    async fn desired(&self, satellite: &SatelliteId, name: ShadowName) -> Value {
        let thing = ThingName::parse(satellite.as_str()).unwrap();
        let shadow = IotShadowName::parse(name.as_str()).unwrap();
        let Ok(document) = self.bus.iot.shadow_get(thing, Some(shadow)).await else { return Value::Null };
        serde_json::from_slice::<Value>(&document).unwrap()["state"]["desired"].clone()
    }

    async fn is_active(&self, certificate_id: &str) -> bool {
        let certificate = self.bus.iot.describe_certificate(certificate_id.parse().unwrap()).await.unwrap();
        certificate.is_some_and(|certificate| certificate.status == Status::Active)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_bus_is_as_its_port_has_it() {
    conformance::bus(World::new).await;
}

fn options(data: &Path) -> Options {
    Options {
        data: data.to_owned(),
        mqtt: "127.0.0.1:0".parse().unwrap(),
        http: "127.0.0.1:0".parse().unwrap(),
        endpoint: "127.0.0.1".to_owned(),
        owner: Some("olga".parse().unwrap()),
        openai: None,
        time_zone: "UTC".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_stops_lets_go_of_its_data_whoever_is_connected() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let system = System::new().unwrap();
    let stopped = Embedded::start(options(&data), system.clone()).await.unwrap();
    let mut idle = Vec::new();
    for said in ["", "GET /v1/he", "GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        for address in [&stopped.running.http, &stopped.running.mqtt] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            idle.push(stream);
        }
    }
    let mut answer = [0; 15];
    idle[4].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    timeout(Duration::from_secs(8), stopped.stop()).await.unwrap().unwrap();
    let stores = LocalStores::open(&data).unwrap();
    stores.backup(&backup, Timestamp::from_ms(1)).await.unwrap();
    drop(stores);
    for round in 1..=3 {
        let restore = Restore { backup: backup.clone(), by: None, at: Timestamp::from_ms(round) };
        restore.take_over(&data).unwrap();
        let hub = Embedded::start(options(&data), system.clone()).await.unwrap();
        assert!(!data.join("restored.json").exists(), "the hub has said so");
        hub.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_has_left_is_not_taken_for_a_new_hub() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(dir.path().join("data.unfinished")).unwrap();
    let refused = Embedded::start(options(&data), System::new().unwrap()).await.err().unwrap();
    assert!(matches!(refused, EmbeddedError::Local(OpenError::Unfinished(_))), "{refused}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_stays_with_the_owner_that_it_began_with() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let system = System::new().unwrap();
    let start = async |owner: Option<&str>| {
        let owner = owner.map(|owner| owner.parse().unwrap());
        Embedded::start(Options { owner, ..options(&data) }, system.clone()).await
    };
    for owner in [Some("olga"), None, Some("olga")] {
        start(owner).await.unwrap().stop().await.unwrap();
    }
    let refused = start(Some("owner")).await.err().unwrap();
    let told = "the owner of this hub is `olga`, not `owner`: start it without `--owner owner`";
    assert_eq!(refused.to_string(), told);
}

#[tokio::test]
async fn one_backup_at_a_time_and_none_once_a_restore_has_begun() {
    let World { bus, system, _dir: dir, .. } = World::new().await;
    let stores = LocalStores::open(&dir.path().join("data")).unwrap();
    let (ask, mut asked) = mpsc::channel(1);
    let operations = LocalOperations::new(stores, bus.iot, system, ask);
    let (owner, now) = ("olga".parse().unwrap(), Timestamp::from_ms);
    let (first, second) = tokio::join!(operations.backup(now(1)), operations.backup(now(2)));
    assert!(matches!(second, Err(RequestError::Conflict(_))));
    let backup = first.unwrap().path;
    let restore = || operations.restore(&backup, &owner, now(3));
    let (third, restored) = tokio::join!(operations.backup(now(4)), restore());
    assert!(third.is_ok() && matches!(restored, Err(RequestError::Conflict(_))));
    restore().await.unwrap();
    assert_eq!(asked.recv().await.unwrap().backup, backup);
    assert!(matches!(operations.backup(now(5)).await, Err(RequestError::Conflict(_))));
}
