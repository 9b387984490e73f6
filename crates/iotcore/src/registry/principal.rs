//! What a connection may rest on: its certificate's status, the policies attached to it, its thing.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ids::{CertificateId, Status};
use crate::store::StoreError;

/// The facts about one certificate and client id.
#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) status: Status,
    /// Names and documents.
    pub(crate) policies: Vec<(String, String)>,
    /// Whether a thing of the client id's name exists and the certificate is attached to it. Developer Guide, "Thing policy
    /// variables": the client id must match the thing's name exactly.
    pub(crate) thing_attached: bool,
    /// Whether there is a thing of the client id's name that the certificate is not attached to.
    pub(crate) thing_of_others: bool,
}

/// The status of a certificate, if it is registered.
pub(crate) fn status(connection: &Connection, id: CertificateId) -> Result<Option<Status>, StoreError> {
    let status: Option<String> = connection
        .prepare_cached("SELECT status FROM certificates WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    status.map(|text| text.parse().map_err(|error| StoreError::Value(format!("{error}")))).transpose()
}

/// The facts, if the certificate is registered.
pub(crate) fn principal(
    connection: &Connection,
    id: CertificateId,
    client_id: &str,
) -> Result<Option<Principal>, StoreError> {
    let Some(status) = status(connection, id)? else { return Ok(None) };
    let id = id.to_string();
    let mut select = connection.prepare_cached(
        "SELECT p.name, p.document FROM policy_attachments AS a JOIN policies AS p ON p.name = a.policy
         WHERE a.certificate_id = ?1 ORDER BY p.name",
    )?;
    let policies = select.query_map([&id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let thing_attached = connection
        .prepare_cached("SELECT 1 FROM thing_principals WHERE thing = ?1 AND certificate_id = ?2")?
        .exists(params![client_id, id])?;
    let is_thing = connection.prepare_cached("SELECT 1 FROM things WHERE name = ?1")?.exists([client_id])?;
    Ok(Some(Principal { status, policies, thing_attached, thing_of_others: is_thing && !thing_attached }))
}
