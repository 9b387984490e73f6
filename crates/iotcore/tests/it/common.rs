//! One IoT Core on a free port, its devices, and virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use marvain_iotcore::names::ThingName;
use marvain_iotcore::{CertificateId, Clock, Config, Entropy, IotCore, Parts, ProvisioningHook, Rule};
use rumqttc::{
    AsyncClient, ConnAck, ConnectReturnCode, ConnectionError, Event, LastWill, MqttOptions, Packet, Publish,
    PublishOptions, QoS, SubscribeReasonCode, TlsConfiguration, Transport,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Everything that is waited for comes within this, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const ALLOW_ALL: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}"#;

pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reproducible, and different at every call.
pub(crate) struct Hashed(AtomicU64);

impl Entropy for Hashed {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) hook: Option<Arc<dyn ProvisioningHook>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) session_expiry_s: Option<u64>,
    pub(crate) exclusive_client_ids: bool,
    pub(crate) aws_rates: bool,
}

pub(crate) async fn open(data: &Path, setup: Setup) -> (IotCore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock(AtomicU64::new(1_700_000_000_000)));
    let entropy = Arc::new(Hashed(AtomicU64::new(0)));
    let parts = Parts { clock: Arc::clone(&clock) as _, entropy, hook: setup.hook, rules: setup.rules };
    let mut config = Config::new(data);
    config.session_expiry_s = setup.session_expiry_s.unwrap_or(config.session_expiry_s);
    config.exclusive_client_ids = setup.exclusive_client_ids;
    config.aws_rates = setup.aws_rates;
    (IotCore::open(config, parts).await.unwrap(), clock)
}

pub(crate) struct World {
    pub(crate) core: IotCore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    pub(crate) data: Arc<TempDir>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        Self::at(Arc::new(TempDir::new().unwrap()), setup).await
    }

    pub(crate) async fn at(data: Arc<TempDir>, setup: Setup) -> Self {
        let (core, clock) = open(&data.path().join("iot"), setup).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = {
            let core = core.clone();
            tokio::spawn(async move {
                let shutdown = async {
                    let _dropped = stopped.await;
                };
                core.serve(listener, shutdown).await.unwrap();
            })
        };
        Self { core, clock, address, data, stop, serving }
    }

    /// Graceful; gives the data directory.
    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        self.data
    }

    /// As if the process were killed: no connection is ended, nothing is marked.
    pub(crate) async fn kill(self) -> Arc<TempDir> {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
        self.data
    }

    /// A thing with an active certificate that may do everything.
    pub(crate) async fn device(&self, name: &str) -> Identity {
        self.device_with(name, ALLOW_ALL).await
    }

    /// A thing with an active certificate under a policy of its own.
    pub(crate) async fn device_with(&self, name: &str, policy: &str) -> Identity {
        let made = self.core.create_keys_and_certificate(true).await.unwrap();
        let thing = ThingName::parse(name).unwrap();
        self.core.create_thing(thing.clone(), BTreeMap::new()).await.unwrap();
        self.core.attach_thing(thing, made.certificate_id).await.unwrap();
        let policy_name = format!("policy-{name}");
        self.core.put_policy(&policy_name, policy).await.unwrap();
        self.core.attach_policy(&policy_name, made.certificate_id).await.unwrap();
        self.identity(name, made.certificate_id, &made.certificate_pem, &made.private_key_pem)
    }

    pub(crate) fn identity(&self, name: &str, id: CertificateId, certificate: &str, key: &str) -> Identity {
        Identity {
            name: name.into(),
            id,
            root: self.core.root_ca_pem().into(),
            certificate: certificate.into(),
            key: key.into(),
            address: self.address,
        }
    }

    /// Waits until the broker has no connection of this client left.
    pub(crate) async fn gone(&self, client_id: &str) {
        timeout(PATIENCE, async {
            while self.core.connection(client_id).is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) id: CertificateId,
    pub(crate) root: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) address: SocketAddr,
}

