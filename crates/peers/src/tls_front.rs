//! TLS before a PostgreSQL server that has none: answers `SSLRequest` and hands on what comes through the handshake.
//!
//! The protocol is PostgreSQL's own ("SSL Session Encryption" in its chapter on the frontend/backend protocol). What begins
//! otherwise is dropped. It runs on a thread of its own, because the tests that share a server have a runtime each.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{net::Ipv4Addr, sync::Arc, thread};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

/// Length and code of an `SSLRequest`.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// The front; gone when it is dropped.
pub(crate) struct TlsFront {
    port: u16,
    root_pem: String,
    _stop: oneshot::Sender<()>,
}

impl TlsFront {
    pub(crate) fn start(server: u16) -> Self {
        let (acceptor, root_pem) = acceptor();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let port = listener.local_addr().expect("a bound address").port();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let serve = async {
                    while let Ok((client, _)) = listener.accept().await {
                        let acceptor = acceptor.clone();
                        tokio::spawn(async move {
                            // A client that goes away is no failure of the front.
                            drop(hand_on(client, &acceptor, server).await);
                        });
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port, root_pem, _stop: stop }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }
}

async fn hand_on(mut client: TcpStream, acceptor: &TlsAcceptor, server: u16) -> std::io::Result<()> {
    let mut request = [0; SSL_REQUEST.len()];
    client.read_exact(&mut request).await?;
    if request != SSL_REQUEST {
        return Ok(());
    }
    client.write_all(b"S").await?;
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// What answers handshakes for `localhost`, and the root that it verifies with.
fn acceptor() -> (TlsAcceptor, String) {
    let mut root = CertificateParams::new(Vec::new()).expect("parameters");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &root).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), root.pem())
}
