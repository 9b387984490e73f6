//! The versions of provisioning templates, of which one is the default: the one that provisioning goes by. Ids go up from 1;
//! none is given twice.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::templates::require;
use crate::error::Error;
use crate::limits::{PAGE_ITEMS_MAX, TEMPLATE_VERSIONS_MAX};
use crate::store::StoreError;

/// One version of a provisioning template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Its number.
    pub version: u64,
    /// Its body, in JSON.
    pub body: String,
    /// Whether it is the one that provisioning goes by.
    pub is_default: bool,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
}

fn missing(template: &str, version: u64) -> Error {
    Error::NotFound { kind: "template version", name: format!("{template}/{version}") }
}

/// Adds a version to a template; gives its number. The caller has checked the body. API Reference,
/// `CreateProvisioningTemplateVersion`.
pub(crate) fn create(
    connection: &Connection,
    template: &str,
    body: &str,
    is_default: bool,
    now_ms: u64,
) -> Result<u64, Error> {
    require(connection, template)?;
    let present: i64 = connection
        .prepare_cached("SELECT count(*) FROM template_versions WHERE template = ?1")?
        .query_row([template], |row| row.get(0))?;
    if present.unsigned_abs() >= TEMPLATE_VERSIONS_MAX {
        return Err(Error::VersionsLimitExceeded {
            kind: "template",
            name: template.into(),
            max: TEMPLATE_VERSIONS_MAX,
        });
    }
    let version: i64 = connection
        .prepare_cached("UPDATE templates SET last_version = last_version + 1 WHERE name = ?1 RETURNING last_version")?
        .query_row([template], |row| row.get(0))?;
    connection
        .prepare_cached("INSERT INTO template_versions (template, version, body, created_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![template, version, body, now_ms as i64])?;
    let version = version.unsigned_abs();
    if is_default {
        set_default(connection, template, version, now_ms)?;
    }
    Ok(version)
}

/// Versions of a template after the number `after`, in their order, at most [`PAGE_ITEMS_MAX`]. API Reference,
/// `ListProvisioningTemplateVersions`.
pub(crate) fn list(connection: &Connection, template: &str, after: u64) -> Result<Vec<TemplateVersion>, Error> {
    require(connection, template)?;
    let mut select = connection.prepare_cached(
        "SELECT v.version, v.body, v.version = t.default_version, v.created_ms
         FROM template_versions AS v JOIN templates AS t ON t.name = v.template
         WHERE t.name = ?1 AND v.version > ?2 ORDER BY v.version LIMIT ?3",
    )?;
    let versions = select.query_map(params![template, after as i64, PAGE_ITEMS_MAX as i64], version_of)?;
    Ok(versions.collect::<Result<_, _>>()?)
}

/// One version of a template. API Reference, `DescribeProvisioningTemplateVersion`.
pub(crate) fn get(
    connection: &Connection,
    template: &str,
    version: u64,
) -> Result<Option<TemplateVersion>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT v.version, v.body, v.version = t.default_version, v.created_ms
             FROM template_versions AS v JOIN templates AS t ON t.name = v.template
             WHERE t.name = ?1 AND v.version = ?2",
        )?
        .query_row(params![template, version as i64], version_of)
        .optional()?)
}

fn version_of(row: &Row<'_>) -> rusqlite::Result<TemplateVersion> {
    Ok(TemplateVersion {
        version: row.get::<_, i64>(0)?.unsigned_abs(),
        body: row.get(1)?,
        is_default: row.get(2)?,
        created_ms: row.get::<_, i64>(3)?.unsigned_abs(),
    })
}

fn found(connection: &Connection, template: &str, version: u64) -> Result<TemplateVersion, Error> {
    get(connection, template, version)?.ok_or_else(|| missing(template, version))
}

/// Makes a version the default. API Reference, `UpdateProvisioningTemplate`.
pub(crate) fn set_default(connection: &Connection, template: &str, version: u64, now_ms: u64) -> Result<(), Error> {
    if found(connection, template, version)?.is_default {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE templates SET default_version = ?2, updated_ms = ?3 WHERE name = ?1")?
        .execute(params![template, version as i64, now_ms as i64])?;
    Ok(())
}

/// Deletes a version that is not the default one. API Reference, `DeleteProvisioningTemplateVersion`.
pub(crate) fn delete(connection: &Connection, template: &str, version: u64) -> Result<(), Error> {
    if found(connection, template, version)?.is_default {
        let hint = "it is the default: make another one the default first, or delete the template";
        return Err(Error::DeleteConflict { kind: "template version", name: format!("{template}/{version}"), hint });
    }
    connection
        .prepare_cached("DELETE FROM template_versions WHERE template = ?1 AND version = ?2")?
        .execute(params![template, version as i64])?;
    Ok(())
}
