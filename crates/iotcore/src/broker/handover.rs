//! How messages of shared subscriptions get to a member, and to another one when the first cannot take them or its session
//! ends. MQTT 5.0 section 4.8.2; Developer Guide, "MQTT", shared subscriptions.
//!
//! A persistent session keeps what it was given while its client is away, and gives up what is left when it ends. Without one
//! that is at the end of the connection.

use std::collections::VecDeque;
use std::sync::Arc;

use super::connection::Connection;
use super::router::{Subscriber, Unplaced};
use super::{Broker, queue};
use crate::limits::{MAILBOX_BYTES_MAX, MAILBOX_MESSAGES_MAX};
use crate::message::{Message, QoS};
use crate::store::{StoreError, Tx};
use crate::topic::SubscribedFilter;

/// Gives a message to a connected member, or to the next one if that cannot take it. What no connected member takes waits, in
/// memory, for [`give_out`].
pub(super) fn push(broker: &Broker, group: &Arc<SubscribedFilter>, subscriber: Subscriber, message: &Arc<Message>) {
    let mut tried = Vec::new();
    let mut next = Some(subscriber);
    while let Some(subscriber) = next.filter(|subscriber| !subscriber.is_kept()) {
        let pushed = subscriber.push(message);
        if pushed.is_err() && subscriber.qos == QoS::AtMostOnce {
            return broker.counters.dropped_qos0.add(1);
        }
        if pushed.is_ok() {
            return;
        }
        tried.push(subscriber.session.key);
        next = broker.router.choose(group, message.qos, &tried);
    }
    keep(broker, group, message);
}

/// Keeps, in memory and for [`give_out`], what no member takes now.
pub(super) fn keep(broker: &Broker, group: &Arc<SubscribedFilter>, message: &Arc<Message>) {
    if broker.router.put_back(group, message).is_err() {
        broker.counters.dropped_shared.add(1);
    }
}

/// Gives a message to a member, none of `tried`: within the commit to a persistent session, after it to a connected client.
pub(super) fn send(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    group: &Arc<SubscribedFilter>,
    message: &Arc<Message>,
    mut tried: Vec<u64>,
) -> Result<(), StoreError> {
    while let Some(subscriber) = broker.router.choose(group, message.qos, &tried) {
        if !subscriber.is_kept() {
            let (broker, group, message) = (Arc::clone(broker), Arc::clone(group), Arc::clone(message));
            tx.after_commit(move || push(&broker, &group, subscriber, &message));
            return Ok(());
        }
        tried.push(subscriber.session.key);
        if queue::enqueue(tx, &[subscriber.waiting()], message, &broker.counters)?.is_empty() {
            return Ok(());
        }
    }
    dropped(tx, broker, 1);
    Ok(())
}

/// Tries again with what no member could take.
pub(crate) fn give_out(tx: &mut Tx<'_>, broker: &Arc<Broker>) -> Result<(), StoreError> {
    let mut taken = TakenBack { waiting: broker.router.take_back(), broker: Arc::clone(broker) };
    taken.waiting.iter().try_for_each(|(group, message)| send(tx, broker, group, message, Vec::new()))?;
    tx.after_commit(move || taken.waiting.clear());
    Ok(())
}

/// What waits again, unless it was given out durably.
struct TakenBack {
    waiting: VecDeque<Unplaced>,
    broker: Arc<Broker>,
}

impl Drop for TakenBack {
    fn drop(&mut self) {
        let lost = self.waiting.iter().filter(|(group, message)| self.broker.router.put_back(group, message).is_err());
        self.broker.counters.dropped_shared.add(lost.count() as u64);
    }
}

/// Gives what waits for the session of `client_id`, which ends, and came by shared subscriptions, to other members.
pub(super) fn hand_on(tx: &mut Tx<'_>, broker: &Arc<Broker>, client_id: &str, id: i64) -> Result<(), StoreError> {
    let rows: Vec<(i64, String)> = tx
        .connection
        .prepare_cached("SELECT seq, share FROM queue WHERE session_id = ?1 AND share IS NOT NULL ORDER BY seq")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let ending = broker.router.key_of(client_id);
    let mut lost = 0;
    let mut loaded = Loaded::default();
    for (seq, group) in rows {
        let group = SubscribedFilter::parse(&group).map_err(|error| StoreError::Value(error.to_string()))?;
        let mut tried: Vec<u64> = ending.into_iter().collect();
        let is_placed = loop {
            let Some(subscriber) = broker.router.choose(&group, QoS::AtLeastOnce, &tried) else { break false };
            if !subscriber.is_kept() {
                let message = queue::one(tx.connection, id, seq)?.filter(|message| loaded.has_room(message));
                let Some(message) = message else { break false };
                let (broker, group) = (Arc::clone(broker), Arc::new(group));
                tx.after_commit(move || push(&broker, &group, subscriber, &message));
                break true;
            }
            tried.push(subscriber.session.key);
            if queue::pass(tx, id, seq, &subscriber.session)? {
                break true;
            }
        };
        lost += u64::from(!is_placed);
    }
    dropped(tx, broker, lost);
    Ok(())
}

/// What is read from a queue for clients whose queue is in memory: no more than one of those has room for.
#[derive(Default)]
struct Loaded {
    messages: usize,
    bytes: usize,
}

impl Loaded {
    fn has_room(&mut self, message: &Message) -> bool {
        self.messages += 1;
        self.bytes += message.bytes();
        self.messages <= MAILBOX_MESSAGES_MAX && self.bytes <= MAILBOX_BYTES_MAX
    }
}

fn dropped(tx: &mut Tx<'_>, broker: &Arc<Broker>, count: u64) {
    if count > 0 {
        let broker = Arc::clone(broker);
        tx.after_commit(move || broker.counters.dropped_shared.add(count));
    }
}

impl Connection {
    /// Gives what the client has not acknowledged of its shared subscriptions to other members, unless a session keeps it.
    pub(super) async fn give_back(&mut self) {
        if self.session.durable.is_some() {
            return;
        }
        let mut sent: Vec<_> = std::mem::take(&mut self.unacked).into_iter().collect();
        sent.sort_unstable_by_key(|(packet_id, _)| *packet_id);
        let sent = sent.into_iter().filter_map(|(_, unacked)| unacked.shared);
        let waiting = self.connected.mailbox.seal().into_iter();
        let waiting = waiting.filter_map(|delivery| Some((delivery.share?, delivery.message)));
        let back: Vec<_> = sent.chain(waiting).collect();
        if back.is_empty() {
            return;
        }
        let (broker, key) = (Arc::clone(&self.broker), self.session.key);
        let job = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            back.iter().try_for_each(|(group, message)| send(tx, &broker, group, message, vec![key]))
        };
        if let Err(error) = self.broker.store.write(job).await {
            tracing::error!(error = &error as &dyn std::error::Error, "messages of shared subscriptions are lost");
        }
    }
}
