//! Who gets a message: the sessions and their subscriptions, persistent ones of absent clients among them.
//!
//! It does not know connections beyond their mailboxes, nor whether a client may receive what it subscribed to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::close::CloseReason;
use super::codec::SubscriptionOptions;
use super::handed::{Handed, Handing, Outcome};
use super::mailbox::{Bounded, Full, Mailbox};
use super::shares::Shares;
use super::waiting::Waiting;
use super::{Broker, handover, queue};
use crate::limits::SESSION_QUEUE_MESSAGES_MAX;
use crate::message::{Message, QoS};
use crate::store::{Pending, StoreError, Tx};
use crate::subscriptions::Subscriptions;
use crate::topic::SubscribedFilter;

/// A subscriber: a connected client, or a client with a persistent session, connected or not.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) key: u64,
    /// The durable session, if it is persistent.
    pub(crate) durable: Option<DurableSession>,
    mailbox: Mutex<Option<Arc<Mailbox>>>,
    /// Messages on their way to its durable queue that its client is told of only when they are there. None is handed over
    /// meanwhile, for it would overtake them.
    pub(super) untold: AtomicU64,
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

    #[cfg(test)]
    pub(super) fn depth(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
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
    /// The message has become durable: it is for the client, unless that was handed it before.
    pub(super) fn take(mut self, message: &Arc<Message>, seq: i64, handed: Option<&Handed>) {
        if let Some(session) = self.0.take()
            && let Some(mailbox) = &*session.mailbox.lock()
            && !handed.is_some_and(|handed| handed.is_in(mailbox))
        {
            mailbox.push_durable(message, seq);
        }
    }

    /// A message has become durable that is not at hand.
    pub(crate) fn take_unread(mut self) {
        if let Some(session) = self.0.take()
            && let Some(mailbox) = &*session.mailbox.lock()
        {
            mailbox.push_unread();
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

    /// Whether a durable queue, if it has one, is not full.
    pub(super) fn has_room(&self) -> bool {
        let has_room = |durable: &DurableSession| durable.depth.load(Ordering::Relaxed) < SESSION_QUEUE_MESSAGES_MAX;
        self.durable.as_ref().is_none_or(has_room)
    }

    /// Room for one more message in its durable queue, if there is any.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Place> {
        self.durable.as_ref()?.reserve().then(|| Place(Some(Arc::clone(self))))
    }

    pub(super) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        self.mailbox.lock().clone()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) session: Arc<Session>,
    pub(super) qos: QoS,
    pub(super) options: SubscriptionOptions,
    /// The shared subscription, if it is one.
    pub(super) share: Option<Arc<SubscribedFilter>>,
}

impl Subscriber {
    /// Whether its durable queue keeps a message with its quality of service.
    pub(super) fn is_kept(&self) -> bool {
        self.session.durable.is_some() && self.qos == QoS::AtLeastOnce
    }

    pub(super) fn waiting(self) -> Waiting {
        Waiting { share: self.share, ..Waiting::for_session(&self.session) }
    }

    /// Gives the message to the session's client, if it is connected, by its queue in memory.
    pub(super) fn push(&self, message: &Arc<Message>) -> Result<(), Full> {
        let mailbox = self.session.mailbox().ok_or(Full)?;
        match (self.qos, &self.share) {
            (QoS::AtMostOnce, _) => mailbox.push_qos0(Arc::clone(message)),
            (QoS::AtLeastOnce, None) => mailbox.push_volatile(Arc::clone(message)),
            (QoS::AtLeastOnce, Some(share)) => mailbox.push_shared(Arc::clone(message), Arc::clone(share)),
        }
    }
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
    durable: Vec<Waiting>,
    /// Those of them that get it with the RETAIN flag.
    durable_as_published: Vec<Waiting>,
    volatile: Vec<Subscriber>,
    /// Groups of which nobody can take it.
    unplaced: u64,
}

impl Recipients {
    /// Whether there are persistent sessions among them.
    pub(crate) fn are_durable(&self) -> bool {
        !self.durable.is_empty() || !self.durable_as_published.is_empty()
    }

    fn add(&mut self, message: &Message, subscriber: Subscriber) {
        if !subscriber.is_kept() {
            self.volatile.push(subscriber);
        } else if message.retain && subscriber.options.retain_as_published {
            self.durable_as_published.push(subscriber.waiting());
        } else {
            self.durable.push(subscriber.waiting());
        }
    }

    /// Hands the message to those clients of persistent sessions that can take it at once. If these are all of them, gives what
    /// makes the storing needless when they have acknowledged it, and what tells of either.
    pub(super) fn hand_out(&mut self, copies: &Copies) -> Option<(Arc<Outcome>, Pending<bool, StoreError>)> {
        let (handing, pending) = Handing::begin();
        let mut are_all = true;
        for waiting in &mut self.durable {
            are_all &= waiting.hand(&copies.plain, &handing);
        }
        for waiting in &mut self.durable_as_published {
            are_all &= copies.as_published.as_ref().is_some_and(|message| waiting.hand(message, &handing));
        }
        are_all.then(|| (handing.is_complete(), pending))
    }

