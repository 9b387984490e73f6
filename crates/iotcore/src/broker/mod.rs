//! The message broker: sessions, subscriptions and connections over one [`Store`].
//!
//! Life of a publish: `accept` makes a connection, `inbound` checks and authorises the packet and asks the `router` who gets
//! it; what must be durable goes through the store's writer, unless those it is `handed` to acknowledge it first; when that is
//! so and the rules' targets have it, the PUBACK leaves; `outbound` sends it to each subscriber from its `mailbox` or, when that
//! could not hold it, from its `queue`.

mod accept;
mod close;
mod codec;
mod connect;
mod connection;
mod ending;
mod grants;
mod half_open;
mod handed;
mod handover;
mod inbound;
mod live;
mod mailbox;
mod outbound;
mod queue;
mod rate;
mod reader;
mod refusal;
mod retained;
mod router;
mod sessions;
mod shares;
mod subscribe;
mod waiting;

pub use accept::ServeError;
pub use close::CloseReason;
#[cfg(any(test, feature = "fuzzing"))]
pub use codec::fuzz as fuzz_codec;
pub use live::ConnectionInfo;

pub(crate) use accept::serve;
#[cfg(all(feature = "https", any(test, feature = "fuzzing")))]
pub(crate) use codec::check_properties;
pub(crate) use ending::{Owed, settle_owed};
pub(crate) use handover::give_out as give_out_shared;
pub(crate) use live::{Connected, Live};
pub(crate) use queue::sweep as sweep_queues;
pub(crate) use retained::sweep as sweep_retained;
pub(crate) use router::Router;
pub(crate) use sessions::{recover as recover_sessions, sweep as sweep_sessions};
#[cfg(feature = "https")]
pub(crate) use {grants::Grants, half_open::HalfOpen, sessions::end_with_connection as end_session_with_connection};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use grants::PolicyCache;
use router::Copies;

use crate::ca::Ca;
use crate::core::Config;
use crate::message::Message;
use crate::ports::{Clock, Entropy, ProvisioningHook};
use crate::rules::{Origin, Rules};
use crate::stats::Counters;
use crate::store::{Store, StoreError, Tx};
use crate::tls::Foreign;

/// All that connections share.
pub(crate) struct Broker {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hook: Option<Arc<dyn ProvisioningHook>>,
    pub(crate) store: Store,
    pub(crate) ca: Ca,
    pub(crate) tls: tokio_rustls::TlsAcceptor,
    /// The certificates that get through its handshake though another CA has issued them.
    pub(crate) foreign: Arc<Foreign>,
    pub(crate) rules: Rules,
    pub(crate) router: Router,
    pub(crate) live: Live,
    pub(crate) owed: Owed,
    pub(crate) counters: Arc<Counters>,
    pub(crate) policies: PolicyCache,
    /// Changes with everything that a connection's permissions rest on.
    pub(crate) registry_epoch: AtomicU64,
    /// The registry that the continuous jobs have followed.
    pub(crate) jobs_epoch: AtomicU64,
}

impl Broker {
    /// Publishes within a commit: to the durable queues and the outbox of the rules in it, to all others after it.
    pub(crate) fn publish_in(
        self: &Arc<Self>,
        tx: &mut Tx<'_>,
        message: Message,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        if message.retain {
            let _kept = retained::retain(tx, &message, origin.received_at_ms, &self.counters)?;
        }
        self.rules.enqueue(tx, &message, origin)?;
        let recipients = self.router.recipients(&message, None);
        let copies = Copies::of(message);
        recipients.enqueue(tx, &copies, self)?;
        let broker = Arc::clone(self);
        tx.after_commit(move || recipients.deliver_volatile(&copies, &broker));
        Ok(())
    }

    /// Makes every connection look up its permissions again, once `tx` is committed.
    pub(crate) fn registry_changed(self: &Arc<Self>, tx: &mut Tx<'_>) {
        let broker = Arc::clone(self);
        tx.after_commit(move || {
            broker.registry_epoch.fetch_add(1, Ordering::Release);
        });
    }
}
