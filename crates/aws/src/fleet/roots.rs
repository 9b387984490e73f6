//! The root certificates that AWS's endpoints are known by: Amazon Root CA 1 to 4 ("Server authentication", AWS IoT Core developer
//! guide: all of them should be on a device, because AWS may change from one to another).
//!
//! They come from the list of roots that Mozilla trusts, as the crate `webpki-root-certs` carries it: nothing is fetched when a
//! satellite is made, and a change comes with an update that somebody reads.

use marvain_hub::port::Cause;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// What their subjects' common names begin with.
const NAME: &str = "Amazon Root CA ";
/// How many there are.
const ROOTS: usize = 4;

/// The list of roots is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// One does not parse.
    #[error("a root certificate does not parse")]
    Parse(#[source] Cause),
    /// Some have gone or come.
    #[error("there are {0} Amazon roots where {ROOTS} should be")]
    Count(usize),
}

/// All of them, as PEM, in their order.
///
/// # Errors
/// [`RootsError`]; a test says that it does not come with the version in `Cargo.lock`.
pub fn amazon_roots() -> Result<String, RootsError> {
    let mut roots = Vec::new();
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|e| RootsError::Parse(Box::new(e)))?;
        let name = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok());
        if let Some(name) = name.filter(|name| name.starts_with(NAME)) {
            roots.push((name.to_owned(), pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()))));
        }
    }
    if roots.len() != ROOTS {
        return Err(RootsError::Count(roots.len()));
    }
    roots.sort();
    Ok(roots.into_iter().map(|(_, pem)| pem.replace("\r\n", "\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    use sha2::{Digest, Sha256};

    /// The fingerprints are those of Amazon Trust Services' repository.
    #[test]
    fn they_are_amazons_four() {
        let pem = amazon_roots().unwrap();
        let prints: Vec<String> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(|der| Sha256::digest(der.unwrap()).iter().take(4).map(|byte| format!("{byte:02x}")).collect())
            .collect();
        assert_eq!(prints, ["8ecde688", "1ba5b2aa", "18ce6cfe", "e35d2841"]);
    }
}
