//! What is remembered of clients that have disconnected: when and why. For as long as the version number of their lifecycle events
//! goes on; of a client that has the name of a registered thing, for as long as there is the thing. Developer Guide, "Device
//! connectivity status queries".
//!
//! It does not know which clients are connected: `lifecycle` writes it in the commit of the event.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ids::CertificateId;
use crate::names::ThingName;
use crate::store::{StoreError, Tx};

/// When a client is forgotten that is kept for its thing: never.
const KEPT_MS: i64 = i64::MAX;

/// The last connection of a client that has disconnected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: u64,
    /// Why: the name of a [`CloseReason`](crate::CloseReason).
    pub reason: String,
    /// The certificate that it showed.
    pub certificate_id: CertificateId,
}

/// The last connection of a client, if it is remembered and has ended.
pub(crate) fn departure(connection: &Connection, client_id: &str) -> Result<Option<Departure>, StoreError> {
    let read = |row: &Row<'_>| -> Result<_, StoreError> {
        let certificate = row.get::<_, String>(2)?;
        Ok(Departure {
            ended_ms: row.get::<_, i64>(0)?.unsigned_abs(),
            reason: row.get(1)?,
            certificate_id: certificate.parse().map_err(|error| StoreError::Value(format!("{error}")))?,
        })
    };
    connection
        .prepare_cached(
            "SELECT disconnected_ms, disconnect_reason, principal FROM clients
             WHERE client_id = ?1 AND forget_ms IS NOT NULL AND disconnected_ms IS NOT NULL",
        )?
        .query_row([client_id], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Forgets clients that have been away for too long by `now_ms`, at most `rows_max`; of those that are kept, the version of
/// their events, which then begins anew at 0.
pub(crate) fn sweep(tx: &mut Tx<'_>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    let forgotten = params![now_ms as i64, rows_max as i64];
    tx.connection
        .prepare_cached(
            "DELETE FROM clients WHERE client_id IN
                 (SELECT client_id FROM clients WHERE forget_ms <= ?1 AND client_id NOT IN (SELECT name FROM things) LIMIT ?2)",
        )?
        .execute(forgotten)?;
    tx.connection
        .prepare_cached(
            "UPDATE clients SET version = -1, forget_ms = ?3 WHERE client_id IN
                 (SELECT client_id FROM clients WHERE forget_ms <= ?1 AND client_id IN (SELECT name FROM things) LIMIT ?2)",
        )?
        .execute(params![now_ms as i64, rows_max as i64, KEPT_MS])?;
    Ok(())
}

/// A thing was deleted: a client that is kept for it is forgotten.
pub(crate) fn thing_deleted(tx: &Tx<'_>, thing: &ThingName) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached("DELETE FROM clients WHERE client_id = ?1 AND forget_ms = ?2")?
        .execute(params![thing.as_str(), KEPT_MS])?;
    Ok(())
}
