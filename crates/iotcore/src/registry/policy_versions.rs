//! The versions of policies, of which one is the default: the one in force. Ids go up from 1; none is given twice.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::policies::require;
use crate::error::Error;
use crate::limits::POLICY_VERSIONS_MAX;
use crate::policy::PolicyDocument;
use crate::store::StoreError;

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its number.
    pub version: u64,
    /// Its document, in JSON.
    pub document: String,
    /// Whether it is the one in force.
    pub is_default: bool,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// When its document was last replaced, in milliseconds since 1970.
    pub updated_ms: u64,
}

fn missing(policy: &str, version: u64) -> Error {
    Error::NotFound { kind: "policy version", name: format!("{policy}/{version}") }
}

/// Adds a version to a policy; gives its number. API Reference, `CreatePolicyVersion`.
pub(crate) fn create(
    connection: &Connection,
    policy: &str,
    document: &str,
    is_default: bool,
    now_ms: u64,
) -> Result<u64, Error> {
    PolicyDocument::parse(document)?;
    require(connection, policy)?;
    let present: i64 = connection
        .prepare_cached("SELECT count(*) FROM policy_versions WHERE policy = ?1")?
        .query_row([policy], |row| row.get(0))?;
    if present.unsigned_abs() >= POLICY_VERSIONS_MAX {
        return Err(Error::VersionsLimitExceeded { kind: "policy", name: policy.into(), max: POLICY_VERSIONS_MAX });
    }
    let version: i64 = connection
        .prepare_cached("UPDATE policies SET last_version = last_version + 1 WHERE name = ?1 RETURNING last_version")?
        .query_row([policy], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO policy_versions (policy, version, document, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?4)",
        )?
        .execute(params![policy, version, document, now_ms as i64])?;
    let version = version.unsigned_abs();
    if is_default {
        set_default(connection, policy, version, now_ms)?;
    }
    Ok(version)
}

/// The versions of a policy, the newest first. API Reference, `ListPolicyVersions`.
pub(crate) fn list(connection: &Connection, policy: &str) -> Result<Vec<PolicyVersion>, Error> {
    require(connection, policy)?;
    let mut select = connection.prepare_cached(
        "SELECT v.version, v.document, v.version = p.default_version, v.created_ms, v.updated_ms
         FROM policy_versions AS v JOIN policies AS p ON p.name = v.policy WHERE p.name = ?1 ORDER BY v.version DESC",
    )?;
    Ok(select.query_map([policy], version_of)?.collect::<Result<_, _>>()?)
}

/// One version of a policy. API Reference, `GetPolicyVersion`.
pub(crate) fn get(connection: &Connection, policy: &str, version: u64) -> Result<Option<PolicyVersion>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT v.version, v.document, v.version = p.default_version, v.created_ms, v.updated_ms
             FROM policy_versions AS v JOIN policies AS p ON p.name = v.policy WHERE p.name = ?1 AND v.version = ?2",
        )?
        .query_row(params![policy, version as i64], version_of)
        .optional()?)
}

fn version_of(row: &Row<'_>) -> rusqlite::Result<PolicyVersion> {
    Ok(PolicyVersion {
        version: row.get::<_, i64>(0)?.unsigned_abs(),
        document: row.get(1)?,
        is_default: row.get(2)?,
        created_ms: row.get::<_, i64>(3)?.unsigned_abs(),
        updated_ms: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

fn found(connection: &Connection, policy: &str, version: u64) -> Result<PolicyVersion, Error> {
    get(connection, policy, version)?.ok_or_else(|| missing(policy, version))
}

/// Puts a version in force. API Reference, `SetDefaultPolicyVersion`.
pub(crate) fn set_default(connection: &Connection, policy: &str, version: u64, now_ms: u64) -> Result<(), Error> {
    if found(connection, policy, version)?.is_default {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE policies SET default_version = ?2, updated_ms = ?3 WHERE name = ?1")?
        .execute(params![policy, version as i64, now_ms as i64])?;
    Ok(())
}

/// Deletes a version that is not the default one. API Reference, `DeletePolicyVersion`.
pub(crate) fn delete(connection: &Connection, policy: &str, version: u64) -> Result<(), Error> {
    if found(connection, policy, version)?.is_default {
        let hint = "it is the default: make another one the default first, or delete the policy";
        return Err(Error::DeleteConflict { kind: "policy version", name: format!("{policy}/{version}"), hint });
    }
    connection
        .prepare_cached("DELETE FROM policy_versions WHERE policy = ?1 AND version = ?2")?
        .execute(params![policy, version as i64])?;
    Ok(())
}
