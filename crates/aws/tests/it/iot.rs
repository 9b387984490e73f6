//! An IoT Core of our own, by its REST API and by MQTT, with the policies and the template that a deployment puts in force.

use crate::clients;
use marvain_aws::{AwsFleet, FleetSettings};
use marvain_hub::port::Bundle;
use marvain_iotcore::{AccessKey, Clock, Config, Entropy, IotCore, Parts};
use marvain_peers::{Device, DeviceFiles};
use marvain_topics::{
    render::{policy, template},
    table::{POLICY_CLAIM, POLICY_SATELLITE, TEMPLATE},
};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The time, which requests are signed with, and what looks random and is different at every call.
pub(crate) struct Outside(AtomicU64);

impl Outside {
    #[expect(clippy::disallowed_methods, reason = "AWS's clients sign with the machine's time")]
    pub(crate) fn now_ms() -> u64 {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
    }
}

impl Clock for Outside {
    fn now_ms(&self) -> u64 {
        Self::now_ms()
    }
}

impl Entropy for Outside {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

pub(crate) struct Iot {
    pub(crate) core: IotCore,
    pub(crate) control: aws_sdk_iot::Client,
    pub(crate) data: aws_sdk_iotdataplane::Client,
    pub(crate) mqtt: u16,
    _serving: JoinSet<()>,
    _dir: TempDir,
}

impl Iot {
    /// One without policies.
    pub(crate) async fn bare() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let dir = TempDir::new().unwrap();
        let outside = Arc::new(Outside(AtomicU64::new(0)));
        let parts = Parts { clock: outside.clone(), entropy: outside, hook: None, rules: Vec::new() };
        let core = IotCore::open(Config::new(dir.path().join("iot")), parts).await.unwrap();
        let listen = async || {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            (listener, port)
        };
        let ((mqtt, mqtt_port), (https, https_port)) = (listen().await, listen().await);
        let mut serving = JoinSet::new();
        let served = core.clone();
        serving.spawn(async move { served.serve(mqtt, std::future::pending()).await.unwrap() });
        let served = core.clone();
        let keys = vec![AccessKey::new(KEY, SECRET).unwrap()];
        serving.spawn(async move { served.serve_https(https, keys, std::future::pending()).await.unwrap() });
        let endpoint = format!("https://localhost:{https_port}");
        let (control, data) = clients::iot(&endpoint, core.root_ca_pem(), (KEY, SECRET));
        Self { core, control, data, mqtt: mqtt_port, _serving: serving, _dir: dir }
    }

    /// One as it is deployed.
    pub(crate) async fn start() -> Self {
        let iot = Self::bare().await;
        for (name, document) in [(POLICY_CLAIM, policy::claim()), (POLICY_SATELLITE, policy::satellite())] {
            let request = iot.control.create_policy().policy_name(name).policy_document(document.to_string());
            request.send().await.unwrap();
        }
        let template = template::template().to_string();
        let request = iot.control.create_provisioning_template().template_name(TEMPLATE).template_body(template);
        let role = "arn:aws:iam::000000000000:role/provisioning";
        request.provisioning_role_arn(role).enabled(true).send().await.unwrap();
        iot
    }

    pub(crate) fn fleet(&self) -> AwsFleet {
        let endpoint = Some("localhost".to_owned());
        let root_ca_pem = self.core.root_ca_pem().to_owned();
        AwsFleet::new(self.control.clone(), FleetSettings { endpoint, port: self.mqtt, root_ca_pem })
    }

    /// The device of a bundle, if the broker lets it in.
    pub(crate) async fn connect(&self, bundle: &Bundle, client_id: &str) -> Option<Device> {
        let Bundle { root_ca_pem: root, certificate_pem: certificate, private_key_pem: key, port, .. } = bundle;
        Device::connect(*port, DeviceFiles { root, certificate, key }, client_id).await
    }
}
