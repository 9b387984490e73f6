//! Static thing groups: a forest of groups, the things in them. Developer Guide, "Static thing groups".

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::things;
use crate::error::Error;
use crate::limits::THING_NAME_BYTES_MAX;
use crate::limits::{GROUP_CHILDREN_MAX, GROUP_DEPTH_MAX, GROUPS_PER_THING_MAX, PAGE_ITEMS_MAX};
use crate::names::{ThingName, checked};
use crate::store::StoreError;

/// A thing group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingGroup {
    /// Its name.
    pub name: String,
    /// The groups above it, the topmost first; the last one is its parent.
    pub ancestors: Vec<String>,
    /// What it is for; empty if nobody said.
    pub description: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// 1, and one more with every update.
    pub version: u64,
}

/// Creates a group below its parent, if it has one; one that exists with the same parent, description and attributes is left
/// as it is. API Reference, `CreateThingGroup`.
pub(crate) fn create(
    connection: &Connection,
    name: &str,
    parent: Option<&str>,
    description: &str,
    attributes: &BTreeMap<String, String>,
    now_ms: u64,
) -> Result<(), Error> {
    checked("group", name, THING_NAME_BYTES_MAX)?;
    if let Some(group) = get(connection, name)? {
        let has_parent = group.ancestors.last().map(String::as_str) == parent;
        if has_parent && group.description == description && group.attributes == *attributes {
            return Ok(());
        }
        return Err(Error::AlreadyExists { kind: "thing group", name: name.into() });
    }
    if let Some(parent) = parent {
        require(connection, parent)?;
        if lineage(connection, parent)?.len() as u64 >= GROUP_DEPTH_MAX {
            return Err(Error::LimitExceeded { what: "thing groups in one line", max: GROUP_DEPTH_MAX });
        }
        let children: i64 = connection
            .prepare_cached("SELECT count(*) FROM thing_groups WHERE parent = ?1")?
            .query_row([parent], |row| row.get(0))?;
        if children.unsigned_abs() >= GROUP_CHILDREN_MAX {
            return Err(Error::LimitExceeded { what: "child groups of a thing group", max: GROUP_CHILDREN_MAX });
        }
    }
    let attributes = serde_json::to_string(attributes).map_err(|error| StoreError::Value(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO thing_groups (name, parent, description, attributes, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![name, parent, description, attributes, now_ms as i64])?;
    Ok(())
}

/// Replaces the description and attributes of a group that exists; gives its new version. API Reference, `UpdateThingGroup`.
pub(crate) fn update(
    connection: &Connection,
    name: &str,
    description: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<u64, Error> {
    let attributes = serde_json::to_string(attributes).map_err(|error| StoreError::Value(error.to_string()))?;
    let version: Option<i64> = connection
        .prepare_cached(
            "UPDATE thing_groups SET description = ?2, attributes = ?3, version = version + 1 WHERE name = ?1
             RETURNING version",
        )?
        .query_row(params![name, description, attributes], |row| row.get(0))
        .optional()?;
    version.map(i64::unsigned_abs).ok_or_else(|| Error::not_found("thing group", name))
}

pub(crate) fn get(connection: &Connection, name: &str) -> Result<Option<ThingGroup>, StoreError> {
    let found: Option<(String, String, i64, i64)> = connection
        .prepare_cached("SELECT description, attributes, created_ms, version FROM thing_groups WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((description, attributes, created_ms, version)) = found else { return Ok(None) };
    let mut ancestors = lineage(connection, name)?;
    ancestors.pop();
    Ok(Some(ThingGroup {
        name: name.into(),
        ancestors,
        description,
        attributes: serde_json::from_str(&attributes).map_err(|error| StoreError::Value(error.to_string()))?,
        created_ms: created_ms.unsigned_abs(),
        version: version.unsigned_abs(),
    }))
}

/// The group must exist.
pub(crate) fn require(connection: &Connection, name: &str) -> Result<(), Error> {
    match connection.prepare_cached("SELECT 1 FROM thing_groups WHERE name = ?1")?.exists([name])? {
        true => Ok(()),
        false => Err(Error::not_found("thing group", name)),
    }
}

/// A group and those above it, the topmost first.
pub(crate) fn lineage(connection: &Connection, name: &str) -> Result<Vec<String>, StoreError> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE line (name, parent, height) AS (
             SELECT name, parent, 0 FROM thing_groups WHERE name = ?1
             UNION ALL
             SELECT g.name, g.parent, l.height + 1 FROM thing_groups AS g JOIN line AS l ON g.name = l.parent
         )
         SELECT name FROM line ORDER BY height DESC",
    )?;
    let names = select.query_map([name], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Groups whose names begin with `prefix`, after the name `after`, in the order of their names, at most [`PAGE_ITEMS_MAX`]:
/// those directly below `parent`, or all below it, or without a parent all there are. API Reference, `ListThingGroups`.
pub(crate) fn list(
    connection: &Connection,
    parent: Option<&str>,
    recursive: bool,
    prefix: &str,
    after: &str,
) -> Result<Vec<String>, StoreError> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE below (name) AS (
             SELECT name FROM thing_groups WHERE ?1 IS NULL OR parent = ?1
             UNION
             SELECT g.name FROM thing_groups AS g JOIN below AS b ON g.parent = b.name WHERE ?2
         )
         SELECT name FROM below WHERE name > ?3 AND substr(name, 1, length(?5)) = ?5 ORDER BY name LIMIT ?4",
    )?;
    let names = select.query_map(params![parent, recursive, after, PAGE_ITEMS_MAX as i64, prefix], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Deletes a group that has no child groups; the things in it lose what it gave them. API Reference, `DeleteThingGroup`.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<(), Error> {
    if connection.prepare_cached("SELECT 1 FROM thing_groups WHERE parent = ?1")?.exists([name])? {
        let hint = "delete its child groups first";
        return Err(Error::DeleteConflict { kind: "thing group", name: name.into(), hint });
    }
    match connection.prepare_cached("DELETE FROM thing_groups WHERE name = ?1")?.execute([name])? {
        0 => Err(Error::not_found("thing group", name)),
        _ => Ok(()),
    }
}

/// Puts a thing into a group; both must exist. API Reference, `AddThingToThingGroup`.
pub(crate) fn add(connection: &Connection, thing: &ThingName, group: &str) -> Result<(), Error> {
    things::require(connection, thing)?;
    require(connection, group)?;
    let groups = direct(connection, thing)?;
    if groups.iter().any(|other| other == group) {
        return Ok(());
    }
    if groups.len() as u64 >= GROUPS_PER_THING_MAX {
        return Err(Error::LimitExceeded { what: "groups of a thing", max: GROUPS_PER_THING_MAX });
    }
    let root = lineage(connection, group)?.into_iter().next();
    for other in groups {
        if lineage(connection, &other)?.into_iter().next() == root {
            return Err(Error::SameHierarchy { thing: thing.to_string(), group: other });
        }
    }
    connection
        .prepare_cached("INSERT INTO group_members (thing, thing_group) VALUES (?1, ?2)")?
        .execute([thing.as_str(), group])?;
    Ok(())
}

/// Takes a thing out of a group, if it is in it. API Reference, `RemoveThingFromThingGroup`.
pub(crate) fn remove(connection: &Connection, thing: &ThingName, group: &str) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM group_members WHERE thing = ?1 AND thing_group = ?2")?
        .execute([thing.as_str(), group])?;
    Ok(())
}

/// The groups that a thing was put into, in the order of their names.
pub(crate) fn direct(connection: &Connection, thing: &ThingName) -> Result<Vec<String>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT thing_group FROM group_members WHERE thing = ?1 ORDER BY thing_group")?;
    let names = select.query_map([thing.as_str()], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The groups that a thing was put into and those above them, in the order of their names. API Reference,
/// `ListThingGroupsForThing`.
pub(crate) fn of_thing(connection: &Connection, thing: &ThingName) -> Result<Vec<String>, StoreError> {
    let mut groups = Vec::new();
    for group in direct(connection, thing)? {
        groups.extend(lineage(connection, &group)?);
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

/// Things in a group, or in it and those below it, after the name `after`, in the order of their names, at most
/// [`PAGE_ITEMS_MAX`]. API Reference, `ListThingsInThingGroup`.
pub(crate) fn things_in(
    connection: &Connection,
    group: &str,
    recursive: bool,
    after: &str,
) -> Result<Vec<ThingName>, StoreError> {
    connection
        .prepare_cached(
            "WITH RECURSIVE below (name) AS (
                 SELECT ?1
                 UNION
                 SELECT g.name FROM thing_groups AS g JOIN below AS b ON g.parent = b.name WHERE ?2
             )
             SELECT DISTINCT thing FROM group_members
             WHERE thing_group IN (SELECT name FROM below) AND thing > ?3 ORDER BY thing LIMIT ?4",
        )?
        .query_map(params![group, recursive, after, PAGE_ITEMS_MAX as i64], |row| row.get::<_, String>(0))?
        .map(|name| ThingName::parse(&name?).map_err(|error| StoreError::Value(error.to_string())))
        .collect()
}
