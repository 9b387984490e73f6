//! Who gets a message: the sessions and their subscriptions, persistent ones of absent clients among them.
//!
//! It does not know connections beyond their mailboxes, nor whether a client may receive what it subscribed to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::close::CloseReason;
use super::codec::SubscriptionOptions;
use super::mailbox::Mailbox;
use super::queue;
use crate::limits::SESSION_QUEUE_MESSAGES_MAX;
use crate::message::{Message, QoS};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::subscriptions::Subscriptions;
use crate::topic::TopicFilter;

/// A subscriber: a connected client, or a client with a persistent session, connected or not.
#[derive(Debug)]
pub(crate) struct Session {
    key: u64,
    /// The durable session, if it is persistent.
    pub(crate) durable: Option<DurableSession>,
    mailbox: Mutex<Option<Arc<Mailbox>>>,
}

#[derive(Debug)]
pub(crate) struct DurableSession {
    /// Its row; never used again for another session.
    pub(crate) id: i64,
    /// How many messages wait in its queue, or are about to.
    depth: AtomicU64,
}

impl DurableSession {
    pub(crate) fn removed(&self, count: u64) {
        let _previous =
            self.depth.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |depth| Some(depth.saturating_sub(count)));
    }

    fn reserve(&self) -> bool {
        let one_more = |depth| (depth < SESSION_QUEUE_MESSAGES_MAX).then_some(depth + 1);
        self.depth.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

/// Room for one message in the queue of a persistent session. It is free again when this is dropped: when the message has
/// not become durable.
#[derive(Debug)]
pub(crate) struct Place(Option<Arc<Session>>);

impl Place {
    /// The message has become durable.
    pub(crate) fn take(mut self, message: &Arc<Message>, seq: i64) {
        if let Some(session) = self.0.take()
            && let Some(mailbox) = &*session.mailbox.lock()
        {
            mailbox.push_durable(message, seq);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(durable) = self.0.as_ref().and_then(|session| session.durable.as_ref()) {
            durable.removed(1);
        }
    }
}

impl Session {
    /// Connects the session.
    pub(crate) fn attach(&self, mailbox: Arc<Mailbox>) {
        *self.mailbox.lock() = Some(mailbox);
    }

    /// Disconnects the session if it is `mailbox` that it is connected by.
    pub(crate) fn detach(&self, mailbox: &Arc<Mailbox>) {
        let mut attached = self.mailbox.lock();
        if attached.as_ref().is_some_and(|attached| Arc::ptr_eq(attached, mailbox)) {
            *attached = None;
        }
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.mailbox.lock().is_some()
    }

    /// Room for one more message in its durable queue, if there is any.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Place> {
        self.durable.as_ref()?.reserve().then(|| Place(Some(Arc::clone(self))))
    }

    fn mailbox(&self) -> Option<Arc<Mailbox>> {
        self.mailbox.lock().clone()
    }
}

#[derive(Debug, Clone)]
struct Subscriber {
    session: Arc<Session>,
    qos: QoS,
    options: SubscriptionOptions,
}

/// A message without the RETAIN flag, for whoever had subscribed when it came, and with it if it was published with it, for
/// those who asked for that. MQTT 5.0 section 3.3.1.3.
pub(crate) struct Copies {
    plain: Arc<Message>,
    as_published: Option<Arc<Message>>,
}

impl Copies {
    pub(crate) fn of(message: Message) -> Self {
        let as_published = message.retain.then(|| Arc::new(message.clone()));
        Self { plain: Arc::new(Message { retain: false, ..message }), as_published }
    }

    fn for_subscriber(&self, options: SubscriptionOptions) -> &Arc<Message> {
        self.as_published.as_ref().filter(|_| options.retain_as_published).unwrap_or(&self.plain)
    }
}

/// The sessions that a message goes to, each once, with the larger quality of service of its matching subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    /// Persistent sessions that get it with QoS 1: by their durable queues.
    durable: Vec<Arc<Session>>,
    /// Those of them that get it with the RETAIN flag.
    durable_as_published: Vec<Arc<Session>>,
    volatile: Vec<Subscriber>,
}

impl Recipients {
    /// Whether there are persistent sessions among them.
    pub(crate) fn are_durable(&self) -> bool {
        !self.durable.is_empty() || !self.durable_as_published.is_empty()
    }

    /// Puts the message into the queues of the persistent sessions.
    pub(crate) fn enqueue(&self, tx: &mut Tx<'_>, copies: &Copies, counters: &Arc<Counters>) -> Result<(), StoreError> {
        queue::enqueue(tx, &self.durable, &copies.plain, counters)?;
        match &copies.as_published {
            Some(as_published) => queue::enqueue(tx, &self.durable_as_published, as_published, counters),
            None => Ok(()),
        }
    }

