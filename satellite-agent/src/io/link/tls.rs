//! TLS 1.2 and 1.3 with a client certificate; the broker must prove itself by the given root and no other.

use crate::config::Endpoint;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the files of an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file is missing, unreadable, or not what it should be.
    #[error("cannot use `{}`", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// A PEM file has no certificate in it.
    #[error("`{}` has no certificate in it", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The certificate and the key do not fit, or the root is none.
    #[error("certificate, key and root cannot be used together")]
    Rustls(#[from] rustls::Error),
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |source| TlsError::Pem { path: path.to_owned(), source };
    let all: Vec<_> = CertificateDer::pem_file_iter(path).map_err(pem)?.collect::<Result<_, _>>().map_err(pem)?;
    if all.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(all) }
}

/// The TLS side of `endpoint`, from its files.
pub(crate) fn client_config(endpoint: &Endpoint) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&endpoint.root_ca)? {
        roots.add(root)?;
    }
    let chain = certificates(&endpoint.certificate)?;
    let path = &endpoint.private_key;
    let key = PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    Ok(Arc::new(config))
}
