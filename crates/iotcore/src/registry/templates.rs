//! Fleet provisioning templates by name.

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::StoreError;

/// API Reference, `CreateProvisioningTemplate`: 1 to 36 of letters, digits, `_` and `-`.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if (1..=36).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let name = name.chars().take(50).collect();
    Err(Error::Name { kind: "template", name, allowed: "1 to 36 of letters, digits, `_` and `-`" })
}

/// Creates a template or replaces its body, which the caller has checked.
pub(crate) fn put(connection: &Connection, name: &str, body: &str, now_ms: u64) -> Result<(), Error> {
    check_name(name)?;
    connection
        .prepare_cached(
            "INSERT INTO templates (name, body, created_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        )?
        .execute(params![name, body, now_ms as i64])?;
    Ok(())
}

/// The body of a template.
pub(crate) fn body(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT body FROM templates WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// Names of templates after the name `after`, in their order, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list(connection: &Connection, after: &str) -> Result<Vec<String>, StoreError> {
    let mut select = connection.prepare_cached("SELECT name FROM templates WHERE name > ?1 ORDER BY name LIMIT ?2")?;
    let names = select.query_map(params![after, PAGE_ITEMS_MAX as i64], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Deletes a template.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<(), Error> {
    match connection.prepare_cached("DELETE FROM templates WHERE name = ?1")?.execute([name])? {
        0 => Err(Error::not_found("template", name)),
        _ => Ok(()),
    }
}
