//! The end of a client's presence: its lifecycle event, its will, and the time that its session has left, in one commit.
//!
//! What cannot be committed now (a full disk) is owed, and tried again with every sweep, so that a client that has gone
//! does not stay connected in the store until the next start. Only who had been connected can be owed, and nobody connects
//! while nothing can be committed, so there are no more of them than there were connections.

use std::sync::Arc;

use parking_lot::Mutex;

use super::close::CloseReason;
use super::live::Connected;
use super::{Broker, sessions};
use crate::lifecycle;
use crate::store::{StoreError, Tx};

/// A connection that has ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) connected: Arc<Connected>,
    /// Its durable session, if it has one.
    pub(super) session_id: Option<i64>,
    pub(super) reason: CloseReason,
    pub(super) with_will: bool,
    /// How long the session is to stay instead of what its CONNECT said, in seconds.
    pub(super) expiry_s: Option<u32>,
}

/// Those whose end is not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Owed(Mutex<Vec<Arc<Ending>>>);

impl Ending {
    /// Makes it durable, or owes it.
    pub(super) async fn settle(self, broker: &Arc<Broker>) -> Result<(), StoreError> {
        let ending = Arc::new(self);
        let written = write(broker, &ending).await;
        if written.is_err() {
            broker.owed.0.lock().push(ending);
        }
        written
    }

    /// Nothing, if somebody has taken over from the connection: then that has ended its presence.
    fn apply(&self, tx: &mut Tx<'_>, broker: &Arc<Broker>) -> Result<(), StoreError> {
        if !lifecycle::is_current(tx, &self.connected)? {
            return Ok(());
        }
        if let (Some(session_id), Some(expiry_s)) = (self.session_id, self.expiry_s) {
            sessions::change_expiry(tx, session_id, expiry_s)?;
        }
        lifecycle::disconnected(tx, broker, &self.connected, self.reason, self.with_will)?;
        match self.session_id {
            Some(session_id) => sessions::suspend(tx, broker, session_id),
            None => Ok(()),
        }
    }
}

async fn write(broker: &Arc<Broker>, ending: &Arc<Ending>) -> Result<(), StoreError> {
    let (ending, broker_of_job) = (Arc::clone(ending), Arc::clone(broker));
    broker.store.write(move |tx: &mut Tx<'_>| ending.apply(tx, &broker_of_job)).await
}

/// What is owed of a client that comes back, before it does: how it went is not forgotten.
pub(super) fn apply_owed(tx: &mut Tx<'_>, broker: &Arc<Broker>, client_id: &str) -> Result<(), StoreError> {
    let owed = broker.owed.0.lock().clone();
    owed.iter()
        .filter(|ending| &*ending.connected.client_id == client_id)
        .try_for_each(|ending| ending.apply(tx, broker))
}

/// Tries again, up to the first that still cannot be committed.
pub(crate) async fn settle_owed(broker: &Arc<Broker>) -> Result<(), StoreError> {
    let owed = broker.owed.0.lock().clone();
    for ending in owed {
        write(broker, &ending).await?;
        broker.owed.0.lock().retain(|other| !Arc::ptr_eq(other, &ending));
    }
    Ok(())
}
