//! The certificate authority: a P-256 root of our own, the server's certificate and the clients'.
//!
//! It does not know which certificates are registered or active: see `registry`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::ids::CertificateId;
use crate::ports::{Clock, Entropy};
use crate::store::{StoreError, file_error, make_directory, private_file};

/// Certificates begin a day ago, for devices whose clock is behind.
const BACKDATE: Duration = Duration::from_secs(24 * 60 * 60);
/// AWS's own client certificates are valid to the end of 2049, and so are these.
const NOT_AFTER_YEAR: i32 = 2050;
/// The subject of every client certificate, as AWS names its own.
pub(crate) const CLIENT_COMMON_NAME: &str = "AWS IoT Certificate";
const RSA_BITS_MIN: usize = 2048;

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The root's files could not be read or written.
    #[error(transparent)]
    File(#[from] StoreError),
    /// The root's files are not a certificate and its key.
    #[error("`{path}` is not the root's certificate and key: restore a backup")]
    Root {
        /// The certificate's file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// The library could not make the certificate.
    #[error("the certificate could not be made")]
    Make(#[source] rcgen::Error),
    /// The certificate signing request is malformed or its signature is wrong.
    #[error("the certificate signing request is not valid")]
    Csr(#[source] rcgen::Error),
    /// The key of the certificate signing request is of another kind.
    #[error("the key of the certificate signing request is not P-256, P-384 or RSA of {RSA_BITS_MIN} bits or more")]
    KeyType,
}

/// A certificate that was made here.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) id: CertificateId,
    pub(crate) pem: String,
}

/// The authority, with its private key.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
    root_der: CertificateDer<'static>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Ca {
    /// Reads the root from `directory`, or makes it there if none of its certificates is `in_use`.
    pub(crate) fn open(
        directory: &Path,
        in_use: bool,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, CaError> {
        make_directory(directory)?;
        let (certificate, key) = (directory.join("root-ca.pem"), directory.join("root-ca.key"));
        if !in_use && !certificate.exists() {
            make_root(&certificate, &key, clock.as_ref(), entropy.as_ref())?;
        }
        let read = |path: &Path| fs::read_to_string(path).map_err(file_error(path));
        let (root_pem, key_pem) = (read(&certificate)?, read(&key)?);
        let damaged = |source| CaError::Root { path: certificate.clone(), source };
        let key = KeyPair::from_pem(&key_pem).map_err(damaged)?;
        let root_der = CertificateDer::from_pem_slice(root_pem.as_bytes())
            .map_err(|_| damaged(rcgen::Error::CouldNotParseCertificate))?
            .into_owned();
        let issuer = Issuer::from_ca_cert_der(&root_der, key).map_err(damaged)?;
        Ok(Self { issuer, root_pem, root_der, clock, entropy })
    }

    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub(crate) fn root_der(&self) -> &CertificateDer<'static> {
        &self.root_der
    }

    /// A new key and certificate for a server that is reached by `hosts` (names or addresses).
    pub(crate) fn server(
        &self,
        hosts: Vec<String>,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Make)?;
        let mut params = self.params("iotcore server")?;
        params.subject_alt_names = CertificateParams::new(hosts).map_err(CaError::Make)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(CaError::Make)?;
        Ok((certificate.into(), key.into()))
    }

    /// A new key and a client certificate for it; the key is in PKCS #8 PEM.
    pub(crate) fn client(&self) -> Result<(Issued, String), CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Make)?;
        Ok((self.issue(&key)?, key.serialize_pem()))
    }

    /// The same, with a certificate that ends so many milliseconds after 1970.
    pub(crate) fn client_until(&self, not_after_ms: u64) -> Result<(Issued, String), CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Make)?;
        let mut params = self.params(CLIENT_COMMON_NAME)?;
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_millis(not_after_ms);
        Ok((self.sign(params, &key)?, key.serialize_pem()))
    }

    /// A client certificate for the key of a certificate signing request in PEM, of which nothing but the key is used.
    pub(crate) fn client_from_csr(&self, csr_pem: &str) -> Result<Issued, CaError> {
        let csr = CertificateSigningRequestParams::from_pem(csr_pem).map_err(CaError::Csr)?;
        self.issue(&key_of(csr)?)
    }

    fn issue(&self, key: &impl PublicKeyData) -> Result<Issued, CaError> {
        self.sign(self.params(CLIENT_COMMON_NAME)?, key)
    }

    fn sign(&self, mut params: CertificateParams, key: &impl PublicKeyData) -> Result<Issued, CaError> {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(key, &self.issuer).map_err(CaError::Make)?;
        Ok(Issued { id: CertificateId::of_der(certificate.der()), pem: certificate.pem() })
    }

    fn params(&self, common_name: &str) -> Result<CertificateParams, CaError> {
        params(common_name, self.clock.as_ref(), self.entropy.as_ref())
    }
}

fn params(common_name: &str, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(CaError::Make)?;
    let mut serial = [0; 16];
    entropy.fill(&mut serial);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_millis(clock.now_ms()).saturating_sub(BACKDATE);
    params.not_after = date_time_ymd(NOT_AFTER_YEAR, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn make_root(certificate: &Path, key: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), CaError> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Make)?;
    let mut params = params("iotcore root CA", clock, entropy)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = params.self_signed(&pair).map_err(CaError::Make)?;
    // The certificate is last: a root without it was never used.
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_private(certificate, root.pem().as_bytes())?;
    Ok(())
}

/// Writes all of a private file, or leaves it as it was.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let unfinished = path.with_extension("unfinished");
    let mut file = private_file(&unfinished)?;
    file.set_len(0)
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(file_error(path))
}

/// The key of a certificate signing request, if it is of a kind that gets a certificate.
fn key_of(csr: CertificateSigningRequestParams) -> Result<rcgen::PublicKey, CaError> {
    check_key(&csr.public_key)?;
    Ok(csr.public_key)
}

/// The same, of a request in DER.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn key_of_csr(der: &[u8]) -> Result<rcgen::PublicKey, CaError> {
    key_of(CertificateSigningRequestParams::from_der(&der.into()).map_err(CaError::Csr)?)
}

/// AWS IoT API Reference, `CreateCertificateFromCsr`: RSA of 2048 bits or more, or ECC on P-256, P-384.
fn check_key(key: &rcgen::PublicKey) -> Result<(), CaError> {
    let spki = key.subject_public_key_info();
    let (_, info) = SubjectPublicKeyInfo::from_der(&spki).map_err(|_| CaError::KeyType)?;
    match info.parsed().map_err(|_| CaError::KeyType)? {
        PublicKey::RSA(rsa) if rsa.key_size() >= RSA_BITS_MIN => Ok(()),
        PublicKey::EC(point) if matches!(point.key_size(), 256 | 384) => Ok(()),
        _ => Err(CaError::KeyType),
    }
}
