//! The durable queues of persistent sessions.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use rusqlite::{Connection, OptionalExtension, params};

use super::Broker;
use super::router::Session;
use super::waiting::Waiting;
use crate::message::{Message, Properties, QoS};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::topic::TopicName;

/// A message and its number in the queue.
type Numbered = (i64, Arc<Message>);

/// Messages read from a queue at once.
pub(crate) const PAGE_MESSAGES_MAX: usize = 32;

/// Puts `message` into the queue of each session that still exists, its payload once if there are several. Gives those that
/// it came to by a shared subscription and that are gone, or have no room.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    sessions: &[Waiting],
    message: &Arc<Message>,
    counters: &Arc<Counters>,
) -> Result<Vec<Waiting>, StoreError> {
    let payload = message.payload.as_slice();
    let sessions: Vec<_> = sessions.iter().filter(|waiting| waiting.is_open()).collect();
    let shared = match sessions.as_slice() {
        [] | [_] => None,
        _ => {
            tx.connection.prepare_cached("INSERT INTO payloads (payload, refs) VALUES (?1, 0)")?.execute([payload])?;
            Some(tx.connection.last_insert_rowid())
        }
    };
    let (mut refs, mut missed) = (0_i64, Vec::new());
    for waiting in sessions {
        let Some(durable) = &waiting.session.durable else { continue };
        let Some(place) = waiting.session.reserve() else {
            match waiting.share {
                Some(_) => missed.push(Waiting::clone(waiting)),
                None => counters.dropped_queue_full.add(1),
            }
            continue;
        };
        let seq = tx.next_seq();
        if !waiting.store_as(seq) {
            continue;
        }
        let inline = if shared.is_some() { None } else { Some(payload) };
        let inserted = tx
            .connection
            .prepare_cached(
                "INSERT INTO queue (session_id, seq, topic, retain, properties, expires_ms, payload, payload_id, share)
                 SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM sessions WHERE id = ?1",
            )?
            .execute(params![
                durable.id,
                seq,
                message.topic.as_str(),
                message.retain,
                message.stored_properties(),
                message.expires_ms.map(|expires_ms| expires_ms as i64),
                inline,
                shared,
                waiting.share.as_ref().map(ToString::to_string)
            ])?;
        if inserted == 1 {
            refs += 1;
            let (message, counters, way) = (Arc::clone(message), Arc::clone(counters), waiting.way.clone());
            tx.after_commit(move || {
                counters.queued.add(1);
                place.take(&message, seq, way.handed());
            });
        } else if waiting.share.is_some() {
            missed.push(Waiting::clone(waiting));
        }
    }
    if let Some(shared) = shared {
        let sql = if refs == 0 {
            "DELETE FROM payloads WHERE id = ?1 AND ?2 = 0"
        } else {
            "UPDATE payloads SET refs = ?2 WHERE id = ?1"
        };
        tx.connection.prepare_cached(sql)?.execute([shared, refs])?;
    }
    Ok(missed)
}

/// Puts a message that waits for one session at the end of another's queue; says whether that exists and has room.
pub(super) fn pass(tx: &mut Tx<'_>, from: i64, seq: i64, to: &Arc<Session>) -> Result<bool, StoreError> {
    let (Some(durable), Some(place)) = (&to.durable, to.reserve()) else { return Ok(false) };
    let passed = tx.next_seq();
    let rows = tx
        .connection
        .prepare_cached(
            "UPDATE queue SET session_id = ?3, seq = ?4
             WHERE session_id = ?1 AND seq = ?2 AND EXISTS (SELECT 1 FROM sessions WHERE id = ?3)",
        )?
        .execute([from, seq, durable.id, passed])?;
    if rows == 1 {
        tx.after_commit(move || place.take_unread());
    }
    Ok(rows == 1)
}

/// Removes what the client has acknowledged.
pub(crate) fn acknowledge(tx: &mut Tx<'_>, session_id: i64, seqs: &[i64]) -> Result<u64, StoreError> {
    let mut delete = tx.connection.prepare_cached("DELETE FROM queue WHERE session_id = ?1 AND seq = ?2")?;
    let mut removed = 0;
    for seq in seqs {
        removed += delete.execute([session_id, *seq])? as u64;
    }
    Ok(removed)
}

/// The next messages after `seq`, at most [`PAGE_MESSAGES_MAX`].
pub(crate) fn page(connection: &Connection, session_id: i64, after: i64) -> Result<Vec<Numbered>, StoreError> {
    read(connection, session_id, after, PAGE_MESSAGES_MAX)
}

/// The message `seq`, if it is there.
pub(super) fn one(connection: &Connection, session_id: i64, seq: i64) -> Result<Option<Arc<Message>>, StoreError> {
    let next = read(connection, session_id, seq - 1, 1)?.pop();
    Ok(next.filter(|(found, _)| *found == seq).map(|(_, message)| message))
}

fn read(connection: &Connection, session_id: i64, after: i64, max: usize) -> Result<Vec<Numbered>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT seq, topic, retain, coalesce(q.payload, p.payload), properties, expires_ms
         FROM queue AS q LEFT JOIN payloads AS p ON p.id = q.payload_id
         WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = select.query(params![session_id, after, max as i64])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let topic = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let topic = TopicName::parse(topic).map_err(|error| StoreError::Value(error.to_string()))?;
        let payload = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?.into_payload();
        let message = Message {
            retain: row.get(2)?,
            properties: Properties::from_stored(row.get(4)?),
            expires_ms: row.get::<_, Option<i64>>(5)?.map(i64::unsigned_abs),
            ..Message::new(topic, payload, QoS::AtLeastOnce)
        };
        page.push((row.get(0)?, Arc::new(message)));
    }
    Ok(page)
}

