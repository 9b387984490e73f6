//! What a connection may rest on: its certificate's status, the policies attached to it, its thing and the thing's groups.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::certificates::{self, Certificate};
use crate::ids::{CertificateId, Status};
use crate::store::StoreError;

/// The facts about one certificate and client id.
#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) status: Status,
    /// The certificate itself.
    pub(crate) pem: String,
    /// Names and documents.
    pub(crate) policies: Vec<(String, String)>,
    /// The thing of the client id's name, if the certificate is attached to it. Developer Guide, "Thing policy variables":
    /// the client id must match the thing's name exactly.
    pub(crate) thing: Option<ThingOfPrincipal>,
    /// Whether there is a thing of the client id's name that the certificate is not attached to.
    pub(crate) thing_of_others: bool,
}

/// What policies can ask about a thing.
#[derive(Debug)]
pub(crate) struct ThingOfPrincipal {
    pub(crate) type_name: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
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
    let Some(Certificate { status, pem, .. }) = certificates::get(connection, id)? else { return Ok(None) };
    let id = id.to_string();
    let thing = thing(connection, &id, client_id)?;
    let is_thing = connection.prepare_cached("SELECT 1 FROM things WHERE name = ?1")?.exists([client_id])?;
    let policies = policies(connection, &id, thing.is_some().then_some(client_id))?;
    Ok(Some(Principal { status, pem, policies, thing_of_others: is_thing && thing.is_none(), thing }))
}

fn thing(connection: &Connection, id: &str, client_id: &str) -> Result<Option<ThingOfPrincipal>, StoreError> {
    let found: Option<(Option<String>, String)> = connection
        .prepare_cached(
            "SELECT t.type_name, t.attributes FROM things AS t JOIN thing_principals AS p ON p.thing = t.name
             WHERE t.name = ?1 AND p.certificate_id = ?2",
        )?
        .query_row([client_id, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((type_name, attributes)) = found else { return Ok(None) };
    let attributes = serde_json::from_str(&attributes).map_err(|error| StoreError::Value(error.to_string()))?;
    Ok(Some(ThingOfPrincipal { type_name, attributes }))
}

/// The policies of the certificate, of the groups that the connection's thing is in, and of the groups above them. Developer
/// Guide, "Static thing groups". That a thing which the client id does not name gives nothing is not said there; API
/// Reference, `GetEffectivePolicies`, takes the thing's name beside the certificate.
fn policies(connection: &Connection, id: &str, thing: Option<&str>) -> Result<Vec<(String, String)>, StoreError> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE held (name) AS (
             SELECT thing_group FROM group_members WHERE thing = ?2
             UNION
             SELECT g.parent FROM thing_groups AS g JOIN held AS h ON g.name = h.name WHERE g.parent IS NOT NULL
         )
         SELECT name, document FROM policies_in_force WHERE name IN (
             SELECT policy FROM policy_attachments WHERE certificate_id = ?1
             UNION
             SELECT policy FROM group_policies WHERE thing_group IN (SELECT name FROM held)
         ) ORDER BY name",
    )?;
    let policies = select.query_map(params![id, thing], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(policies.collect::<Result<_, _>>()?)
}
