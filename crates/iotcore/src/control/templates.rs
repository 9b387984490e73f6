//! Provisioning templates and claims. AWS IoT API Reference, `CreateProvisioningTemplate`, `DescribeProvisioningTemplate`,
//! `ListProvisioningTemplates`, `UpdateProvisioningTemplate`, `DeleteProvisioningTemplate`, `CreateProvisioningClaim`.

use serde_json::json;

use super::KeysAndCertificate;
use crate::ca::Issued;
use crate::core::IotCore;
use crate::error::Error;
use crate::ids::Status;
use crate::limits::TEMPORARY_CLAIM_MS;
use crate::registry::templates::{self, ProvisioningTemplate, TemplateSettings};
use crate::registry::{certificates, policies, template_versions};
use crate::store::Tx;
use crate::template::Template;

impl IotCore {
    /// Sees to it that there is a provisioning template of this name with this body, in JSON: creates it, enabled, or replaces
    /// the body of its default version in place.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Template`], [`Error::Store`].
    pub async fn put_template(&self, name: &str, body: &str) -> Result<(), Error> {
        Template::parse(body)?;
        let (name, body, now_ms) = (name.to_owned(), body.to_owned(), self.broker.clock.now_ms());
        self.broker.store.write(move |tx: &mut Tx<'_>| templates::put(tx.connection, &name, &body, now_ms)).await
    }

    /// Creates a provisioning template with a body in JSON.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Template`], [`Error::AlreadyExists`], [`Error::Store`].
    pub async fn create_template(&self, name: &str, body: &str, settings: TemplateSettings) -> Result<(), Error> {
        Template::parse(body)?;
        let (name, body, now_ms) = (name.to_owned(), body.to_owned(), self.broker.clock.now_ms());
        let job = move |tx: &mut Tx<'_>| templates::create(tx.connection, &name, &body, &settings, now_ms);
        self.broker.store.write(job).await
    }

    /// Changes what is said about a provisioning template and, if `default_version` is given, by which version of it devices
    /// are provisioned.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn update_template(
        &self,
        name: &str,
        change: impl FnOnce(&mut TemplateSettings) + Send + 'static,
        default_version: Option<u64>,
    ) -> Result<(), Error> {
        let (name, now_ms) = (name.to_owned(), self.broker.clock.now_ms());
        let job = move |tx: &mut Tx<'_>| {
            let template = templates::get(tx.connection, &name)?.ok_or_else(|| Error::not_found("template", &name))?;
            let mut settings = template.settings;
            change(&mut settings);
            templates::update(tx.connection, &name, &settings, now_ms)?;
            match default_version {
                Some(version) => template_versions::set_default(tx.connection, &name, version, now_ms),
                None => Ok(()),
            }
        };
        self.broker.store.write(job).await
    }

    /// A provisioning template, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn get_template(&self, name: &str) -> Result<Option<ProvisioningTemplate>, Error> {
        let name = name.to_owned();
        Ok(self.broker.store.read(move |connection| templates::get(connection, &name)).await?)
    }

    /// The provisioning templates after the name `after` (empty for the first page), in the order of their names, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_templates(&self, after: &str) -> Result<Vec<ProvisioningTemplate>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| templates::list(connection, &after)).await?)
    }

    /// Deletes a provisioning template with all its versions.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn delete_template(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.broker.store.write(move |tx: &mut Tx<'_>| templates::delete(tx.connection, &name)).await
    }

    /// Makes a claim for a template that ends by itself after [`TEMPORARY_CLAIM_MS`], and says when, in milliseconds since 1970.
    /// Its policy is `provisioning-claim-{template}`, which is made if there is none: it allows provisioning by that template
    /// and nothing else. Developer Guide, "Provisioning by trusted user".
    ///
    /// # Errors
    /// [`Error::NotFound`] for the template, [`Error::Ca`], [`Error::Store`].
    pub async fn create_temporary_claim(&self, template: &str) -> Result<(KeysAndCertificate, u64), Error> {
        let now_ms = self.broker.clock.now_ms();
        let expires_ms = now_ms.saturating_add(TEMPORARY_CLAIM_MS);
        let (issued, private_key_pem) = self.broker.ca.client_until(expires_ms)?;
        let (policy, document) = (format!("provisioning-claim-{template}"), claim_policy(template));
        let template = template.to_owned();
        let claim = move |tx: &mut Tx<'_>| {
            templates::require(tx.connection, &template)?;
            if policies::get(tx.connection, &policy)?.is_none() {
                policies::put(tx.connection, &policy, &document, now_ms)?;
            }
            certificates::register(tx.connection, &issued, Status::Active, now_ms)?;
            certificates::expire(tx.connection, issued.id, expires_ms)?;
            policies::attach(tx.connection, &policy, issued.id)?;
            Ok(issued)
        };
        let Issued { id, pem } = self.change(claim).await?;
        Ok((KeysAndCertificate { certificate_id: id, certificate_pem: pem, private_key_pem }, expires_ms))
    }

    /// Makes a claim for a template: an active certificate with the policy named `policy`, which should allow nothing but
    /// provisioning by that template.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the template or the policy, [`Error::Ca`], [`Error::Store`].
    pub async fn create_provisioning_claim(&self, template: &str, policy: &str) -> Result<KeysAndCertificate, Error> {
        let (issued, private_key_pem) = self.broker.ca.client()?;
        let (template, policy, now_ms) = (template.to_owned(), policy.to_owned(), self.broker.clock.now_ms());
        let claim = move |tx: &mut Tx<'_>| {
            templates::require(tx.connection, &template)?;
            certificates::register(tx.connection, &issued, Status::Active, now_ms)?;
            policies::attach(tx.connection, &policy, issued.id)?;
            Ok(issued)
        };
        let Issued { id, pem } = self.change(claim).await?;
        Ok(KeysAndCertificate { certificate_id: id, certificate_pem: pem, private_key_pem })
    }
}

/// What AWS's provisioning clients do, under any client id. Developer Guide, "Device provisioning MQTT API".
fn claim_policy(template: &str) -> String {
    let of = |kind: &str| {
        ["certificates/create", "certificates/create-from-csr", &format!("provisioning-templates/{template}/provision")]
            .map(|topic| format!("arn:aws:iot:*:*:{kind}/$aws/{topic}/*"))
    };
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": of("topic")},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": of("topicfilter")},
    ]})
    .to_string()
}
