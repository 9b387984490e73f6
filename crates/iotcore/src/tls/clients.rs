//! Which client certificates get through a handshake: our own CA's and, of other CAs or of none, those that were registered one by
//! one; both only in their time. Developer Guide, "Register a client certificate signed by an unregistered CA".
//!
//! That the peer has the certificate's key is verified for both alike. It does not know which certificates are active.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::TlsError;
use crate::ca::Ca;
use crate::ids::CertificateId;

/// The registered certificates that our CA has not issued.
#[derive(Debug, Default)]
pub(crate) struct Foreign(RwLock<HashSet<CertificateId>>);

impl Foreign {
    pub(crate) fn new(ids: impl IntoIterator<Item = CertificateId>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(ids.into_iter().collect())))
    }

    /// Lets the certificate through from now on.
    pub(crate) fn insert(&self, id: CertificateId) {
        self.0.write().insert(id);
    }

    /// Does not let it through any more.
    pub(crate) fn remove(&self, id: CertificateId) {
        self.0.write().remove(&id);
    }

    fn contains(&self, id: CertificateId) -> bool {
        self.0.read().contains(&id)
    }
}

/// Whether the TLS library can verify a signature by this certificate's key: not one that is malformed, or older than version 3.
pub(crate) fn is_usable(der: &CertificateDer<'_>) -> bool {
    ParsedCertificate::try_from(der).is_ok()
}

/// Verifies client certificates; with `optional` a peer may show none.
pub(crate) fn verifier(
    ca: &Ca,
    foreign: &Arc<Foreign>,
    provider: Arc<CryptoProvider>,
    optional: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.root_der().clone()).map_err(TlsError::Config)?;
    let own = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let own = if optional { own.allow_unauthenticated() } else { own };
    let own = own.build().map_err(TlsError::Verifier)?;
    Ok(Arc::new(Verifier { own, foreign: Arc::clone(foreign) }))
}

#[derive(Debug)]
struct Verifier {
    own: Arc<dyn ClientCertVerifier>,
    foreign: Arc<Foreign>,
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        self.own.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.own.client_auth_mandatory()
    }

    /// None: a client would keep back a certificate of another CA.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.foreign.contains(CertificateId::of_der(certificate)) {
            is_in_its_time(certificate, now)?;
            return Ok(ClientCertVerified::assertion());
        }
        self.own.verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.own.supported_verify_schemes()
    }
}

fn is_in_its_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let invalid = Error::InvalidCertificate;
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| invalid(CertificateError::BadEncoding))?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
    let now = now.ok_or_else(|| invalid(CertificateError::BadEncoding))?;
    let validity = certificate.validity();
    match () {
        () if now < validity.not_before => Err(invalid(CertificateError::NotValidYet)),
        () if now > validity.not_after => Err(invalid(CertificateError::Expired)),
        () => Ok(()),
    }
}
