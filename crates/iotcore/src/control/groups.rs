//! Static thing groups. AWS IoT API Reference, `CreateThingGroup`, `DescribeThingGroup`, `ListThingGroups`,
//! `UpdateThingGroup`, `DeleteThingGroup`, `AddThingToThingGroup`, `RemoveThingFromThingGroup`, `ListThingsInThingGroup`,
//! `ListThingGroupsForThing`, `AttachPolicy`, `DetachPolicy`, `ListAttachedPolicies`.
//!
//! The policies of a group are those of each connection whose client id is the name of a thing in the group, or in one below
//! it, and whose certificate is attached to that thing. Changes take effect at once, for live connections as well.

use std::collections::BTreeMap;

use crate::core::IotCore;
use crate::error::Error;
use crate::names::ThingName;
use crate::registry::groups::{self, ThingGroup};
use crate::registry::policies;
use crate::store::Tx;

impl IotCore {
    /// Creates a thing group, below `parent` if there is one, for good; one that exists with the same parent and attributes
    /// is left as it is.
    ///
    /// # Errors
    /// [`Error::ThingName`], [`Error::AlreadyExists`], [`Error::NotFound`] for the parent; [`Error::LimitExceeded`] for its
    /// depth and its children; [`Error::Store`].
    pub async fn create_thing_group(
        &self,
        name: &str,
        parent: Option<&str>,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let (name, parent, now_ms) = (name.to_owned(), parent.map(str::to_owned), self.broker.clock.now_ms());
        let job =
            move |tx: &mut Tx<'_>| groups::create(tx.connection, &name, parent.as_deref(), "", &attributes, now_ms);
        self.broker.store.write(job).await
    }

    /// A thing group, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn describe_thing_group(&self, name: &str) -> Result<Option<ThingGroup>, Error> {
        let name = name.to_owned();
        Ok(self.broker.store.read(move |connection| groups::get(connection, &name)).await?)
    }

    /// The thing groups after the name `after` (empty for the first page), in the order of their names, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX): the children of `parent`, with `recursive` all below it, or without
    /// a parent all there are.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_thing_groups(
        &self,
        parent: Option<&str>,
        recursive: bool,
        after: &str,
    ) -> Result<Vec<String>, Error> {
        let (parent, after) = (parent.map(str::to_owned), after.to_owned());
        let read =
            move |connection: &rusqlite::Connection| groups::list(connection, parent.as_deref(), recursive, "", &after);
        Ok(self.broker.store.read(read).await?)
    }

    /// Replaces a thing group's description and attributes; gives its new version.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn update_thing_group(
        &self,
        name: &str,
        description: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<u64, Error> {
        let (name, description) = (name.to_owned(), description.to_owned());
        let job = move |tx: &mut Tx<'_>| groups::update(tx.connection, &name, &description, &attributes);
        self.broker.store.write(job).await
    }

    /// Deletes a thing group without child groups. The things that are in it stay, and lose its policies.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeleteConflict`], [`Error::Store`].
    pub async fn delete_thing_group(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.change(move |tx| groups::delete(tx.connection, &name)).await
    }

    /// Puts a thing into a group.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LimitExceeded`], [`Error::Store`]; [`Error::SameHierarchy`] if it is in another group
    /// that has the same topmost group.
    pub async fn add_thing_to_group(&self, thing: ThingName, group: &str) -> Result<(), Error> {
        let group = group.to_owned();
        self.change(move |tx| groups::add(tx.connection, &thing, &group)).await
    }

    /// Takes a thing out of a group, if it is in it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn remove_thing_from_group(&self, thing: ThingName, group: &str) -> Result<(), Error> {
        let group = group.to_owned();
        self.change(move |tx| groups::remove(tx.connection, &thing, &group)).await
    }

    /// The things in a group, with `recursive` those in all groups below it too, after the name `after` (empty for the first
    /// page), in the order of their names, at most [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn list_things_in_group(
        &self,
        group: &str,
        recursive: bool,
        after: &str,
    ) -> Result<Vec<ThingName>, Error> {
        let (group, after) = (group.to_owned(), after.to_owned());
        let read = move |connection: &rusqlite::Connection| {
            groups::require(connection, &group)?;
            Ok::<_, Error>(groups::things_in(connection, &group, recursive, &after)?)
        };
        self.broker.store.read(read).await
    }

    /// The groups that a thing was put into and those above them, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_groups_of_thing(&self, thing: ThingName) -> Result<Vec<String>, Error> {
        Ok(self.broker.store.read(move |connection| groups::of_thing(connection, &thing)).await?)
    }

    /// Attaches a policy to a thing group.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LimitExceeded`], [`Error::Store`].
    pub async fn attach_group_policy(&self, policy: &str, group: &str) -> Result<(), Error> {
        let (policy, group) = (policy.to_owned(), group.to_owned());
        self.change(move |tx| policies::attach_to_group(tx.connection, &policy, &group)).await
    }

    /// Detaches a policy from a thing group, if it is attached.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn detach_group_policy(&self, policy: &str, group: &str) -> Result<(), Error> {
        let (policy, group) = (policy.to_owned(), group.to_owned());
        self.change(move |tx| policies::detach_from_group(tx.connection, &policy, &group)).await
    }

    /// The names of the policies attached to a thing group itself.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_group_policies(&self, group: &str) -> Result<Vec<String>, Error> {
        let group = group.to_owned();
        Ok(self.broker.store.read(move |connection| policies::of_group(connection, &group)).await?)
    }
}
