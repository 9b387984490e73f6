//! Messages that are handed to the connected clients of persistent sessions before they are stored.
//!
//! A client that acknowledges such a message soon enough spares the store the message: it is stored if the acknowledgement does not
//! come first. So a PUBACK to the publisher still says that nobody can lose it: each persistent session has it on disk, or
//! its client has taken it over. MQTT 5.0 section 4.3.2.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::mailbox::Mailbox;
use crate::store::{Pending, StoreError, Waiver};

/// Where a message is besides, until its client has acknowledged it.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    /// Nowhere.
    Nowhere,
    /// In the durable queue, under this number.
    Queued(i64),
    /// On its way there, unless it is acknowledged first.
    Handed(Arc<Handed>),
}

impl Kept {
    /// The client has it, or is not to get it: gives the number under which it is in the durable queue, if it came to that.
    pub(super) fn settle(&self) -> Option<i64> {
        match self {
            Self::Nowhere => None,
            Self::Queued(seq) => Some(*seq),
            Self::Handed(handed) => handed.settle(),
        }
    }
}

/// Neither acknowledged nor stored. Numbers in the queue begin with 1.
const OPEN: i64 = 0;
/// Acknowledged, and not to be stored.
const SETTLED: i64 = -1;

/// One client's copy.
#[derive(Debug)]
pub(crate) struct Handed {
    /// [`OPEN`], [`SETTLED`], or the number it is stored under.
    state: AtomicI64,
    mailbox: Weak<Mailbox>,
    handing: Arc<Handing>,
}

impl Handed {
    fn settle(&self) -> Option<i64> {
        match self.state.compare_exchange(OPEN, SETTLED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.handing.close_one();
                None
            }
            Err(seq) => Some(seq).filter(|seq| *seq != SETTLED),
        }
    }

    /// Whether it is still to be stored.
    pub(super) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// It is stored under `seq` from now on, unless it has been acknowledged; says which.
    pub(super) fn store_as(&self, seq: i64) -> bool {
        let is_open = self.state.compare_exchange(OPEN, seq, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if is_open && let Some(mailbox) = self.mailbox.upgrade() {
            mailbox.is_queued_too(seq);
        }
        is_open
    }

    /// Whether it is this mailbox that has it.
    pub(super) fn is_in(&self, mailbox: &Arc<Mailbox>) -> bool {
        std::ptr::eq(self.mailbox.as_ptr(), Arc::as_ptr(mailbox))
    }
}

/// What the publisher waits for: whether the message was retained, if that was asked.
pub(super) type Outcome = Waiver<bool, StoreError>;

/// A message on its way to those it is handed to.
#[derive(Debug)]
pub(super) struct Handing {
    /// Who has not acknowledged it; and one more until it is known that there are no others.
    open: AtomicUsize,
    outcome: Arc<Outcome>,
}

impl Handing {
    pub(super) fn begin() -> (Arc<Self>, Pending<bool, StoreError>) {
        let (outcome, pending) = Waiver::new();
        (Arc::new(Self { open: AtomicUsize::new(1), outcome }), pending)
    }

    /// One more copy, for the client with this mailbox.
    pub(super) fn hand(self: &Arc<Self>, mailbox: &Arc<Mailbox>) -> Arc<Handed> {
        self.open.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::downgrade(mailbox);
        Arc::new(Handed { state: AtomicI64::new(OPEN), mailbox, handing: Arc::clone(self) })
    }

    /// A copy that could not be handed over, or was acknowledged; with the last one there is nothing to store any more.
    pub(super) fn close_one(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.outcome.waive(true);
        }
    }

    /// There are no others: gives what makes the storing needless.
    pub(super) fn is_complete(&self) -> Arc<Outcome> {
        self.close_one();
        Arc::clone(&self.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_done(outcome: &mut std::pin::Pin<Box<impl Future<Output = Result<bool, StoreError>>>>) -> bool {
        use futures_util::FutureExt;
        outcome.as_mut().now_or_never().is_some()
    }

    #[test]
    fn the_publisher_is_answered_when_the_last_client_has_acknowledged() {
        let (handing, pending) = Handing::begin();
        let mut outcome = Box::pin(pending.durable());
        let mailbox = Arc::new(Mailbox::new(true));
        let (first, second) = (handing.hand(&mailbox), handing.hand(&mailbox));
        assert_eq!((first.settle(), first.settle()), (None, None));
        assert!(!is_done(&mut outcome));
        let _waiver = handing.is_complete();
        assert!(!is_done(&mut outcome));
        assert_eq!(second.settle(), None);
        assert!(is_done(&mut outcome));
        assert!(!first.store_as(1) && !first.is_open());
    }

    #[test]
    fn what_is_stored_first_is_removed_by_the_acknowledgement() {
        let (handing, pending) = Handing::begin();
        let mut outcome = Box::pin(pending.durable());
        let mailbox = Arc::new(Mailbox::new(true));
        let handed = handing.hand(&mailbox);
        let _waiver = handing.is_complete();
        assert!(handed.is_open() && handed.store_as(7) && !handed.is_open() && !handed.store_as(8));
        assert_eq!(handed.settle(), Some(7));
        assert!(!is_done(&mut outcome), "that is for the store to say");
        assert!(handed.is_in(&mailbox) && !handed.is_in(&Arc::new(Mailbox::new(true))));
    }
}
