//! Versions of provisioning templates. AWS IoT API Reference, `CreateProvisioningTemplateVersion`,
//! `ListProvisioningTemplateVersions`, `DescribeProvisioningTemplateVersion`, `DeleteProvisioningTemplateVersion`. A template has
//! up to [`TEMPLATE_VERSIONS_MAX`](crate::limits::TEMPLATE_VERSIONS_MAX); devices are provisioned by the default one.

use crate::core::IotCore;
use crate::error::Error;
use crate::registry::template_versions::{self, TemplateVersion};
use crate::store::Tx;
use crate::template::Template;

impl IotCore {
    /// Adds a version to a template, in JSON, and makes it the default with `as_default`; gives its number.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Template`], [`Error::VersionsLimitExceeded`], [`Error::Store`].
    pub async fn create_template_version(&self, template: &str, body: &str, as_default: bool) -> Result<u64, Error> {
        Template::parse(body)?;
        let (template, body, now_ms) = (template.to_owned(), body.to_owned(), self.broker.clock.now_ms());
        let job = move |tx: &mut Tx<'_>| template_versions::create(tx.connection, &template, &body, as_default, now_ms);
        self.broker.store.write(job).await
    }

    /// The versions of a template after the number `after` (0 for the first page), in their order, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn list_template_versions(&self, template: &str, after: u64) -> Result<Vec<TemplateVersion>, Error> {
        let template = template.to_owned();
        self.broker.store.read(move |connection| template_versions::list(connection, &template, after)).await
    }

    /// One version of a template, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn get_template_version(&self, template: &str, version: u64) -> Result<Option<TemplateVersion>, Error> {
        let template = template.to_owned();
        Ok(self.broker.store.read(move |connection| template_versions::get(connection, &template, version)).await?)
    }

    /// Deletes a version of a template that is not the default one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_template_version(&self, template: &str, version: u64) -> Result<(), Error> {
        let template = template.to_owned();
        self.broker
            .store
            .write(move |tx: &mut Tx<'_>| template_versions::delete(tx.connection, &template, version))
            .await
    }
}