/// Removes what has expired by `now_ms` from the queues of absent clients, at most `rows_max`, so that it takes no room there.
/// What is on its way to one that is connected is looked at when it is sent.
pub(crate) fn sweep(tx: &mut Tx<'_>, broker: &Arc<Broker>, now_ms: u64, rows_max: u64) -> Result<(), StoreError> {
    let expired: Vec<(i64, i64, String)> = tx
        .connection
        .prepare_cached(
            "SELECT q.session_id, q.seq, s.client_id FROM queue AS q JOIN sessions AS s ON s.id = q.session_id
             WHERE q.expires_ms <= ?1 AND s.expires_ms IS NOT NULL LIMIT ?2",
        )?
        .query_map([now_ms as i64, rows_max as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (session_id, seq, _) in &expired {
        acknowledge(tx, *session_id, &[*seq])?;
    }
    let broker = Arc::clone(broker);
    tx.after_commit(move || {
        broker.counters.expired.add(expired.len() as u64);
        for (session_id, _, client_id) in &expired {
            broker.router.removed(client_id, *session_id, 1);
        }
    });
    Ok(())
}

/// How many messages wait for a session.
pub(crate) fn depth(connection: &Connection, session_id: i64) -> Result<u64, StoreError> {
    let depth = connection
        .prepare_cached("SELECT count(*) FROM queue WHERE session_id = ?1")?
        .query_row([session_id], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(depth.unwrap_or_default().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::broker::Router;
    use crate::limits::SESSION_QUEUE_MESSAGES_MAX;

    async fn depth_of(store: &crate::store::Store, id: i64) -> u64 {
        store.read(move |connection| depth(connection, id)).await.unwrap()
    }

    #[tokio::test]
    async fn a_queue_keeps_to_its_bound_within_one_commit_and_gives_back_what_was_undone() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        let id = 7;
        let insert = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            tx.connection
                .execute("INSERT INTO sessions (id, client_id, mqtt5, expiry_s) VALUES (?1, 'a', 0, 60)", [id])?;
            Ok(())
        };
        store.write(insert).await.unwrap();
        let session = Router::default().persistent_session(&"a".into(), id, 0);
        let counters = Arc::new(Counters::default());
        let publish = |count: u64, undo: bool| {
            let waiting = Waiting::for_session(&session);
            let (sessions, counters) = ([waiting], Arc::clone(&counters));
            let message = Arc::new(Message::new(TopicName::parse("t").unwrap(), Vec::new(), QoS::AtLeastOnce));
            store.write(move |tx: &mut Tx<'_>| {
                (0..count).try_for_each(|_| enqueue(tx, &sessions, &message, &counters).map(|_| ()))?;
                if undo { Err(StoreError::Closed) } else { Ok(()) }
            })
        };
        publish(SESSION_QUEUE_MESSAGES_MAX - 10, true).await.unwrap_err();
        assert_eq!(depth_of(&store, id).await, 0);
        publish(SESSION_QUEUE_MESSAGES_MAX + 10, false).await.unwrap();
        assert_eq!(depth_of(&store, id).await, SESSION_QUEUE_MESSAGES_MAX);
        let stats = counters.read(0);
        assert_eq!((stats.queued, stats.dropped_queue_full), (SESSION_QUEUE_MESSAGES_MAX, 10));
    }

    #[tokio::test]
    async fn what_a_group_shares_is_for_another_when_a_session_is_gone_or_full() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        let insert = |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let sql = "INSERT INTO sessions (id, client_id, mqtt5, expiry_s) VALUES (1, 'a', 0, 60), (2, 'b', 0, 60)";
            tx.connection.execute(sql, [])?;
            Ok(())
        };
        store.write(insert).await.unwrap();
        let router = Router::default();
        let session = |client_id: &str, id, depth| router.persistent_session(&client_id.into(), id, depth);
        let (there, full) = (session("a", 1, 0), session("b", 2, SESSION_QUEUE_MESSAGES_MAX));
        let gone = session("c", 3, 0);
        let share = Some(Arc::new(crate::topic::SubscribedFilter::parse("$share/g/t").unwrap()));
        let waiting =
            [&there, &full, &gone].map(|session| Waiting { share: share.clone(), ..Waiting::for_session(session) });
        let alone = [Waiting::for_session(&gone)];
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let message = Arc::new(Message::new(TopicName::parse("t").unwrap(), Vec::new(), QoS::AtLeastOnce));
        let missed = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
            assert!(enqueue(tx, &alone, &message, &counted)?.is_empty());
            enqueue(tx, &waiting, &message, &counted)
        };
        let missed = store.write(missed).await.unwrap();
        let missed: Vec<_> = missed.iter().map(|waiting| waiting.session.durable.as_ref().unwrap().id).collect();
        assert_eq!(missed, [2, 3]);
        assert_eq!(counters.read(0).dropped_queue_full, 0);
        // Nor is it passed on to them, until there is room.
        let pass_to = |to: &Arc<Session>| {
            let to = Arc::clone(to);
            store.write(move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
                let select = "SELECT seq FROM queue WHERE session_id = 1";
                let seq = tx.connection.query_row(select, [], |row| row.get(0))?;
                assert!(one(tx.connection, 1, seq)?.is_some() && one(tx.connection, 1, seq - 1)?.is_none());
                pass(tx, 1, seq, &to)
            })
        };
        assert!(!pass_to(&gone).await.unwrap() && !pass_to(&full).await.unwrap());
        full.durable.as_ref().unwrap().removed(1);
        assert!(pass_to(&full).await.unwrap());
        assert_eq!((depth_of(&store, 1).await, depth_of(&store, 2).await), (0, 1));
        assert_eq!(gone.durable.as_ref().unwrap().depth(), 0);
    }
}
