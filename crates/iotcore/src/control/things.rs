//! Things. AWS IoT API Reference, `CreateThing`, `DescribeThing`, `ListThings`, `UpdateThing`, `DeleteThing`,
//! `AttachThingPrincipal`, `DetachThingPrincipal`, `ListThingPrincipals`, `ListPrincipalThings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::Broker;
use crate::core::IotCore;
use crate::error::Error;
use crate::ids::CertificateId;
use crate::names::ThingName;
use crate::registry::things::{self, Filter, Thing};
use crate::store::Tx;
use crate::{jobs, presence};

impl IotCore {
    /// Creates a thing; one that exists with the same attributes is left as it is.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Store`].
    pub async fn create_thing(&self, name: ThingName, attributes: BTreeMap<String, String>) -> Result<(), Error> {
        let now_ms = self.broker.clock.now_ms();
        let job = move |tx: &mut Tx<'_>| things::create(tx.connection, &name, None, &attributes, now_ms);
        self.broker.store.write(job).await
    }

    /// A thing, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn describe_thing(&self, name: ThingName) -> Result<Option<Thing>, Error> {
        Ok(self.broker.store.read(move |connection| things::get(connection, &name)).await?)
    }

    /// The things after the name `after` (empty for the first page), in the order of their names, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_things(&self, after: &str) -> Result<Vec<Thing>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| things::list(connection, &Filter::default(), &after)).await?)
    }

    /// Replaces a thing's type and attributes, which policies can ask about.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn update_thing(
        &self,
        name: ThingName,
        type_name: Option<String>,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        self.change(move |tx| things::update(tx.connection, &name, type_name.as_deref(), &attributes)).await
    }

    /// Deletes a thing to which no certificate is attached, and takes it out of its groups; what is pending of jobs for it is
    /// removed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_thing(&self, name: ThingName) -> Result<(), Error> {
        self.delete_thing_of_version(name, None).await
    }

    /// Likewise, if it has the version that is expected; else [`Error::VersionConflict`].
    pub(crate) async fn delete_thing_of_version(&self, name: ThingName, expected: Option<u64>) -> Result<(), Error> {
        let broker = Arc::clone(&self.broker);
        let delete = move |tx: &mut Tx<'_>| {
            things::expect_version(tx.connection, &name, expected)?;
            delete(tx, &broker, &name)
        };
        self.change(delete).await
    }

    /// Attaches a certificate to a thing, which gives its connections the thing policy variables.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn attach_thing(&self, name: ThingName, certificate: CertificateId) -> Result<(), Error> {
        self.change(move |tx| things::attach(tx.connection, &name, certificate)).await
    }

    /// Detaches a certificate from a thing, if it is attached.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn detach_thing(&self, name: ThingName, certificate: CertificateId) -> Result<(), Error> {
        self.change(move |tx| things::detach(tx.connection, &name, certificate)).await
    }

    /// The certificates attached to a thing.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_thing_certificates(&self, name: ThingName) -> Result<Vec<CertificateId>, Error> {
        Ok(self.broker.store.read(move |connection| things::principals(connection, &name)).await?)
    }
    /// The things that a certificate is attached to, after the name `after` (empty for the first page), in the order of their
    /// names, at most [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn list_certificate_things(&self, id: CertificateId, after: &str) -> Result<Vec<ThingName>, Error> {
        let after = after.to_owned();
        self.broker.store.read(move |connection| things::of_principal(connection, id, &after)).await
    }
}

/// Deletes a thing, and what others keep for it.
fn delete(tx: &mut Tx<'_>, broker: &Arc<Broker>, name: &ThingName) -> Result<(), Error> {
    things::delete(tx.connection, name)?;
    presence::thing_deleted(tx, name)?;
    Ok(jobs::thing_deleted(tx, broker, name)?)
}
