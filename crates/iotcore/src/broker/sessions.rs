//! Persistent sessions and their subscriptions in the store. Developer Guide, "MQTT persistent sessions".

use std::sync::{Arc, OnceLock};

use rusqlite::{OptionalExtension, params};

use super::mailbox::Mailbox;
use super::router::{Router, Session};
use super::{Broker, queue};
use crate::message::QoS;
use crate::store::{StoreError, Tx};
use crate::topic::TopicFilter;

/// A session that there is after the commit.
pub(crate) type SessionSlot = Arc<OnceLock<Arc<Session>>>;

/// Resumes or begins the persistent session of a client, and connects it by `mailbox` when that is committed.
/// Says whether it was there already; the session itself is there after the commit.
pub(crate) fn resume(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    client_id: &Arc<str>,
    mailbox: Arc<Mailbox>,
    now_ms: u64,
) -> Result<(bool, SessionSlot), StoreError> {
    remove_expired(tx, broker, client_id, now_ms)?;
    let id: Option<i64> = tx
        .connection
        .prepare_cached("UPDATE sessions SET expires_ms = NULL WHERE client_id = ?1 RETURNING id")?
        .query_row([&**client_id], |row| row.get(0))
        .optional()?;
    let (present, id) = match id {
        Some(id) => (true, id),
        None => {
            let sql = "INSERT INTO sessions (client_id) VALUES (?1)";
            tx.connection.prepare_cached(sql)?.execute([&**client_id])?;
            (false, tx.connection.last_insert_rowid())
        }
    };
    let depth = queue::depth(tx.connection, id)?;
    let resumed = SessionSlot::default();
    let (broker, client_id, slot) = (Arc::clone(broker), Arc::clone(client_id), Arc::clone(&resumed));
    tx.after_commit(move || {
        let session = slot.get_or_init(|| broker.router.persistent_session(&client_id, id, depth));
        session.attach(mailbox);
    });
    Ok((present, resumed))
}

/// Discards the persistent session of a client, if there is one.
pub(crate) fn discard(tx: &mut Tx<'_>, broker: &Arc<Broker>, client_id: &Arc<str>) -> Result<(), StoreError> {
    let removed = tx.connection.prepare_cached("DELETE FROM sessions WHERE client_id = ?1")?.execute([&**client_id])?;
    if removed > 0 {
        let (broker, client_id) = (Arc::clone(broker), Arc::clone(client_id));
        tx.after_commit(move || broker.router.remove_persistent(&client_id));
    }
    Ok(())
}

fn remove_expired(tx: &mut Tx<'_>, broker: &Arc<Broker>, client_id: &Arc<str>, now_ms: u64) -> Result<(), StoreError> {
    let expired = tx
        .connection
        .prepare_cached("SELECT 1 FROM sessions WHERE client_id = ?1 AND expires_ms <= ?2")?
        .exists(params![&**client_id, now_ms as i64])?;
    if expired { discard(tx, broker, client_id) } else { Ok(()) }
}

/// Starts the time after which a disconnected session is discarded.
pub(crate) fn suspend(tx: &mut Tx<'_>, session_id: i64, expires_ms: u64) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expires_ms = ?2 WHERE id = ?1";
    tx.connection.prepare_cached(sql)?.execute(params![session_id, expires_ms as i64])?;
    Ok(())
}

pub(crate) fn add_subscription(
    tx: &mut Tx<'_>,
    session_id: i64,
    filter: &TopicFilter,
    qos: QoS,
) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO subscriptions (session_id, filter, qos) SELECT id, ?2, ?3 FROM sessions WHERE id = ?1
             ON CONFLICT (session_id, filter) DO UPDATE SET qos = excluded.qos",
        )?
        .execute(params![session_id, filter.as_str(), qos.level()])?;
    Ok(())
}

pub(crate) fn remove_subscription(tx: &mut Tx<'_>, session_id: i64, filter: &TopicFilter) -> Result<(), StoreError> {
    let sql = "DELETE FROM subscriptions WHERE session_id = ?1 AND filter = ?2";
    tx.connection.prepare_cached(sql)?.execute(params![session_id, filter.as_str()])?;
    Ok(())
}

/// Discards the sessions that have expired by `now_ms`; says how many.
pub(crate) fn sweep(tx: &mut Tx<'_>, broker: &Arc<Broker>, now_ms: u64) -> Result<u64, StoreError> {
    let expired: Vec<String> = tx
        .connection
        .prepare_cached("DELETE FROM sessions WHERE expires_ms <= ?1 RETURNING client_id")?
        .query_map([now_ms as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let count = expired.len() as u64;
    let broker = Arc::clone(broker);
    tx.after_commit(move || expired.iter().for_each(|client_id| broker.router.remove_persistent(client_id)));
    Ok(count)
}

/// Reads the sessions and subscriptions of the last run into `router`. All are disconnected, from `now_ms` on if they were
/// connected when the process was killed.
pub(crate) fn recover(tx: &mut Tx<'_>, router: &Router, now_ms: u64, expires_ms: u64) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expires_ms = ?1 WHERE expires_ms IS NULL";
    tx.connection.prepare(sql)?.execute([expires_ms as i64])?;
    tx.connection.prepare("DELETE FROM sessions WHERE expires_ms <= ?1")?.execute([now_ms as i64])?;
    let mut sessions = tx.connection.prepare("SELECT id, client_id FROM sessions ORDER BY id")?;
    let mut subscriptions = tx.connection.prepare("SELECT filter, qos FROM subscriptions WHERE session_id = ?1")?;
    let mut rows = sessions.query([])?;
    while let Some(row) = rows.next()? {
        let (id, client_id): (i64, String) = (row.get(0)?, row.get(1)?);
        let session = router.persistent_session(&client_id.into(), id, queue::depth(tx.connection, id)?);
        let mut filters = subscriptions.query([id])?;
        while let Some(row) = filters.next()? {
            let filter =
                TopicFilter::parse(&row.get::<_, String>(0)?).map_err(|error| StoreError::Value(error.to_string()))?;
            router.subscribe(&session, filter, QoS::from_level(row.get(1)?));
        }
    }
    Ok(())
}
