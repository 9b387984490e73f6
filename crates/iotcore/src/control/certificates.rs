//! Certificates. AWS IoT API Reference, `CreateKeysAndCertificate`, `CreateCertificateFromCsr`,
//! `RegisterCertificateWithoutCA`, `DescribeCertificate`, `ListCertificates`, `UpdateCertificate`, `DeleteCertificate`.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::broker::{Broker, CloseReason};
use crate::ca::Issued;
use crate::certificate::Subject;
use crate::core::IotCore;
use crate::error::Error;
use crate::ids::{CertificateId, Status};
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::registry::certificates::{self, Certificate};
#[cfg(feature = "https")]
use crate::registry::{policies, things};
use crate::store::{StoreError, Tx};
use crate::tls;

/// A new certificate with its private key, which is not kept here.
#[derive(Clone, PartialEq, Eq)]
pub struct KeysAndCertificate {
    /// The certificate's id.
    pub certificate_id: CertificateId,
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// Its private key, P-256 in PKCS #8 PEM.
    pub private_key_pem: String,
}

impl std::fmt::Debug for KeysAndCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeysAndCertificate").field("certificate_id", &self.certificate_id).finish_non_exhaustive()
    }
}

impl IotCore {
    /// Makes and registers a certificate with a new key.
    ///
    /// # Errors
    /// [`Error::Ca`], [`Error::Store`].
    pub async fn create_keys_and_certificate(&self, active: bool) -> Result<KeysAndCertificate, Error> {
        let (issued, private_key_pem) = self.broker.ca.client()?;
        let Issued { id, pem } = self.register(issued, active).await?;
        Ok(KeysAndCertificate { certificate_id: id, certificate_pem: pem, private_key_pem })
    }

    /// Makes and registers a certificate for the key of a certificate signing request in PEM.
    ///
    /// # Errors
    /// [`Error::Ca`], when the request is malformed, wrongly signed or of another kind of key; [`Error::Store`].
    pub async fn create_certificate_from_csr(&self, csr_pem: &str, active: bool) -> Result<Certificate, Error> {
        let issued = self.broker.ca.client_from_csr(csr_pem)?;
        let id = self.register(issued, active).await?.id;
        self.describe_certificate(id).await?.ok_or_else(|| Error::no_certificate(&id))
    }

    /// Registers a certificate in PEM that another CA has issued, or none: who has its key may connect with it from now on, if
    /// it is active and in its time. Nothing is asked of its issuer.
    ///
    /// # Errors
    /// [`Error::Certificate`], [`Error::AlreadyExists`], [`Error::LimitExceeded`], [`Error::Store`]; [`Error::Status`] for a
    /// status that only fleet provisioning sets.
    pub async fn register_certificate_without_ca(&self, pem: &str, status: Status) -> Result<Certificate, Error> {
        if status == Status::PendingActivation {
            return Err(Error::Status);
        }
        let certificate = foreign(pem)?;
        let (id, broker) = (certificate.id, Arc::clone(&self.broker));
        let job = move |tx: &mut Tx<'_>| {
            certificates::register_foreign(tx.connection, &certificate, status, broker.clock.now_ms())?;
            tx.after_commit(move || broker.foreign.insert(id));
            Ok::<_, Error>(())
        };
        self.broker.store.write(job).await?;
        self.describe_certificate(id).await?.ok_or_else(|| Error::no_certificate(&id))
    }

    async fn register(&self, issued: Issued, active: bool) -> Result<Issued, StoreError> {
        let now_ms = self.broker.clock.now_ms();
        let status = if active { Status::Active } else { Status::Inactive };
        let job = move |tx: &mut Tx<'_>| {
            certificates::register(tx.connection, &issued, status, now_ms)?;
            Ok(issued)
        };
        self.broker.store.write(job).await
    }

    /// A certificate, if it is registered.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn describe_certificate(&self, id: CertificateId) -> Result<Option<Certificate>, Error> {
        Ok(self.broker.store.read(move |connection| certificates::get(connection, id)).await?)
    }

    /// The certificates after the id `after` (none for the first page), in the order of their ids, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_certificates(&self, after: Option<CertificateId>) -> Result<Vec<Certificate>, Error> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.broker.store.read(move |connection| certificates::list(connection, &after)).await?)
    }

    /// Sets a certificate's status. When this returns, a certificate that is not active cannot connect, and the end of its
    /// live connections has begun.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Status`] for a status that only fleet provisioning sets; [`Error::Store`].
    pub async fn update_certificate(&self, id: CertificateId, status: Status) -> Result<(), Error> {
        if status == Status::PendingActivation {
            return Err(Error::Status);
        }
        let broker = Arc::clone(&self.broker);
        self.change(move |tx| {
            certificates::set_status(tx.connection, id, status)?;
            if status != Status::Active {
                // With the commit, whether or not the caller still waits for it.
                tx.after_commit(move || broker.live.close_certificate(id, CloseReason::ForbiddenAccess));
            }
            Ok(())
        })
        .await
    }

    /// Deletes a certificate that is not active, with its attachments.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::CertificateActive`], [`Error::Store`].
    pub async fn delete_certificate(&self, id: CertificateId) -> Result<(), Error> {
        let broker = Arc::clone(&self.broker);
        self.change(move |tx| delete(tx, broker, id)).await
    }

    /// The same, but refuses one that is attached to things or, without `force`, to policies.
    #[cfg(feature = "https")]
    pub(crate) async fn delete_unattached_certificate(&self, id: CertificateId, force: bool) -> Result<(), Error> {
        let broker = Arc::clone(&self.broker);
        let job = move |tx: &mut Tx<'_>| {
            let conflict = |hint| Err(Error::DeleteConflict { kind: "certificate", name: id.to_string(), hint });
            let certificate = certificates::get(tx.connection, id)?.ok_or_else(|| Error::no_certificate(&id))?;
            // One that is active is refused for that, whatever it is attached to.
            if certificate.status != Status::Active {
                if !things::of_principal(tx.connection, id, "")?.is_empty() {
                    return conflict("detach it from its things first");
                }
                if !force && !policies::of_certificate(tx.connection, id)?.is_empty() {
                    return conflict("detach its policies first, or delete it with forceDelete");
                }
            }
            delete(tx, broker, id)
        };
        self.change(job).await
    }
}

/// Deletes a certificate, which does not get through a handshake any more.
fn delete(tx: &mut Tx<'_>, broker: Arc<Broker>, id: CertificateId) -> Result<(), Error> {
    certificates::delete(tx.connection, id)?;
    tx.after_commit(move || broker.foreign.remove(id));
    Ok(())
}

/// The one certificate that is in `pem`.
fn foreign(pem: &str) -> Result<Issued, Error> {
    // Nothing else is kept: it might be a key.
    if pem.len() > CERTIFICATE_BYTES_MAX || pem.matches("-----BEGIN").count() != 1 {
        return Err(Error::Certificate);
    }
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Error::Certificate)?;
    if !tls::is_usable(&der) || Subject::parse(&der).is_none() {
        return Err(Error::Certificate);
    }
    Ok(Issued { id: CertificateId::of_der(&der), pem: pem.into() })
}
