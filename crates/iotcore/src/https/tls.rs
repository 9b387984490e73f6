//! The server's side of TLS: the certificate of the MQTT listener, but a client certificate is optional.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use tokio_rustls::TlsAcceptor;

use crate::broker::Broker;
use crate::error::Error;
use crate::tls::{self, TlsError};

/// What a client may say it speaks, if it says anything. `x-amzn-http-ca` is AWS's name for HTTP with a client certificate on
/// port 443. Developer Guide, "Protocols, port mappings, and authentication".
const ALPN: [&[u8]; 2] = [b"http/1.1", b"x-amzn-http-ca"];

pub(super) fn acceptor(broker: &Broker) -> Result<TlsAcceptor, Error> {
    let mqtt = broker.tls.config();
    let provider = Arc::clone(mqtt.crypto_provider());
    let verifier = tls::verifier(&broker.ca, &broker.foreign, Arc::clone(&provider), true)?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::clone(&mqtt.time_provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(&mqtt.cert_resolver));
    config.alpn_protocols = ALPN.map(Vec::from).into();
    // As for MQTT: every connection shows its certificate anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
