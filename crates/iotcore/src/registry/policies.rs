//! Policies by name, with the document that is in force, and the certificates and thing groups they are attached to.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::ids::CertificateId;
use crate::limits::{PAGE_ITEMS_MAX, POLICIES_PER_CERTIFICATE_MAX, POLICIES_PER_GROUP_MAX};
use crate::policy::PolicyDocument;
use crate::store::StoreError;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The document of its default version, in JSON: what is in force.
    pub document: String,
    /// Its default version.
    pub default_version: u64,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// When what is in force last changed, in milliseconds since 1970.
    pub updated_ms: u64,
}

/// What a policy is attached to. API Reference, `AttachPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyTarget {
    /// A certificate.
    Certificate(CertificateId),
    /// A thing group, by its name.
    Group(String),
}

/// API Reference, `CreatePolicy`: 1 to 128 of letters, digits and `_+=,.@-`.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let name = name.chars().take(140).collect();
    Err(Error::Name { kind: "policy", name, allowed: "1 to 128 of letters, digits and `_+=,.@-`" })
}

/// Creates a policy; one that exists with the same document is left as it is.
pub(crate) fn create(connection: &Connection, name: &str, document: &str, now_ms: u64) -> Result<(), Error> {
    match get(connection, name)? {
        Some(policy) if policy.document == document => Ok(()),
        Some(_) => Err(Error::AlreadyExists { kind: "policy", name: name.into() }),
        None => put(connection, name, document, now_ms),
    }
}

/// Creates a policy or replaces the document of its default version.
pub(crate) fn put(connection: &Connection, name: &str, document: &str, now_ms: u64) -> Result<(), Error> {
    check_name(name)?;
    PolicyDocument::parse(document)?;
    if get(connection, name)?.is_some_and(|policy| policy.document == document) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO policies (name, created_ms, updated_ms) VALUES (?1, ?2, ?2)
             ON CONFLICT (name) DO UPDATE SET updated_ms = excluded.updated_ms",
        )?
        .execute(params![name, now_ms as i64])?;
    connection
        .prepare_cached(
            "INSERT INTO policy_versions (policy, version, document, created_ms, updated_ms)
             SELECT name, default_version, ?2, ?3, ?3 FROM policies WHERE name = ?1
             ON CONFLICT (policy, version) DO UPDATE SET document = excluded.document, updated_ms = excluded.updated_ms",
        )?
        .execute(params![name, document, now_ms as i64])?;
    Ok(())
}

pub(crate) fn get(connection: &Connection, name: &str) -> Result<Option<Policy>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT name, document, default_version, created_ms, updated_ms FROM policies_in_force WHERE name = ?1",
        )?
        .query_row([name], policy)
        .optional()?)
}

fn policy(row: &Row<'_>) -> rusqlite::Result<Policy> {
    Ok(Policy {
        name: row.get(0)?,
        document: row.get(1)?,
        default_version: row.get::<_, i64>(2)?.unsigned_abs(),
        created_ms: row.get::<_, i64>(3)?.unsigned_abs(),
        updated_ms: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

/// The policy must exist.
pub(crate) fn require(connection: &Connection, name: &str) -> Result<(), Error> {
    match connection.prepare_cached("SELECT 1 FROM policies WHERE name = ?1")?.exists([name])? {
        true => Ok(()),
        false => Err(Error::not_found("policy", name)),
    }
}

/// Policies after the name `after`, in the order of their names, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list(connection: &Connection, after: &str) -> Result<Vec<Policy>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT name, document, default_version, created_ms, updated_ms FROM policies_in_force
         WHERE name > ?1 ORDER BY name LIMIT ?2",
    )?;
    let policies = select.query_map(params![after, PAGE_ITEMS_MAX as i64], policy)?;
    Ok(policies.collect::<Result<_, _>>()?)
}

/// Deletes a policy that is attached to nothing and has its default version only. API Reference, `DeletePolicy`.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<(), Error> {
    let attached = "SELECT 1 FROM policy_attachments WHERE policy = ?1
                    UNION ALL SELECT 1 FROM group_policies WHERE policy = ?1";
    if connection.prepare_cached(attached)?.exists([name])? {
        let hint = "detach it from its certificates and thing groups first";
        return Err(Error::DeleteConflict { kind: "policy", name: name.into(), hint });
    }
    let others = "SELECT 1 FROM policies AS p JOIN policy_versions AS v ON v.policy = p.name
                  WHERE p.name = ?1 AND v.version <> p.default_version";
    if connection.prepare_cached(others)?.exists([name])? {
        let hint = "delete its versions but for the default one first";
        return Err(Error::DeleteConflict { kind: "policy", name: name.into(), hint });
    }
    match connection.prepare_cached("DELETE FROM policies WHERE name = ?1")?.execute([name])? {
        0 => Err(Error::not_found("policy", name)),
        _ => Ok(()),
    }
}

