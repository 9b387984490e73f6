//! Persistent sessions and their subscriptions in the store. Developer Guide, "MQTT persistent sessions".

use std::sync::{Arc, OnceLock};

use rusqlite::{OptionalExtension, params};

use super::codec::{SubscriptionOptions, Version};
use super::mailbox::Mailbox;
use super::router::{Router, Session};
use super::{Broker, handover, queue};
use crate::lifecycle;
use crate::limits::PERSISTENT_SESSIONS_MAX;
use crate::message::QoS;
use crate::store::{StoreError, Tx};
use crate::topic::SubscribedFilter;

/// A session that there is after the commit.
pub(crate) type SessionSlot = Arc<OnceLock<Arc<Session>>>;

/// What a CONNECT says of the session. Developer Guide, "MQTT persistent sessions".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    /// Whether an earlier session is discarded.
    pub(crate) clean_start: bool,
    /// How long it outlives its connection.
    pub(crate) expiry_s: u32,
}

impl Asked {
    /// Nothing was there before, and nothing stays.
    pub(crate) fn is_volatile(self) -> bool {
        self.clean_start && self.expiry_s == 0
    }
}

/// Resumes or begins the session of a client, and connects it by `mailbox` when that is committed. Says whether it was there
/// already; the session itself is there after the commit.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    client_id: &Arc<str>,
    mailbox: Arc<Mailbox>,
    asked: Asked,
) -> Result<(bool, SessionSlot), StoreError> {
    if asked.clean_start {
        discard(tx, broker, client_id)?;
    } else {
        remove_unusable(tx, broker, client_id, asked.version)?;
    }
    let id: Option<i64> = tx
        .connection
        .prepare_cached("UPDATE sessions SET expires_ms = NULL, expiry_s = ?2 WHERE client_id = ?1 RETURNING id")?
        .query_row(params![&**client_id, asked.expiry_s], |row| row.get(0))
        .optional()?;
    let (present, id) = match id {
        Some(id) => (true, id),
        None if asked.expiry_s == 0 => {
            let session = broker.router.volatile_session();
            session.attach(mailbox);
            return Ok((false, Arc::new(session.into())));
        }
        None => {
            let others: i64 =
                tx.connection.prepare_cached("SELECT count(*) FROM sessions")?.query_row([], |row| row.get(0))?;
            if others.unsigned_abs() >= PERSISTENT_SESSIONS_MAX {
                return Err(StoreError::Full { what: "persistent sessions", max: PERSISTENT_SESSIONS_MAX });
            }
            let sql = "INSERT INTO sessions (client_id, mqtt5, expiry_s) VALUES (?1, ?2, ?3)";
            let mqtt5 = asked.version == Version::V5;
            tx.connection.prepare_cached(sql)?.execute(params![&**client_id, mqtt5, asked.expiry_s])?;
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

/// Discards the persistent session of a client, if there is one. What waits for it and others share goes to one of them.
pub(crate) fn discard(tx: &mut Tx<'_>, broker: &Arc<Broker>, client_id: &Arc<str>) -> Result<(), StoreError> {
    let id: Option<i64> = tx
        .connection
        .prepare_cached("SELECT id FROM sessions WHERE client_id = ?1")?
        .query_row([&**client_id], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(()) };
    handover::hand_on(tx, broker, client_id, id)?;
    tx.connection.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([id])?;
    let (broker, client_id) = (Arc::clone(broker), Arc::clone(client_id));
    tx.after_commit(move || broker.router.remove_persistent(&client_id));
    Ok(())
}

/// A session that has expired, or is of the other version of MQTT: Developer Guide, "MQTT persistent sessions", note.
fn remove_unusable(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    client_id: &Arc<str>,
    version: Version,
) -> Result<(), StoreError> {
    let unusable = tx
        .connection
        .prepare_cached("SELECT 1 FROM sessions WHERE client_id = ?1 AND (expires_ms <= ?2 OR mqtt5 <> ?3)")?
        .exists(params![&**client_id, broker.clock.now_ms() as i64, version == Version::V5])?;
    if unusable { discard(tx, broker, client_id) } else { Ok(()) }
}

/// Changes how long a session outlives its connection.
pub(crate) fn change_expiry(tx: &mut Tx<'_>, session_id: i64, expiry_s: u32) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expiry_s = ?2 WHERE id = ?1";
    tx.connection.prepare_cached(sql)?.execute(params![session_id, expiry_s])?;
    Ok(())
}

/// Starts the time after which a disconnected session is discarded, or discards it at once if that is none.
pub(crate) fn suspend(tx: &mut Tx<'_>, broker: &Arc<Broker>, session_id: i64) -> Result<(), StoreError> {
    let suspended: Option<(String, i64, i64)> = tx
        .connection
        .prepare_cached(
            "UPDATE sessions SET expires_ms = ?2 + expiry_s * 1000 WHERE id = ?1 RETURNING client_id, expiry_s, expires_ms",
        )?
        .query_row(params![session_id, broker.clock.now_ms() as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    match suspended {
        None => Ok(()),
        Some((client_id, 0, _)) => discard(tx, broker, &client_id.into()),
        Some((_, _, expires_ms)) => lifecycle::keep_version(tx, session_id, expires_ms.unsigned_abs()),
    }
}

/// The session of a client that is connected does not outlive its connection.
#[cfg(feature = "https")]
pub(crate) fn end_with_connection(tx: &mut Tx<'_>, client_id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expiry_s = 0 WHERE client_id = ?1 AND expires_ms IS NULL";
    tx.connection.prepare_cached(sql)?.execute([client_id])?;
    Ok(())
}

pub(crate) fn add_subscription(
    tx: &mut Tx<'_>,
    session_id: i64,
    filter: &SubscribedFilter,
    qos: QoS,
    options: SubscriptionOptions,
) -> Result<(), StoreError> {
    let bits = u8::from(options.no_local) | u8::from(options.retain_as_published) << 1;
    tx.connection
        .prepare_cached(
            "INSERT INTO subscriptions (session_id, filter, qos, options) SELECT id, ?2, ?3, ?4 FROM sessions WHERE id = ?1
             ON CONFLICT (session_id, filter) DO UPDATE SET qos = excluded.qos, options = excluded.options",
        )?
        .execute(params![session_id, filter.to_string(), qos.level(), bits])?;
    Ok(())
}

/// The counterpart of the bits in [`add_subscription`].
fn options(bits: u8) -> SubscriptionOptions {
    SubscriptionOptions { no_local: bits & 1 != 0, retain_as_published: bits & 2 != 0 }
}

pub(crate) fn remove_subscription(
    tx: &mut Tx<'_>,
    session_id: i64,
    filter: &SubscribedFilter,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM subscriptions WHERE session_id = ?1 AND filter = ?2";
    tx.connection.prepare_cached(sql)?.execute(params![session_id, filter.to_string()])?;
    Ok(())
}

/// Discards sessions that have expired by `now_ms`, and with them what was queued for them, until it is `rows_max` rows or
/// more.
pub(crate) fn sweep(tx: &mut Tx<'_>, broker: &Arc<Broker>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    let expired: Vec<(i64, String)> = tx
        .connection
        .prepare_cached("SELECT id, client_id FROM sessions WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2")?
        .query_map([now_ms as i64, rows_max as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut rows = 0;
    for (id, client_id) in expired {
        if rows >= rows_max {
            break;
        }
        rows += 1 + queue::depth(tx.connection, id)?;
        discard(tx, broker, &client_id.into())?;
    }
    Ok(())
}

/// Reads the sessions and subscriptions of the last run into `router`. All are disconnected, from `now_ms` on if they were
/// connected when the process was killed. Those that have expired are left to [`sweep`].
pub(crate) fn recover(tx: &mut Tx<'_>, router: &Router, now_ms: u64) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expires_ms = ?1 + expiry_s * 1000 WHERE expires_ms IS NULL";
    tx.connection.prepare(sql)?.execute([now_ms as i64])?;
    let mut sessions = tx.connection.prepare("SELECT id, client_id FROM sessions WHERE expires_ms > ?1 ORDER BY id")?;
    let mut subscriptions =
        tx.connection.prepare("SELECT filter, qos, options FROM subscriptions WHERE session_id = ?1")?;
    let mut rows = sessions.query([now_ms as i64])?;
    while let Some(row) = rows.next()? {
        let (id, client_id): (i64, String) = (row.get(0)?, row.get(1)?);
        let session = router.persistent_session(&client_id.into(), id, queue::depth(tx.connection, id)?);
        let mut filters = subscriptions.query([id])?;
        while let Some(row) = filters.next()? {
            let filter = SubscribedFilter::parse(&row.get::<_, String>(0)?);
            let filter = filter.map_err(|error| StoreError::Value(error.to_string()))?;
            router.subscribe(&session, filter, QoS::from_level(row.get(1)?), options(row.get(2)?));
        }
    }
    Ok(())
}
