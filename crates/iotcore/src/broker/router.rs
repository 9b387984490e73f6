//! Who gets a message: the sessions and their subscriptions, persistent ones of absent clients among them.
//!
//! It does not know connections beyond their mailboxes, nor whether a client may receive what it subscribed to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::close::CloseReason;
use super::mailbox::Mailbox;
use crate::limits::SESSION_QUEUE_MESSAGES_MAX;
use crate::message::{Message, QoS};
use crate::stats::Counters;
use crate::subscriptions::Subscriptions;
use crate::topic::{TopicFilter, TopicName};

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
    /// How many messages wait in its queue, about.
    depth: AtomicU64,
}

impl DurableSession {
    pub(crate) fn is_full(&self) -> bool {
        self.depth.load(Ordering::Relaxed) >= SESSION_QUEUE_MESSAGES_MAX
    }

    pub(crate) fn removed(&self, count: u64) {
        let _previous =
            self.depth.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |depth| Some(depth.saturating_sub(count)));
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

    /// A message has become durable in the session's queue.
    pub(crate) fn queued(&self, message: &Arc<Message>, seq: i64) {
        if let Some(durable) = &self.durable {
            durable.depth.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(mailbox) = &*self.mailbox.lock() {
            mailbox.push_durable(message, seq);
        }
    }

    fn mailbox(&self) -> Option<Arc<Mailbox>> {
        self.mailbox.lock().clone()
    }
}

#[derive(Debug, Clone)]
struct Subscriber {
    session: Arc<Session>,
    qos: QoS,
}

/// The sessions that a message goes to, each once, with the larger quality of service of its matching subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    /// Persistent sessions that get it with QoS 1: by their durable queues.
    pub(crate) durable: Vec<Arc<Session>>,
    volatile: Vec<Subscriber>,
}

impl Recipients {
    /// Gives the message to the connected sessions whose queue is in memory, waiting for none of them.
    pub(crate) fn deliver_volatile(&self, message: &Arc<Message>, counters: &Counters) {
        for Subscriber { session, qos } in &self.volatile {
            let Some(mailbox) = session.mailbox() else { continue };
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

    /// Forgets the subscriptions of `session`.
    pub(crate) fn remove(&self, session: &Session) {
        self.subscriptions.write().remove_key(&session.key);
    }

    pub(crate) fn subscribe(&self, session: &Arc<Session>, filter: TopicFilter, qos: QoS) {
        let subscriber = Subscriber { session: Arc::clone(session), qos };
        self.subscriptions.write().insert(filter, session.key, subscriber);
    }

    pub(crate) fn unsubscribe(&self, session: &Session, filter: &TopicFilter) {
        self.subscriptions.write().remove(filter, &session.key);
    }

    /// The filters of `session`.
    pub(crate) fn filters(&self, session: &Session) -> Vec<TopicFilter> {
        self.subscriptions.read().filters(&session.key).cloned().collect()
    }

    pub(crate) fn recipients(&self, topic: &TopicName, qos: QoS) -> Recipients {
        let mut found = Vec::new();
        self.subscriptions.read().for_each_match(topic, |_, subscriber| found.push(subscriber.clone()));
        if found.len() > 1 {
            found.sort_by_key(|subscriber| (subscriber.session.key, std::cmp::Reverse(subscriber.qos)));
            found.dedup_by_key(|subscriber| subscriber.session.key);
        }
        let mut recipients = Recipients::default();
        for mut subscriber in found {
            subscriber.qos = subscriber.qos.min(qos);
            if subscriber.session.durable.is_some() && subscriber.qos == QoS::AtLeastOnce {
                recipients.durable.push(subscriber.session);
            } else {
                recipients.volatile.push(subscriber);
            }
        }
        recipients
    }
}