/// Attaches a policy; both must exist. API Reference, `AttachPolicy`.
pub(crate) fn attach(connection: &Connection, name: &str, id: CertificateId) -> Result<(), Error> {
    require(connection, name)?;
    super::certificates::require(connection, id)?;
    let id = id.to_string();
    let others: i64 = connection
        .prepare_cached("SELECT count(*) FROM policy_attachments WHERE certificate_id = ?1 AND policy <> ?2")?
        .query_row([&id, name], |row| row.get(0))?;
    if others.unsigned_abs() >= POLICIES_PER_CERTIFICATE_MAX {
        return Err(Error::LimitExceeded { what: "policies of a certificate", max: POLICIES_PER_CERTIFICATE_MAX });
    }
    connection
        .prepare_cached(
            "INSERT INTO policy_attachments (certificate_id, policy) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![id, name])?;
    Ok(())
}

/// Detaches a policy, if it is attached.
pub(crate) fn detach(connection: &Connection, name: &str, id: CertificateId) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM policy_attachments WHERE certificate_id = ?1 AND policy = ?2")?
        .execute(params![id.to_string(), name])?;
    Ok(())
}

/// The names of the policies attached to a certificate. API Reference, `ListAttachedPolicies`.
pub(crate) fn of_certificate(connection: &Connection, id: CertificateId) -> Result<Vec<String>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT policy FROM policy_attachments WHERE certificate_id = ?1 ORDER BY policy")?;
    let names = select.query_map([id.to_string()], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Attaches a policy to a thing group; both must exist. API Reference, `AttachPolicy`.
pub(crate) fn attach_to_group(connection: &Connection, name: &str, group: &str) -> Result<(), Error> {
    require(connection, name)?;
    super::groups::require(connection, group)?;
    let others: i64 = connection
        .prepare_cached("SELECT count(*) FROM group_policies WHERE thing_group = ?1 AND policy <> ?2")?
        .query_row([group, name], |row| row.get(0))?;
    if others.unsigned_abs() >= POLICIES_PER_GROUP_MAX {
        return Err(Error::LimitExceeded { what: "policies of a thing group", max: POLICIES_PER_GROUP_MAX });
    }
    connection
        .prepare_cached("INSERT INTO group_policies (thing_group, policy) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([group, name])?;
    Ok(())
}

/// Detaches a policy from a thing group, if it is attached.
pub(crate) fn detach_from_group(connection: &Connection, name: &str, group: &str) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM group_policies WHERE thing_group = ?1 AND policy = ?2")?
        .execute([group, name])?;
    Ok(())
}

/// The names of the policies attached to a thing group itself.
pub(crate) fn of_group(connection: &Connection, group: &str) -> Result<Vec<String>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT policy FROM group_policies WHERE thing_group = ?1 ORDER BY policy")?;
    let names = select.query_map([group], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// What a policy is attached to, at most [`PAGE_ITEMS_MAX`]: certificates in the order of their ids, then thing groups in that
/// of their names, after `after` if there is one. API Reference, `ListTargetsForPolicy`.
pub(crate) fn targets(
    connection: &Connection,
    name: &str,
    after: Option<&PolicyTarget>,
) -> Result<Vec<PolicyTarget>, Error> {
    require(connection, name)?;
    let (is_group, last) = match after {
        None => (false, String::new()),
        Some(PolicyTarget::Certificate(id)) => (false, id.to_string()),
        Some(PolicyTarget::Group(name)) => (true, name.clone()),
    };
    let mut select = connection.prepare_cached(
        "SELECT is_group, target FROM (
             SELECT 0 AS is_group, certificate_id AS target FROM policy_attachments WHERE policy = ?1
             UNION ALL
             SELECT 1, thing_group FROM group_policies WHERE policy = ?1
         ) WHERE (is_group, target) > (?2, ?3) ORDER BY is_group, target LIMIT ?4",
    )?;
    let rows = select.query_map(params![name, is_group, last, PAGE_ITEMS_MAX as i64], |row| {
        Ok((row.get::<_, bool>(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| match row? {
        (true, name) => Ok(PolicyTarget::Group(name)),
        (false, id) => match id.parse() {
            Ok(id) => Ok(PolicyTarget::Certificate(id)),
            Err(error) => Err(StoreError::Value(format!("{error}")).into()),
        },
    })
    .collect()
}
