//! Certificates. AWS IoT API Reference, `CreateKeysAndCertificate`, `CreateCertificateFromCsr`, `DescribeCertificate`,
//! `ListCertificates`, `UpdateCertificate`, `DeleteCertificate`.

use std::sync::Arc;

use crate::broker::CloseReason;
use crate::ca::Issued;
use crate::core::IotCore;
use crate::error::Error;
use crate::ids::{CertificateId, Status};
use crate::registry::certificates::{self, Certificate};
use crate::store::{StoreError, Tx};

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
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_certificate(&self, id: CertificateId) -> Result<(), Error> {
        self.change(move |tx| certificates::delete(tx.connection, id)).await
    }
}