impl Identity {
    pub(crate) fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(self.name.clone(), ("127.0.0.1", self.address.port()));
        options.set_transport(Transport::Tls(TlsConfiguration::Simple {
            ca: self.root.clone().into_bytes(),
            alpn: None,
            client_auth: Some((self.certificate.clone().into_bytes(), self.key.clone().into_bytes())),
        }));
        options.set_max_packet_size(256 * 1024, 256 * 1024);
        options
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.options()).await.unwrap()
    }

    pub(crate) async fn connect_persistent(&self) -> Client {
        let mut options = self.options();
        options.set_clean_session(false);
        Client::connect(options).await.unwrap()
    }

    pub(crate) async fn connect_with_will(&self, will: LastWill) -> Client {
        let mut options = self.options();
        options.set_last_will(will);
        Client::connect(options).await.unwrap()
    }

    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }
}

/// A device: its event loop runs in a task until the connection ends.
pub(crate) struct Client {
    pub(crate) mqtt: AsyncClient,
    pub(crate) session_present: bool,
    messages: mpsc::UnboundedReceiver<Publish>,
    running: JoinHandle<ConnectionError>,
}

impl Client {
    pub(crate) async fn connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        install_provider();
        let (mqtt, mut events) = AsyncClient::builder(options).capacity(2000).build();
        let session_present = loop {
            if let Event::Incoming(Packet::ConnAck(ConnAck { code, session_present })) =
                timeout(PATIENCE, events.poll()).await.unwrap()?
            {
                assert_eq!(code, ConnectReturnCode::Success);
                break session_present;
            }
        };
        let (sender, messages) = mpsc::unbounded_channel();
        let running = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let _nobody_listens = sender.send(publish);
                    }
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        });
        Ok(Self { mqtt, session_present, messages, running })
    }

    pub(crate) async fn subscribe(&self, filter: &str, qos: QoS) -> Vec<SubscribeReasonCode> {
        let notice = self.mqtt.subscribe_tracked(filter, qos).await.unwrap();
        timeout(PATIENCE, notice.wait_async()).await.unwrap().unwrap().return_codes
    }

    /// Publishes, and waits for the PUBACK if there is to be one.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: QoS) {
        self.publish_with(topic, payload, PublishOptions::new(qos)).await;
    }

    pub(crate) async fn publish_with(&self, topic: &str, payload: impl Into<Vec<u8>>, options: PublishOptions) {
        let notice = self.mqtt.publish_tracked(topic, payload.into(), options).await.unwrap();
        timeout(PATIENCE, notice.wait_completion_async()).await.unwrap().unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Publish {
        timeout(PATIENCE, self.messages.recv()).await.unwrap().unwrap()
    }

    /// Topic and payload of the next message.
    pub(crate) async fn receive_text(&mut self) -> (String, String) {
        let publish = self.receive().await;
        (String::from_utf8(publish.topic.to_vec()).unwrap(), String::from_utf8(publish.payload.to_vec()).unwrap())
    }

    /// The next message's JSON.
    pub(crate) async fn receive_json(&mut self, topic: &str) -> serde_json::Value {
        let (received_on, payload) = self.receive_text().await;
        assert_eq!(received_on, topic);
        serde_json::from_str(&payload).unwrap()
    }

    /// Waits for the end of the connection.
    pub(crate) async fn closed(self) -> ConnectionError {
        timeout(PATIENCE, self.running).await.unwrap().unwrap()
    }

    pub(crate) async fn disconnect(self) {
        self.mqtt.disconnect().await.unwrap();
        self.closed().await;
    }

    /// The connection is lost without a DISCONNECT.
    pub(crate) async fn vanish(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }
}

pub(crate) fn install_provider() {
    let _installed_by_another_test = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Accepts everything, and shows what it was given, in order.
pub(crate) struct Collector(pub(crate) mpsc::UnboundedSender<marvain_iotcore::RuleMessage>);

#[async_trait::async_trait]
impl marvain_iotcore::RuleTarget for Collector {
    async fn deliver(&self, message: marvain_iotcore::RuleMessage) -> Result<(), marvain_iotcore::RuleError> {
        self.0.send(message).map_err(|error| marvain_iotcore::RuleError(error.into()))
    }
}

pub(crate) fn rule(filter: &str) -> (Rule, mpsc::UnboundedReceiver<marvain_iotcore::RuleMessage>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let filter = marvain_iotcore::topic::TopicFilter::parse(filter).unwrap();
    (Rule { name: "collect".into(), filter: Some(filter), target: Arc::new(Collector(sender)), error: None }, receiver)
}

pub(crate) async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    timeout(PATIENCE, receiver.recv()).await.unwrap().unwrap()
}
