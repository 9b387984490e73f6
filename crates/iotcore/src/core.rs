//! The handle of an embedded IoT Core: opening, serving, publishing and upkeep. The control operations are in `control`.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::broker::{self, Broker, CloseReason, ConnectionInfo, Live, Owed, Router, ServeError as AcceptError};
use crate::ca::Ca;
use crate::error::Error;
use crate::lifecycle;
use crate::message::{Message, QoS};
use crate::ports::{Clock, Entropy, ProvisioningHook, Rule};
use crate::presence::{self, Departure};
use crate::registry::certificates;
use crate::rules::{Origin, Rules};
use crate::stats::{Counters, Stats};
use crate::store::{self, StoreError, Tx};
use crate::tls::{self, Foreign};
use crate::topic::TopicName;
use crate::upkeep;

/// What an IoT Core is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The directory of its database and its certificate authority; made if it is missing, for its owner alone.
    pub data: PathBuf,
    /// Names and addresses by which clients reach it, for the server's certificate; the loopback ones are added.
    pub hosts: Vec<String>,
    /// How long a persistent session outlives its connection, in seconds. AWS: one hour, up to seven days.
    pub session_expiry_s: u64,
    /// Refuses a certificate the client id that is the name of a thing it is not attached to, whatever its policies say.
    /// AWS does not: there, whoever may connect under a thing's name throws the thing off its connection.
    pub exclusive_client_ids: bool,
    /// Imposes AWS's limits per second and in flight: a client that publishes faster is read no faster, and one that asks a
    /// shadow too much at once is answered 429. They protect a shared service; a private one has no need of them.
    pub aws_rates: bool,
    /// The region in the ARNs of its policies.
    pub region: String,
    /// The account in the ARNs of its policies.
    pub account: String,
}

impl Config {
    /// Everything in `data`, reached from this machine, as AWS has it by default.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            hosts: Vec::new(),
            session_expiry_s: 3600,
            exclusive_client_ids: false,
            aws_rates: false,
            region: "local".into(),
            account: "000000000000".into(),
        }
    }
}

/// What an IoT Core works with.
pub struct Parts {
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Asked before a device is provisioned; without one every device with a claim may be.
    pub hook: Option<Arc<dyn ProvisioningHook>>,
    /// Where messages go besides subscribers.
    pub rules: Vec<Rule>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("hook", &self.hook.is_some()).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Serving has ended though nobody asked for it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed for good.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// The core was closed, or its database's writer has died: nothing can be kept any more.
    #[error("the database takes nothing any more")]
    Closed,
}

/// An embedded AWS IoT Core. Clones are handles of the same one.
#[derive(Clone)]
pub struct IotCore {
    pub(crate) broker: Arc<Broker>,
    tasks: Arc<Tasks>,
}

impl std::fmt::Debug for IotCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IotCore").field("config", &self.broker.config).finish_non_exhaustive()
    }
}

/// Ends when it is closed, or with the last handle.
struct Tasks(Vec<AbortHandle>);

impl Tasks {
    fn end(&self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.end();
    }
}

impl IotCore {
    /// Opens the data directory, waiting for another process to let go of it for some seconds, and publishes the disconnect
    /// events that a killed process owed. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Store`], which names the file that is damaged, in use or not accessible; [`Error::Ca`] and [`Error::Tls`].
    pub async fn open(config: Config, parts: Parts) -> Result<Self, Error> {
        let Parts { clock, entropy, hook, rules } = parts;
        let store = store::open(&config.data).await?;
        let certificates = |connection: &rusqlite::Connection| -> Result<_, StoreError> {
            Ok((!certificates::list(connection, "")?.is_empty(), certificates::foreign(connection)?))
        };
        let (in_use, foreign) = store.read(certificates).await?;
        let foreign = Foreign::new(foreign);
        let ca = Ca::open(&config.data.join("ca"), in_use, Arc::clone(&clock), Arc::clone(&entropy))?;
        let tls = tls::server_config(&ca, &foreign, &config.hosts, Arc::clone(&clock))?;
        let counters = Arc::new(Counters::default());
        let broker = Arc::new(Broker {
            config,
            clock,
            entropy,
            hook,
            store,
            ca,
            tls: TlsAcceptor::from(Arc::new(tls)),
            foreign,
            rules: Rules::new(rules, Arc::clone(&counters)),
            router: Router::default(),
            live: Live::default(),
            owed: Owed::default(),
            counters,
            policies: Default::default(),
            registry_epoch: AtomicU64::new(0),
            jobs_epoch: AtomicU64::new(u64::MAX),
        });
        recover(&broker).await?;
        let tasks = broker.rules.start(&broker);
        Ok(Self { broker, tasks: Arc::new(Tasks(tasks)) })
    }

