//! The server's side of mutual TLS. Whether the certificate of a peer that gets through is registered and active is asked of the
//! registry right after.

mod clients;

pub(crate) use clients::{Foreign, is_usable, verifier};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;

use crate::ca::{Ca, CaError};
use crate::ports::Clock;

/// What a client may say it speaks, if it says anything: AWS's name for MQTT with a client certificate (Developer Guide,
/// "Protocols, port mappings, and authentication"), and the registered one, which clients offer that know nothing of AWS.
const ALPN: [&[u8]; 2] = [b"x-amzn-mqtt-ca", b"mqtt"];

/// Why the TLS server could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The server's certificate could not be made.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The TLS library refused the configuration.
    #[error("the TLS configuration was refused")]
    Config(#[source] rustls::Error),
    /// The TLS library refused the root.
    #[error("the root certificate was refused as trust anchor")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}

/// TLS 1.2 and 1.3 for `hosts`, this machine's loopback names among them.
pub(crate) fn server_config(
    ca: &Ca,
    foreign: &Arc<Foreign>,
    hosts: &[String],
    clock: Arc<dyn Clock>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(ca, foreign, Arc::clone(&provider), false)?;
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    names.extend(hosts.iter().filter(|host| !names.contains(host)).cloned().collect::<Vec<_>>());
    let (certificate, key) = ca.server(names)?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(Now(clock)))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .map_err(TlsError::Config)?;
    config.alpn_protocols = ALPN.map(Vec::from).into();
    // No resumption: every connection shows its certificate anew, so an expired one cannot live on in a ticket.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

struct Now(Arc<dyn Clock>);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now_ms())))
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}
