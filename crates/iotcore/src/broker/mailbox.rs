//! What waits in memory for one connection: bounded, filled by publishers without ever waiting, emptied by its task.
//!
//! Messages of a persistent session are in the durable queue as well, or [on their way there](super::handed). When they do not fit
//! here, the mailbox only notes that its connection is behind, and the connection reads them from there.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::close::CloseReason;
use super::handed::{Handed, Kept};
use crate::limits::{MAILBOX_BYTES_MAX, MAILBOX_MESSAGES_MAX};
use crate::message::Message;
use crate::topic::SubscribedFilter;

/// A QoS 1 message to deliver.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    /// Where it is besides.
    pub(crate) kept: Kept,
    /// The shared subscription it came by, if it is nowhere else.
    pub(crate) share: Option<Arc<SubscribedFilter>>,
}

/// The message does not fit.
#[derive(Debug)]
pub(crate) struct Full;

#[derive(Debug)]
pub(crate) struct Mailbox {
    contents: Mutex<Contents>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Contents {
    qos0: Bounded<Arc<Message>>,
    qos1: Bounded<Delivery>,
    behind: bool,
    /// The durable queue is being read.
    reading: bool,
    /// Numbers in the durable queue of what was put here before it was there.
    queued_too: BTreeSet<i64>,
    /// Its connection takes nothing more that came by a shared subscription.
    sealed: bool,
    close: Option<CloseReason>,
}

impl Mailbox {
    /// An empty mailbox; that of a persistent session begins with what is in its durable queue.
    pub(crate) fn new(persistent: bool) -> Self {
        let contents = Contents { behind: persistent, ..Contents::default() };
        Self { contents: Mutex::new(contents), wake: Notify::new() }
    }

    /// Adds a QoS 0 message.
    pub(crate) fn push_qos0(&self, message: Arc<Message>) -> Result<(), Full> {
        let bytes = message.bytes();
        self.contents.lock().qos0.push(message, bytes)?;
        self.wake.notify_one();
        Ok(())
    }

    /// Adds a QoS 1 message that is nowhere else.
    pub(crate) fn push_volatile(&self, message: Arc<Message>) -> Result<(), Full> {
        let bytes = message.bytes();
        self.contents.lock().qos1.push(Delivery { message, kept: Kept::Nowhere, share: None }, bytes)?;
        self.wake.notify_one();
        Ok(())
    }

    /// Adds a QoS 1 message that is nowhere else and that another member of the group may get instead.
    pub(crate) fn push_shared(&self, message: Arc<Message>, share: Arc<SubscribedFilter>) -> Result<(), Full> {
        let bytes = message.bytes();
        let mut contents = self.contents.lock();
        if contents.sealed {
            return Err(Full);
        }
        contents.qos1.push(Delivery { message, kept: Kept::Nowhere, share: Some(share) }, bytes)?;
        drop(contents);
        self.wake.notify_one();
        Ok(())
    }

    /// What is left of the QoS 1 messages; shared ones are not taken any more.
    pub(crate) fn seal(&self) -> VecDeque<Delivery> {
        let mut contents = self.contents.lock();
        contents.sealed = true;
        contents.qos1.take()
    }

    /// Tells of a message that is now in the durable queue. Called in the order of `seq`.
    pub(crate) fn push_durable(&self, message: &Arc<Message>, seq: i64) {
        let mut contents = self.contents.lock();
        if !contents.behind {
            let delivery = Delivery { message: Arc::clone(message), kept: Kept::Queued(seq), share: None };
            contents.behind = contents.qos1.push(delivery, message.bytes()).is_err();
        }
        drop(contents);
        self.wake.notify_one();
    }

    /// Adds a message that is not in the durable queue yet, unless something of it is to be read from there first.
    pub(super) fn push_handed(&self, message: Arc<Message>, handed: Arc<Handed>) -> Result<(), Full> {
        let bytes = message.bytes();
        let mut contents = self.contents.lock();
        if contents.behind || contents.reading {
            return Err(Full);
        }
        contents.qos1.push(Delivery { message, kept: Kept::Handed(handed), share: None }, bytes)?;
        drop(contents);
        self.wake.notify_one();
        Ok(())
    }

    /// What was handed over is in the durable queue, too, and not to be read from there.
    pub(super) fn is_queued_too(&self, seq: i64) {
        self.contents.lock().queued_too.insert(seq);
    }

    /// These are not in the durable queue any more.
    pub(super) fn are_removed(&self, seqs: &[i64]) {
        let queued_too = &mut self.contents.lock().queued_too;
        for seq in seqs {
            queued_too.remove(seq);
        }
    }

    /// Numbers in the durable queue of what was handed over.
    pub(super) fn queued_too(&self) -> BTreeSet<i64> {
        self.contents.lock().queued_too.clone()
    }

    /// Tells of messages that are now in the durable queue, to be read from there.
    pub(crate) fn push_unread(&self) {
        self.set_behind();
        self.wake.notify_one();
    }

    pub(crate) fn pop_qos0(&self) -> Option<Arc<Message>> {
        self.contents.lock().qos0.pop(|message| message.bytes())
    }

    pub(crate) fn pop_qos1(&self) -> Option<Delivery> {
        self.contents.lock().qos1.pop(|delivery| delivery.message.bytes())
    }

    /// Whether the durable queue must be read; if so, what is committed from now on is told again.
    pub(crate) fn begin_reading(&self) -> bool {
        let mut contents = self.contents.lock();
        // What is here comes before what is only in the durable queue.
        contents.reading = contents.qos1.queue.is_empty() && std::mem::take(&mut contents.behind);
        contents.reading
    }

    /// The durable queue was read, but for what `has_more` says.
    pub(crate) fn end_reading(&self, has_more: bool) {
        if has_more {
            self.set_behind();
        }
        self.contents.lock().reading = false;
    }

    /// The durable queue has more: what came meanwhile will be read from there, too.
    fn set_behind(&self) {
        let mut contents = self.contents.lock();
        contents.behind = true;
        let is_elsewhere = |delivery: &Delivery| matches!(delivery.kept, Kept::Queued(_));
        contents.qos1.retain(|delivery| !is_elsewhere(delivery), |delivery| delivery.message.bytes());
    }

    /// Ends the connection; the first reason counts.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.contents.lock().close.get_or_insert(reason);
        self.wake.notify_one();
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.contents.lock().close
    }

    /// Completes when something was added since it last completed.
    pub(crate) fn woken(&self) -> Notified<'_> {
        self.wake.notified()
    }
}

#[derive(Debug)]
pub(super) struct Bounded<T> {
    queue: VecDeque<T>,
    bytes: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Bounded<T> {
    pub(super) fn push(&mut self, item: T, bytes: usize) -> Result<(), Full> {
        if self.queue.len() >= MAILBOX_MESSAGES_MAX || self.bytes + bytes > MAILBOX_BYTES_MAX {
            return Err(Full);
        }
        self.queue.push_back(item);
        self.bytes += bytes;
        Ok(())
    }

    fn pop(&mut self, bytes: impl Fn(&T) -> usize) -> Option<T> {
        let item = self.queue.pop_front()?;
        self.bytes -= bytes(&item);
        if self.queue.is_empty() {
            // An idle connection keeps no buffer.
            self.queue = VecDeque::new();
        }
        Some(item)
    }

    /// All of it.
    pub(super) fn take(&mut self) -> VecDeque<T> {
        std::mem::take(self).queue
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool, bytes: impl Fn(&T) -> usize) {
        self.queue.retain(keep);
        self.bytes = self.queue.iter().map(bytes).sum();
    }
}