    /// Accepts MQTT over TLS until `shutdown` completes, then ends the connections it accepted and returns when that is
    /// durable. Meanwhile what has expired by the [`Clock`] is removed every second, as [`IotCore::sweep`] does. To drop the
    /// future instead is, for its connections, as if the process were killed.
    ///
    /// # Errors
    /// [`ServeError`], when it cannot go on; failures of single peers are logged.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut closed = false;
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = self.broker.store.ended() => closed = true,
            }
        };
        tokio::select! {
            served = broker::serve(Arc::clone(&self.broker), listener, stop) => served?,
            never = upkeep::run(&self.broker) => match never {},
        }
        if closed { Err(ServeError::Closed) } else { Ok(()) }
    }

    /// Ends it for all its handles: what was asked until now is committed, then the database is one whole file, and the data
    /// directory free for another process. To be called when [`IotCore::serve`] has returned; whatever is asked afterwards
    /// fails with [`StoreError::Closed`]. Without it the same is done some time after the last handle is dropped.
    ///
    /// # Errors
    /// [`StoreError`], when the database could not be closed cleanly; what was acknowledged is durable all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.tasks.end();
        self.broker.store.close().await
    }

    /// The root certificate that clients verify this server with, in PEM.
    #[must_use]
    pub fn root_ca_pem(&self) -> &str {
        self.broker.ca.root_pem()
    }

    /// Publishes a message as the IoT Core itself: no policy is asked. Returns when all that must be durable is.
    ///
    /// # Errors
    /// [`StoreError`], when it could not be made durable.
    pub async fn publish(&self, topic: TopicName, payload: Bytes, qos: QoS, retain: bool) -> Result<(), StoreError> {
        let broker = Arc::clone(&self.broker);
        let message = Message { retain, ..Message::new(topic, payload.as_ref(), qos) };
        let job = move |tx: &mut Tx<'_>| {
            let origin = Origin { principal: None, client_id: None, received_at_ms: broker.clock.now_ms() };
            broker.publish_in(tx, message, &origin)
        };
        self.broker.store.write(job).await
    }

    /// The connection of a client, if it is connected.
    #[must_use]
    pub fn connection(&self, client_id: &str) -> Option<ConnectionInfo> {
        self.broker.live.info(client_id)
    }

    /// When and why the last connection of a client has ended, if it is not connected and remembered: for
    /// [`LIFECYCLE_VERSION_MS`](crate::limits::LIFECYCLE_VERSION_MS) or as long as its session, and if it has the name of a
    /// registered thing for ever.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn departure(&self, client_id: &str) -> Result<Option<Departure>, StoreError> {
        let client_id = client_id.to_owned();
        self.broker.store.read(move |connection| presence::departure(connection, &client_id)).await
    }

    /// Ends the connection of a client; says whether there was one. API Reference, `DeleteConnection`.
    #[must_use]
    pub fn delete_connection(&self, client_id: &str) -> bool {
        self.broker.live.close(client_id, CloseReason::ApiInitiated)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.broker.counters.read(self.broker.live.len())
    }

    /// Removes what has expired by the [`Clock`], at most so much at once that it holds up nobody for long.
    /// [`IotCore::serve`] does it every second; this is for virtual time.
    ///
    /// # Errors
    /// [`StoreError`], when nothing could be removed.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        upkeep::sweep(&self.broker).await
    }

    /// Copies the database, as it is at one moment, to `destination`, which must not exist yet. The certificate authority
    /// is beside the database in `ca` and never changes.
    ///
    /// # Errors
    /// [`StoreError`], naming the file that exists or cannot be written.
    pub async fn backup(&self, destination: &Path) -> Result<(), StoreError> {
        self.broker.store.backup(destination.into()).await
    }
}

/// Reads the sessions of the last run, and ends the presence of those who were connected when it was killed.
async fn recover(broker: &Arc<Broker>) -> Result<(), StoreError> {
    let job = {
        let broker = Arc::clone(broker);
        move |tx: &mut Tx<'_>| {
            let now_ms = broker.clock.now_ms();
            broker::recover_sessions(tx, &broker.router, now_ms)?;
            broker.rules.recover(tx)?;
            lifecycle::recover(tx, &broker)
        }
    };
    broker.store.write(job).await
}