    /// Puts the message into the queues of the persistent sessions.
    pub(crate) fn enqueue(&self, tx: &mut Tx<'_>, copies: &Copies, broker: &Arc<Broker>) -> Result<(), StoreError> {
        let as_published = copies.as_published.as_ref().map(|message| (&self.durable_as_published, message));
        for (waiting, message) in std::iter::once((&self.durable, &copies.plain)).chain(as_published) {
            for Waiting { session, share, .. } in queue::enqueue(tx, waiting, message, &broker.counters)? {
                if let Some(group) = share {
                    handover::send(tx, broker, &group, message, vec![session.key])?;
                }
            }
        }
        Ok(())
    }

    /// Gives the message to the connected sessions whose queue is in memory, waiting for none of them.
    pub(crate) fn deliver_volatile(&self, copies: &Copies, broker: &Broker) {
        broker.counters.dropped_shared.add(self.unplaced);
        for subscriber in &self.volatile {
            let message = copies.for_subscriber(subscriber.options);
            if let Some(group) = &subscriber.share {
                handover::push(broker, group, subscriber.clone(), message);
            } else if let Some(mailbox) = subscriber.session.mailbox()
                && subscriber.push(message).is_err()
            {
                match subscriber.qos {
                    QoS::AtMostOnce => broker.counters.dropped_qos0.add(1),
                    QoS::AtLeastOnce => mailbox.close(CloseReason::Throttled),
                }
            }
        }
    }
}

/// A message that no member of a group could take, and the group.
pub(super) type Unplaced = (Arc<SubscribedFilter>, Arc<Message>);

/// All sessions and subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Router {
    subscriptions: RwLock<Subscriptions<u64, Subscriber>>,
    shares: RwLock<Shares>,
    /// As many as one client may let wait.
    unplaced: Mutex<Bounded<Unplaced>>,
    persistent: Mutex<HashMap<Arc<str>, Arc<Session>>>,
    next_key: AtomicU64,
}

impl Router {
    fn new_session(&self, durable: Option<DurableSession>) -> Arc<Session> {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        Arc::new(Session { key, durable, mailbox: Mutex::default(), untold: AtomicU64::new(0) })
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
        self.shares.write().remove_key(session.key);
    }

    pub(crate) fn subscribe(
        &self,
        session: &Arc<Session>,
        filter: SubscribedFilter,
        qos: QoS,
        options: SubscriptionOptions,
    ) {
        let subscriber = Subscriber { session: Arc::clone(session), qos, options, share: None };
        if filter.share().is_some() {
            self.shares.write().insert(filter, subscriber);
        } else {
            self.subscriptions.write().insert(filter.filter().clone(), session.key, subscriber);
        }
    }

    pub(crate) fn unsubscribe(&self, session: &Session, filter: &SubscribedFilter) {
        if filter.share().is_some() {
            self.shares.write().remove(filter, session.key);
        } else {
            self.subscriptions.write().remove(filter.filter(), &session.key);
        }
    }

    /// The filters of `session`.
    pub(crate) fn filters(&self, session: &Session) -> Vec<SubscribedFilter> {
        let mut filters = self.shares.read().filters(session.key);
        filters.extend(self.subscriptions.read().filters(&session.key).cloned().map(SubscribedFilter::alone));
        filters
    }

    /// How many members a group has.
    pub(crate) fn members(&self, group: &SubscribedFilter) -> usize {
        self.shares.read().members(group)
    }

    /// The member of a group whose turn it is to get a message with `qos`, none of `tried`.
    pub(super) fn choose(&self, group: &SubscribedFilter, qos: QoS, tried: &[u64]) -> Option<Subscriber> {
        self.shares.read().group(group)?.choose(qos, tried)
    }

    /// Keeps a message for a while that no member of a group can take now.
    pub(super) fn put_back(&self, group: &Arc<SubscribedFilter>, message: &Arc<Message>) -> Result<(), Full> {
        self.unplaced.lock().push((Arc::clone(group), Arc::clone(message)), message.bytes())
    }

    /// What no member could take until now.
    pub(super) fn take_back(&self) -> VecDeque<Unplaced> {
        self.unplaced.lock().take()
    }

    /// The key of the persistent session of `client_id`, if there is one.
    pub(super) fn key_of(&self, client_id: &str) -> Option<u64> {
        self.persistent.lock().get(client_id).map(|session| session.key)
    }

    /// Who gets a message that `publisher` has published, if it was one of them. Of Basic Ingest, nobody.
    pub(crate) fn recipients(&self, message: &Message, publisher: Option<&Session>) -> Recipients {
        if message.topic.basic_ingest().is_some() {
            return Recipients::default();
        }
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
        for subscriber in found {
            recipients.add(message, Subscriber { qos: subscriber.qos.min(message.qos), ..subscriber });
        }
        self.shares.read().for_each_match(&message.topic, |group| match group.choose(message.qos, &[]) {
            Some(subscriber) => recipients.add(message, subscriber),
            None => recipients.unplaced += u64::from(message.qos == QoS::AtLeastOnce),
        });
        recipients
    }
}