    /// Gives the message to the connected sessions whose queue is in memory, waiting for none of them.
    pub(crate) fn deliver_volatile(&self, copies: &Copies, counters: &Counters) {
        for Subscriber { session, qos, options } in &self.volatile {
            let Some(mailbox) = session.mailbox() else { continue };
            let message = copies.for_subscriber(*options);
            match qos {
                QoS::AtMostOnce if mailbox.push_qos0(Arc::clone(message)).is_err() => counters.dropped_qos0.add(1),
                QoS::AtLeastOnce if mailbox.push_volatile(Arc::clone(message)).is_err() => {
                    mailbox.close(CloseReason::Throttled);
                }
                QoS::AtMostOnce | QoS::AtLeastOnce => {}
            }
        }
    }
}

/// All sessions and subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Router {
    subscriptions: RwLock<Subscriptions<u64, Subscriber>>,
    persistent: Mutex<HashMap<Arc<str>, Arc<Session>>>,
    next_key: AtomicU64,
}

impl Router {
    fn new_session(&self, durable: Option<DurableSession>) -> Arc<Session> {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        Arc::new(Session { key, durable, mailbox: Mutex::default() })
    }

    /// A session that lives as long as its connection.
    pub(crate) fn volatile_session(&self) -> Arc<Session> {
        self.new_session(None)
    }

    /// The persistent session of `client_id` whose row is `id`, with `depth` messages in its queue if it is new here.
    pub(crate) fn persistent_session(&self, client_id: &Arc<str>, id: i64, depth: u64) -> Arc<Session> {
        let mut persistent = self.persistent.lock();
        match persistent.get(client_id) {
            Some(session) if session.durable.as_ref().is_some_and(|durable| durable.id == id) => Arc::clone(session),
            _ => {
                let session = self.new_session(Some(DurableSession { id, depth: AtomicU64::new(depth) }));
                let replaced = persistent.insert(Arc::clone(client_id), Arc::clone(&session));
                drop(persistent);
                replaced.iter().for_each(|old| self.remove(old));
                session
            }
        }
    }

    /// Forgets the persistent session of `client_id`, if there is one.
    pub(crate) fn remove_persistent(&self, client_id: &str) {
        let removed = self.persistent.lock().remove(client_id);
        removed.iter().for_each(|session| self.remove(session));
    }

    /// Messages have left the queue of the persistent session of `client_id`, if its row is still `id`.
    pub(crate) fn removed(&self, client_id: &str, id: i64, count: u64) {
        let session = self.persistent.lock().get(client_id).cloned();
        let durable = session.as_ref().and_then(|session| session.durable.as_ref());
        if let Some(durable) = durable.filter(|durable| durable.id == id) {
            durable.removed(count);
        }
    }

    /// Forgets the subscriptions of `session`.
    pub(crate) fn remove(&self, session: &Session) {
        self.subscriptions.write().remove_key(&session.key);
    }

    pub(crate) fn subscribe(
        &self,
        session: &Arc<Session>,
        filter: TopicFilter,
        qos: QoS,
        options: SubscriptionOptions,
    ) {
        let subscriber = Subscriber { session: Arc::clone(session), qos, options };
        self.subscriptions.write().insert(filter, session.key, subscriber);
    }

    pub(crate) fn unsubscribe(&self, session: &Session, filter: &TopicFilter) {
        self.subscriptions.write().remove(filter, &session.key);
    }

    /// The filters of `session`.
    pub(crate) fn filters(&self, session: &Session) -> Vec<TopicFilter> {
        self.subscriptions.read().filters(&session.key).cloned().collect()
    }

    /// Who gets a message that `publisher` has published, if it was one of them.
    pub(crate) fn recipients(&self, message: &Message, publisher: Option<&Session>) -> Recipients {
        let mut found = Vec::new();
        let publisher = publisher.map(|session| session.key);
        self.subscriptions.read().for_each_match(&message.topic, |key, subscriber| {
            if !(subscriber.options.no_local && publisher == Some(*key)) {
                found.push(subscriber.clone());
            }
        });
        if found.len() > 1 {
            found.sort_by_key(|subscriber| (subscriber.session.key, std::cmp::Reverse(subscriber.qos)));
            found.dedup_by_key(|subscriber| subscriber.session.key);
        }
        let mut recipients = Recipients::default();
        for mut subscriber in found {
            subscriber.qos = subscriber.qos.min(message.qos);
            if subscriber.session.durable.is_none() || subscriber.qos == QoS::AtMostOnce {
                recipients.volatile.push(subscriber);
            } else if message.retain && subscriber.options.retain_as_published {
                recipients.durable_as_published.push(subscriber.session);
            } else {
                recipients.durable.push(subscriber.session);
            }
        }
        recipients
    }
}
