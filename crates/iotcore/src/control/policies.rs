//! Policies. AWS IoT API Reference, `CreatePolicy`, `GetPolicy`, `ListPolicies`, `DeletePolicy`, `AttachPolicy`,
//! `DetachPolicy`, `ListAttachedPolicies`, `ListTargetsForPolicy`. Changes take effect at once, for live connections as well.

use std::sync::Arc;

use crate::core::IotCore;
use crate::error::Error;
use crate::ids::CertificateId;
use crate::registry::policies::{self, Policy, PolicyTarget};
use crate::store::Tx;

impl IotCore {
    /// Creates a policy; one that exists with the same document is left as it is.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Policy`], [`Error::AlreadyExists`], [`Error::Store`].
    pub async fn create_policy(&self, name: &str, document: &str) -> Result<(), Error> {
        let (name, document, now_ms) = (name.to_owned(), document.to_owned(), self.broker.clock.now_ms());
        self.change(move |tx| policies::create(tx.connection, &name, &document, now_ms)).await
    }

    /// Sees to it that there is a policy of this name with this document in force: creates it, or replaces the document of its
    /// default version in place, so that it gets no further version and can still be deleted.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Policy`], [`Error::Store`].
    pub async fn put_policy(&self, name: &str, document: &str) -> Result<(), Error> {
        let (name, document, now_ms) = (name.to_owned(), document.to_owned(), self.broker.clock.now_ms());
        self.change(move |tx| policies::put(tx.connection, &name, &document, now_ms)).await
    }

    /// A policy, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn get_policy(&self, name: &str) -> Result<Option<Policy>, Error> {
        let name = name.to_owned();
        Ok(self.broker.store.read(move |connection| policies::get(connection, &name)).await?)
    }

    /// The policies after the name `after` (empty for the first page), in the order of their names, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_policies(&self, after: &str) -> Result<Vec<Policy>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| policies::list(connection, &after)).await?)
    }

    /// Deletes a policy that is attached to nothing and has no version but its default one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_policy(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.change(move |tx| policies::delete(tx.connection, &name)).await
    }

    /// Attaches a policy to a certificate.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LimitExceeded`], [`Error::Store`].
    pub async fn attach_policy(&self, name: &str, certificate: CertificateId) -> Result<(), Error> {
        let name = name.to_owned();
        self.change(move |tx| policies::attach(tx.connection, &name, certificate)).await
    }

    /// Detaches a policy from a certificate, if it is attached.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn detach_policy(&self, name: &str, certificate: CertificateId) -> Result<(), Error> {
        let name = name.to_owned();
        self.change(move |tx| policies::detach(tx.connection, &name, certificate)).await
    }

    /// The names of the policies attached to a certificate.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_attached_policies(&self, certificate: CertificateId) -> Result<Vec<String>, Error> {
        Ok(self.broker.store.read(move |connection| policies::of_certificate(connection, certificate)).await?)
    }

    /// What a policy is attached to, after `after` (none for the first page): certificates in the order of their ids, then thing
    /// groups in that of their names, at most [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn list_policy_targets(
        &self,
        name: &str,
        after: Option<PolicyTarget>,
    ) -> Result<Vec<PolicyTarget>, Error> {
        let name = name.to_owned();
        self.broker.store.read(move |connection| policies::targets(connection, &name, after.as_ref())).await
    }

    /// Runs `job` and makes every connection look up its permissions again.
    pub(crate) async fn change<T, F>(&self, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    {
        let broker = Arc::clone(&self.broker);
        self.broker
            .store
            .write(move |tx: &mut Tx<'_>| {
                broker.registry_changed(tx);
                job(tx)
            })
            .await
    }
}
