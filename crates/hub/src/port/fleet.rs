//! The fleet's control plane: certificates and things.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::id::SatelliteId;

/// All that an MQTT client needs to connect. The private key is shown once and kept nowhere.
#[derive(Clone)]
pub struct Bundle {
    /// Hex SHA-256 of the certificate's DER.
    pub certificate_id: String,
    /// PEM.
    pub certificate_pem: String,
    /// PEM, PKCS#8.
    pub private_key_pem: String,
    /// PEM of the broker's root.
    pub root_ca_pem: String,
    /// Host that the broker answers to.
    pub endpoint: String,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("certificate_id", &self.certificate_id).finish_non_exhaustive()
    }
}

/// Why the control plane did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{what} failed")]
pub struct FleetError {
    /// What.
    pub what: String,
    /// Why.
    #[source]
    pub source: Cause,
}

/// The fleet's control plane.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// A claim certificate: good for fleet provisioning and nothing else.
    async fn create_claim(&self) -> Result<Bundle, FleetError>;
    /// A thing with a certificate of its own, attached and active. For a thing that exists, another certificate.
    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError>;
}
