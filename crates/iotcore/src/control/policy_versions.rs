//! Versions of policies. AWS IoT API Reference, `CreatePolicyVersion`, `ListPolicyVersions`, `GetPolicyVersion`,
//! `SetDefaultPolicyVersion`, `DeletePolicyVersion`. A policy has up to
//! [`POLICY_VERSIONS_MAX`](crate::limits::POLICY_VERSIONS_MAX); the default one is in force, at once, for live connections too.

use crate::core::IotCore;
use crate::error::Error;
use crate::registry::policy_versions::{self, PolicyVersion};

impl IotCore {
    /// Adds a version to a policy, and puts it in force with `as_default`; gives its number.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Policy`], [`Error::VersionsLimitExceeded`], [`Error::Store`].
    pub async fn create_policy_version(&self, policy: &str, document: &str, as_default: bool) -> Result<u64, Error> {
        let (policy, document, now_ms) = (policy.to_owned(), document.to_owned(), self.broker.clock.now_ms());
        self.change(move |tx| policy_versions::create(tx.connection, &policy, &document, as_default, now_ms)).await
    }

    /// The versions of a policy, the newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn list_policy_versions(&self, policy: &str) -> Result<Vec<PolicyVersion>, Error> {
        let policy = policy.to_owned();
        self.broker.store.read(move |connection| policy_versions::list(connection, &policy)).await
    }

    /// One version of a policy, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn get_policy_version(&self, policy: &str, version: u64) -> Result<Option<PolicyVersion>, Error> {
        let policy = policy.to_owned();
        Ok(self.broker.store.read(move |connection| policy_versions::get(connection, &policy, version)).await?)
    }

    /// Puts a version of a policy in force.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn set_default_policy_version(&self, policy: &str, version: u64) -> Result<(), Error> {
        let (policy, now_ms) = (policy.to_owned(), self.broker.clock.now_ms());
        self.change(move |tx| policy_versions::set_default(tx.connection, &policy, version, now_ms)).await
    }

    /// Deletes a version of a policy that is not in force.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_policy_version(&self, policy: &str, version: u64) -> Result<(), Error> {
        let policy = policy.to_owned();
        self.change(move |tx| policy_versions::delete(tx.connection, &policy, version)).await
    }
}
