//! Things and the certificates attached to them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::ids::CertificateId;
use crate::limits::PAGE_ITEMS_MAX;
use crate::names::ThingName;
use crate::store::StoreError;

/// A registered thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its name.
    pub name: ThingName,
    /// Its type, if it has one.
    pub type_name: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// 1, and one more with every update.
    pub version: u64,
}

/// Which things are asked for: those that agree with all that is said.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) type_name: Option<String>,
    /// Has an attribute of this name.
    pub(crate) attribute: Option<String>,
    /// That attribute has this value.
    pub(crate) value: Option<String>,
    /// Or begins with it.
    pub(crate) is_prefix: bool,
}

/// Creates a thing; one that exists with the same type and attributes is left as it is. API Reference, `CreateThing`.
pub(crate) fn create(
    connection: &Connection,
    name: &ThingName,
    type_name: Option<&str>,
    attributes: &BTreeMap<String, String>,
    now_ms: u64,
) -> Result<(), Error> {
    if let Some(thing) = get(connection, name)? {
        if thing.type_name.as_deref() == type_name && thing.attributes == *attributes {
            return Ok(());
        }
        return Err(Error::AlreadyExists { kind: "thing", name: name.to_string() });
    }
    put(connection, name, type_name, attributes, now_ms)?;
    Ok(())
}

/// Creates or replaces a thing's type and attributes.
pub(crate) fn put(
    connection: &Connection,
    name: &ThingName,
    type_name: Option<&str>,
    attributes: &BTreeMap<String, String>,
    now_ms: u64,
) -> Result<(), StoreError> {
    let attributes = serde_json::to_string(attributes).map_err(|error| StoreError::Value(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO things (name, type_name, attributes, created_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET type_name = excluded.type_name, attributes = excluded.attributes,
                 version = version + 1",
        )?
        .execute(params![name.as_str(), type_name, attributes, now_ms as i64])?;
    Ok(())
}

/// Replaces the type and attributes of a thing that exists. API Reference, `UpdateThing`.
pub(crate) fn update(
    connection: &Connection,
    name: &ThingName,
    type_name: Option<&str>,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let thing = get(connection, name)?.ok_or_else(|| Error::not_found("thing", name.as_str()))?;
    Ok(put(connection, name, type_name, attributes, thing.created_ms)?)
}

pub(crate) fn get(connection: &Connection, name: &ThingName) -> Result<Option<Thing>, StoreError> {
    connection
        .prepare_cached("SELECT name, type_name, attributes, created_ms, version FROM things WHERE name = ?1")?
        .query_row([name.as_str()], |row| Ok(thing(row)))
        .optional()?
        .transpose()
}

/// The thing must exist.
pub(crate) fn require(connection: &Connection, name: &ThingName) -> Result<(), Error> {
    get(connection, name)?.map(drop).ok_or_else(|| Error::not_found("thing", name.as_str()))
}

/// The thing must exist, and have the version that is expected if one is.
pub(crate) fn expect_version(connection: &Connection, name: &ThingName, expected: Option<u64>) -> Result<(), Error> {
    let thing = get(connection, name)?.ok_or_else(|| Error::not_found("thing", name.as_str()))?;
    match expected {
        Some(expected) if expected != thing.version => {
            Err(Error::VersionConflict { kind: "thing", name: name.to_string(), version: thing.version })
        }
        _ => Ok(()),
    }
}

/// Things after the name `after`, in the order of their names, at most [`PAGE_ITEMS_MAX`]. API Reference, `ListThings`.
pub(crate) fn list(connection: &Connection, filter: &Filter, after: &str) -> Result<Vec<Thing>, StoreError> {
    let Filter { type_name, attribute, value, is_prefix } = filter;
    connection
        .prepare_cached(
            "SELECT name, type_name, attributes, created_ms, version FROM things
             WHERE name > ?1 AND (?3 IS NULL OR type_name = ?3) AND (?4 IS NULL OR EXISTS (
                 SELECT 1 FROM json_each(things.attributes) AS a WHERE a.key = ?4
                 AND (?5 IS NULL OR a.value = ?5 OR (?6 AND substr(a.value, 1, length(?5)) = ?5))
             )) ORDER BY name LIMIT ?2",
        )?
        .query_map(params![after, PAGE_ITEMS_MAX as i64, type_name, attribute, value, is_prefix], |row| Ok(thing(row)))?
        .map(|row| row?)
        .collect()
}

fn thing(row: &Row<'_>) -> Result<Thing, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    Ok(Thing {
        name: ThingName::parse(&row.get::<_, String>(0)?).map_err(|error| value(&error))?,
        type_name: row.get(1)?,
        attributes: serde_json::from_str(&row.get::<_, String>(2)?).map_err(|error| value(&error))?,
        created_ms: row.get::<_, i64>(3)?.unsigned_abs(),
        version: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

/// Deletes a thing to which no certificate is attached. API Reference, `DeleteThing`. Its shadows stay, as AWS keeps them.
pub(crate) fn delete(connection: &Connection, name: &ThingName) -> Result<(), Error> {
    if !principals(connection, name)?.is_empty() {
        let hint = "detach its certificates first";
        return Err(Error::DeleteConflict { kind: "thing", name: name.to_string(), hint });
    }
    match connection.prepare_cached("DELETE FROM things WHERE name = ?1")?.execute([name.as_str()])? {
        0 => Err(Error::not_found("thing", name.as_str())),
        _ => Ok(()),
    }
}

/// Attaches a certificate; both must exist. API Reference, `AttachThingPrincipal`.
pub(crate) fn attach(connection: &Connection, name: &ThingName, id: CertificateId) -> Result<(), Error> {
    require(connection, name)?;
    super::certificates::require(connection, id)?;
    connection
        .prepare_cached("INSERT INTO thing_principals (thing, certificate_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![name.as_str(), id.to_string()])?;
    Ok(())
}

/// Detaches a certificate, if it is attached.
pub(crate) fn detach(connection: &Connection, name: &ThingName, id: CertificateId) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM thing_principals WHERE thing = ?1 AND certificate_id = ?2")?
        .execute(params![name.as_str(), id.to_string()])?;
    Ok(())
}

/// The certificates attached to a thing.
pub(crate) fn principals(connection: &Connection, name: &ThingName) -> Result<Vec<CertificateId>, StoreError> {
    connection
        .prepare_cached("SELECT certificate_id FROM thing_principals WHERE thing = ?1 ORDER BY certificate_id")?
        .query_map([name.as_str()], |row| row.get::<_, String>(0))?
        .map(|id| id?.parse().map_err(|error| StoreError::Value(format!("{error}"))))
        .collect()
}

/// The things that a certificate is attached to, after the name `after`, in the order of their names, at most
/// [`PAGE_ITEMS_MAX`]; it must be registered. API Reference, `ListPrincipalThings`.
pub(crate) fn of_principal(connection: &Connection, id: CertificateId, after: &str) -> Result<Vec<ThingName>, Error> {
    super::certificates::require(connection, id)?;
    connection
        .prepare_cached(
            "SELECT thing FROM thing_principals WHERE certificate_id = ?1 AND thing > ?2 ORDER BY thing LIMIT ?3",
        )?
        .query_map(params![id.to_string(), after, PAGE_ITEMS_MAX as i64], |row| row.get::<_, String>(0))?
        .map(|name| ThingName::parse(&name?).map_err(|error| StoreError::Value(error.to_string()).into()))
        .collect()
}
