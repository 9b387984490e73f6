//! The clients, the same for both brokers: `rumqttc` over rustls, each with a certificate of its own and full handshakes.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnAck, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet,
    Publish, TlsConfiguration, Transport,
};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Result;

/// Everything that is waited for comes within this, or the scenario is not measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// AWS's longest: nothing is sent to keep a connection alive while it is measured.
const KEEP_ALIVE_S: u16 = 1200;
/// AWS's limit of what a client may have unacknowledged.
const IN_FLIGHT_MAX: u16 = 100;

/// What all devices have in common.
pub(crate) struct Devices {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

/// A certificate, ready to connect with.
pub(crate) struct Device(Arc<ClientConfig>);

/// Whether a session, with its messages, outlives the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    Persistent,
    Clean,
}

/// A connected client; its connection ends when it is dropped.
pub(crate) struct Client {
    pub(crate) mqtt: AsyncClient,
    running: JoinHandle<ConnectionError>,
}

impl Devices {
    pub(crate) fn new(root_pem: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes())?)?;
        Ok(Self { roots: Arc::new(roots), provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()) })
    }

    pub(crate) fn device(&self, certificate_pem: &str, key_pem: &str) -> Result<Device> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(vec![certificate], key)?;
        config.resumption = Resumption::disabled();
        Ok(Device(Arc::new(config)))
    }
}

impl Device {
    /// Connects as `client_id`; gives every message to `on_message`.
    pub(crate) async fn connect(
        &self,
        port: u16,
        client_id: String,
        session: Session,
        mut on_message: impl FnMut(&Publish) + Send + 'static,
    ) -> Result<Client> {
        let mut options = MqttOptions::new(client_id, ("127.0.0.1", port));
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::clone(&self.0))));
        options.set_keep_alive(KEEP_ALIVE_S);
        options.set_clean_session(session == Session::Clean);
        options.set_inflight(IN_FLIGHT_MAX);
        let (mqtt, mut events) = AsyncClient::builder(options).capacity(usize::from(IN_FLIGHT_MAX)).build();
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(PATIENCE.as_secs());
        events.set_network_options(network);
        timeout(PATIENCE, accepted(&mut events)).await??;
        let running = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => on_message(&publish),
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        });
        Ok(Client { mqtt, running })
    }
}

async fn accepted(events: &mut EventLoop) -> Result<()> {
    loop {
        match events.poll().await? {
            Event::Incoming(Packet::ConnAck(ConnAck { code: ConnectReturnCode::Success, .. })) => return Ok(()),
            Event::Incoming(Packet::ConnAck(ConnAck { code, .. })) => {
                return Err(format!("the broker refused a connection: {code:?}").into());
            }
            _ => {}
        }
    }
}

impl Client {
    /// Whether the connection has ended without anybody asking for it.
    pub(crate) fn has_ended(&self) -> bool {
        self.running.is_finished()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.running.abort();
    }
}
