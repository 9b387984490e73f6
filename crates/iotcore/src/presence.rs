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

/// Forgets clients that have been away for too long by `now_ms`, at most `rows_max`, and none whose will is still to be
/// published; of those that are kept, the version of their events, which then begins anew at 0.
pub(crate) fn sweep(tx: &mut Tx<'_>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    let forgotten = params![now_ms as i64, rows_max as i64];
    tx.connection
        .prepare_cached(
            "DELETE FROM clients WHERE client_id IN
                 (SELECT client_id FROM clients WHERE forget_ms <= ?1 AND will_due_ms IS NULL
                      AND NOT EXISTS (SELECT 1 FROM things WHERE name = client_id) LIMIT ?2)",
        )?
        .execute(forgotten)?;
    tx.connection
        .prepare_cached(
            "UPDATE clients SET version = -1, forget_ms = ?3 WHERE client_id IN
                 (SELECT client_id FROM clients WHERE forget_ms <= ?1 AND will_due_ms IS NULL
                      AND EXISTS (SELECT 1 FROM things WHERE name = client_id) LIMIT ?2)",
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Store, open};

    const CLIENT: &str =
        "INSERT INTO clients (client_id, version, forget_ms, disconnected_ms, disconnect_reason, principal,
                                               session_identifier, ip_address)
                          VALUES (?1, 5, ?2, 100, 'CONNECTION_LOST', ?3, '', '')";

    async fn write<T: Send + 'static>(
        store: &Store,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        store.write(job).await.unwrap()
    }

    async fn remembered(store: &Store) -> Vec<(String, i64)> {
        let read = |connection: &Connection| {
            let mut select = connection.prepare("SELECT client_id, version FROM clients ORDER BY client_id")?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            Ok::<_, StoreError>(rows)
        };
        store.read(read).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_is_forgotten_unless_it_is_a_thing() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).await.unwrap();
        let certificate = CertificateId::of_der(b"x");
        write(&store, move |tx| {
            for thing in ["lamp", "pump"] {
                let sql = "INSERT INTO things (name, attributes, created_ms) VALUES (?1, '{}', 0)";
                tx.connection.execute(sql, [thing])?;
            }
            // The first two are connected; the others may be forgotten from then on.
            for (client, forget_ms) in
                [("a", None), ("pump", None), ("b", Some(1_000)), ("lamp", Some(1_000)), ("c", Some(9_000))]
            {
                tx.connection.execute(CLIENT, params![client, forget_ms, certificate.to_string()])?;
            }
            // More wills may be due than are published at once.
            tx.connection.execute("UPDATE clients SET will_due_ms = 900 WHERE client_id = 'b'", [])?;
            sweep(tx, 999, 10)
        })
        .await;
        assert_eq!(remembered(&store).await.len(), 5);
        write(&store, |tx| sweep(tx, 1_000, 10)).await;
        assert_eq!(remembered(&store).await.len(), 5);
        write(&store, |tx| {
            tx.connection.execute("UPDATE clients SET will_due_ms = NULL", [])?;
            sweep(tx, 1_000, 10)
        })
        .await;
        let kept =
            [("a", 5), ("c", 5), ("lamp", -1), ("pump", 5)].map(|(client, version)| (client.to_owned(), version));
        assert_eq!(remembered(&store).await, kept);
        write(&store, |tx| sweep(tx, 8_000, 10)).await;
        assert_eq!(remembered(&store).await, kept);

        let departed = Departure { ended_ms: 100, reason: "CONNECTION_LOST".into(), certificate_id: certificate };
        let of =
            async |client: &'static str| store.read(move |connection| departure(connection, client)).await.unwrap();
        assert_eq!((of("lamp").await, of("c").await), (Some(departed.clone()), Some(departed)));
        assert_eq!((of("pump").await, of("b").await), (None, None));

        write(&store, |tx| {
            thing_deleted(tx, &ThingName::parse("pump").unwrap())?;
            thing_deleted(tx, &ThingName::parse("lamp").unwrap())
        })
        .await;
        assert_eq!(
            remembered(&store).await.into_iter().map(|(client, _)| client).collect::<Vec<_>>(),
            ["a", "c", "pump"]
        );
    }
}
