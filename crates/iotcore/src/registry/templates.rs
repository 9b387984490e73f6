//! Fleet provisioning templates by name, with the body that provisioning goes by.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::StoreError;

/// A provisioning template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisioningTemplate {
    /// Its name.
    pub name: String,
    /// The body of its default version, in JSON: what provisioning goes by.
    pub body: String,
    /// What else is said about it.
    pub settings: TemplateSettings,
    /// Its default version.
    pub default_version: u64,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it last changed, in milliseconds since 1970.
    pub updated_ms: u64,
}

/// What can be said about a template besides its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSettings {
    /// What it is for; empty if nobody said.
    pub description: String,
    /// Whether devices can be provisioned by it.
    pub enabled: bool,
    /// The role that was named for it, which means nothing here.
    pub role_arn: Option<String>,
}

/// API Reference, `CreateProvisioningTemplate`: 1 to 36 of letters, digits, `_` and `-`.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if (1..=36).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let name = name.chars().take(50).collect();
    Err(Error::Name { kind: "template", name, allowed: "1 to 36 of letters, digits, `_` and `-`" })
}

/// Creates a template, enabled, or replaces the body of its default version. The caller has checked the body.
pub(crate) fn put(connection: &Connection, name: &str, body: &str, now_ms: u64) -> Result<(), Error> {
    check_name(name)?;
    connection
        .prepare_cached(
            "INSERT INTO templates (name, created_ms, updated_ms) VALUES (?1, ?2, ?2)
             ON CONFLICT (name) DO UPDATE SET updated_ms = excluded.updated_ms",
        )?
        .execute(params![name, now_ms as i64])?;
    connection
        .prepare_cached(
            "INSERT INTO template_versions (template, version, body, created_ms)
             SELECT name, default_version, ?2, ?3 FROM templates WHERE name = ?1
             ON CONFLICT (template, version) DO UPDATE SET body = excluded.body",
        )?
        .execute(params![name, body, now_ms as i64])?;
    Ok(())
}

/// Creates a template. The caller has checked the body. API Reference, `CreateProvisioningTemplate`.
pub(crate) fn create(
    connection: &Connection,
    name: &str,
    body: &str,
    settings: &TemplateSettings,
    now_ms: u64,
) -> Result<(), Error> {
    if get(connection, name)?.is_some() {
        return Err(Error::AlreadyExists { kind: "template", name: name.into() });
    }
    put(connection, name, body, now_ms)?;
    update(connection, name, settings, now_ms)
}

/// Replaces what is said about a template. API Reference, `UpdateProvisioningTemplate`.
pub(crate) fn update(
    connection: &Connection,
    name: &str,
    settings: &TemplateSettings,
    now_ms: u64,
) -> Result<(), Error> {
    let TemplateSettings { description, enabled, role_arn } = settings;
    match connection
        .prepare_cached(
            "UPDATE templates SET description = ?2, enabled = ?3, role_arn = ?4, updated_ms = ?5 WHERE name = ?1",
        )?
        .execute(params![name, description, enabled, role_arn, now_ms as i64])?
    {
        0 => Err(Error::not_found("template", name)),
        _ => Ok(()),
    }
}

pub(crate) fn get(connection: &Connection, name: &str) -> Result<Option<ProvisioningTemplate>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT name, body, description, enabled, role_arn, default_version, created_ms, updated_ms
             FROM templates_in_force WHERE name = ?1",
        )?
        .query_row([name], template)
        .optional()?)
}

/// The template must exist.
pub(crate) fn require(connection: &Connection, name: &str) -> Result<(), Error> {
    match connection.prepare_cached("SELECT 1 FROM templates WHERE name = ?1")?.exists([name])? {
        true => Ok(()),
        false => Err(Error::not_found("template", name)),
    }
}

/// Templates after the name `after`, in the order of their names, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list(connection: &Connection, after: &str) -> Result<Vec<ProvisioningTemplate>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT name, body, description, enabled, role_arn, default_version, created_ms, updated_ms
         FROM templates_in_force WHERE name > ?1 ORDER BY name LIMIT ?2",
    )?;
    let templates = select.query_map(params![after, PAGE_ITEMS_MAX as i64], template)?;
    Ok(templates.collect::<Result<_, _>>()?)
}

fn template(row: &Row<'_>) -> rusqlite::Result<ProvisioningTemplate> {
    Ok(ProvisioningTemplate {
        name: row.get(0)?,
        body: row.get(1)?,
        settings: TemplateSettings { description: row.get(2)?, enabled: row.get(3)?, role_arn: row.get(4)? },
        default_version: row.get::<_, i64>(5)?.unsigned_abs(),
        created_ms: row.get::<_, i64>(6)?.unsigned_abs(),
        updated_ms: row.get::<_, i64>(7)?.unsigned_abs(),
    })
}

/// Deletes a template with all its versions.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<(), Error> {
    match connection.prepare_cached("DELETE FROM templates WHERE name = ?1")?.execute([name])? {
        0 => Err(Error::not_found("template", name)),
        _ => Ok(()),
    }
}
