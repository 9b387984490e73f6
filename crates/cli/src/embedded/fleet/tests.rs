//! The embedded control plane, with devices that connect to the embedded broker.

use super::{EmbeddedFleet, Endpoint, install};
use crate::embedded::System;
use async_trait::async_trait;
use marvain_hub::{
    conformance::{self, Attempt, FleetWorld},
    port::Bundle,
};
use marvain_iotcore::{Config, IotCore, Parts, Status};
use marvain_peers::{Device, DeviceFiles};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

struct World {
    fleet: EmbeddedFleet,
    _serving: JoinSet<()>,
    _dir: TempDir,
}

impl World {
    async fn new() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let system = Arc::new(System::new().unwrap());
        let parts = Parts { clock: system.clone(), entropy: system, hook: None, rules: Vec::new() };
        let config = Config { exclusive_client_ids: true, ..Config::new(dir.path()) };
        let iot = IotCore::open(config, parts).await.unwrap();
        install(&iot).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint { host: "localhost".to_owned(), port: listener.local_addr().unwrap().port() };
        let mut serving = JoinSet::new();
        let served = iot.clone();
        serving.spawn(async move { served.serve(listener, std::future::pending()).await.unwrap() });
        Self { fleet: EmbeddedFleet { iot, endpoint }, _serving: serving, _dir: dir }
    }
}

#[async_trait]
impl FleetWorld for World {
    type Fleet = EmbeddedFleet;

    fn fleet(&self) -> &EmbeddedFleet {
        &self.fleet
    }

    async fn publish(&self, bundle: &Bundle, client_id: &str, topic: &str) -> Attempt {
        let Bundle { root_ca_pem: root, certificate_pem: certificate, private_key_pem: key, port, .. } = bundle;
        let Some(mut device) = Device::connect(*port, DeviceFiles { root, certificate, key }, client_id).await else {
            return Attempt::Refused;
        };
        if device.publish(topic, "{}").await { Attempt::Done } else { Attempt::ThrownOut }
    }

    async fn revoke(&self, certificate_id: &str) {
        self.fleet.iot.update_certificate(certificate_id.parse().unwrap(), Status::Revoked).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_control_plane_is_as_its_port_has_it() {
    conformance::fleet(World::new).await;
}
