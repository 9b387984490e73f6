//! A persistent session that a message is for, and how the message gets to its client: it is told of it when it is stored, or is
//! [handed](super::handed) it before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::handed::{Handed, Handing};
use super::router::Session;
use crate::message::Message;
use crate::topic::SubscribedFilter;

/// A persistent session in whose queue a message is to wait, and the shared subscription that it comes by.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(super) session: Arc<Session>,
    pub(super) share: Option<Arc<SubscribedFilter>>,
    pub(super) way: Way,
}

/// How a message gets to the client of a persistent session.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// It is told when it is stored.
    Unknown,
    /// The same, and nothing that comes after it may overtake it.
    Untold { _until_told: Arc<Untold> },
    /// It was handed over before it is stored.
    Handed(Arc<Handed>),
}

/// A message that a client is not told of yet.
#[derive(Debug)]
pub(super) struct Untold(Arc<Session>);

impl Untold {
    fn new(session: &Arc<Session>) -> Self {
        session.untold.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(session))
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        self.0.untold.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Waiting {
    pub(super) fn for_session(session: &Arc<Session>) -> Self {
        Self { session: Arc::clone(session), share: None, way: Way::Unknown }
    }

    /// Hands the message to the session's client, if that can take it now and no other is to come before it; says whether.
    pub(super) fn hand(&mut self, message: &Arc<Message>, handing: &Arc<Handing>) -> bool {
        // What is shared may go to another session in the end.
        if self.share.is_some() {
            return false;
        }
        if self.session.untold.load(Ordering::Acquire) == 0
            && let Some(mailbox) = self.session.mailbox()
        {
            let handed = handing.hand(&mailbox);
            if mailbox.push_handed(Arc::clone(message), Arc::clone(&handed)).is_ok() {
                self.way = Way::Handed(handed);
                return true;
            }
            handing.close_one();
        }
        self.way = Way::Untold { _until_told: Arc::new(Untold::new(&self.session)) };
        false
    }

    /// Whether it is to be stored: not what its client has acknowledged.
    pub(super) fn is_open(&self) -> bool {
        !matches!(&self.way, Way::Handed(handed) if !handed.is_open())
    }

    /// It is stored under `seq`, unless its client has acknowledged it just now; says which.
    pub(super) fn store_as(&self, seq: i64) -> bool {
        !matches!(&self.way, Way::Handed(handed) if !handed.store_as(seq))
    }
}

impl Way {
    pub(super) fn handed(&self) -> Option<&Handed> {
        if let Self::Handed(handed) = self { Some(handed) } else { None }
    }
}
