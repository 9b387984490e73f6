//! The embedded hub: one process on one machine, composed of the hub, its local stores and the embedded IoT Core.
//!
//! It is one of marvain's composition roots. What it decides is which parts there are; what they do is theirs.

mod files;
mod fleet;
mod http;
mod operations;
mod restore;
mod rules;
mod system;
#[cfg(test)]
mod tests;
mod workers;

pub(crate) use files::{DataDir, FileError};
pub(crate) use restore::Restore;
pub(crate) use system::System;

use files::Identity;
use fleet::{EmbeddedBus, EmbeddedFleet, Endpoint};
use marvain_console::{Api, router};
use marvain_domain::{chain, id::PersonId};
use marvain_hub::{
    Hub, Ports, Settings,
    people::Credential,
    planner::{self, OpenAiSettings},
    port::NoPush,
};
use marvain_iotcore::{Config, IotCore, Parts};
use marvain_local::{LocalStores, SeedSigner};
use operations::LocalOperations;
use rules::EnrolmentHook;
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::PathBuf,
    process,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
    time,
};

/// How long sessions of satellites that are away keep their messages, in seconds: AWS IoT's longest.
const SESSION_EXPIRY_S: u64 = 7 * 24 * 3600;
/// How long a hub that is told to stop may take to finish what it holds, in seconds.
const SHUTDOWN_S: u64 = 10;
/// The hub's own persona.
const AGENT: &str = "marvain";
/// The owner of a new hub, unless said.
const OWNER: &str = "owner";

/// How to start a hub.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Its data.
    pub(crate) data: PathBuf,
    /// Where satellites connect.
    pub(crate) mqtt: SocketAddr,
    /// Where its API listens.
    pub(crate) http: SocketAddr,
    /// The name or address that satellites know it by.
    pub(crate) endpoint: String,
    /// The owner's name, if somebody says it; a hub has the one that it began with.
    pub(crate) owner: Option<PersonId>,
    /// Settings of OpenAI's planner; none to plan by plain rules.
    pub(crate) openai: Option<OpenAiSettings>,
    /// IANA time zone that the household lives by.
    pub(crate) time_zone: String,
}

/// What a hub says when it is ready: `marvain up --json` prints it, and commands find the hub by it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Always true.
    pub(crate) ready: bool,
    /// Address of the broker.
    pub(crate) mqtt: String,
    /// Address of the API.
    pub(crate) http: String,
    /// Its data.
    pub(crate) data: PathBuf,
    /// Process id.
    pub(crate) pid: u32,
    /// Who plans.
    pub(crate) planner: String,
}

/// Why a hub does not start or run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbeddedError {
    #[error(transparent)]
    Files(#[from] FileError),
    #[error(transparent)]
    Local(#[from] marvain_local::OpenError),
    #[error("the broker does not start")]
    IotCore(#[from] marvain_iotcore::Error),
    #[error("the rules of the channel table do not fit the broker")]
    Rules(#[from] marvain_iotcore::topic::TopicError),
    #[error("{0}")]
    Settings(String),
    #[error("cannot listen on {address} for {what}: is it in use? `--{what} 127.0.0.1:0` picks a free port")]
    Listen {
        what: &'static str,
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Planner(#[from] planner::SettingsError),
    #[error("the owner of this hub is `{present}`, not `{named}`: start it without `--owner {named}`")]
    OtherOwner { present: PersonId, named: PersonId },
    #[error("the owner cannot be set up")]
    Owner(#[from] marvain_hub::people::RequestError),
    #[error("the audit log cannot say that the data were restored")]
    Restored(#[from] marvain_hub::port::LedgerError),
    #[error("the audit log cannot have this hub's name")]
    Origin(#[from] marvain_domain::audit::origin::OriginError),
}

/// Why a hub cannot go on as it is.
pub(crate) enum Ending {
    /// It was asked to put a backup in the place of its data.
    Restore(Restore),
    /// A part has ended that should not have; the log says why.
    Failure,
}

/// A hub that runs.
pub(crate) struct Embedded {
    pub(crate) running: Running,
    data: DataDir,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    iot: IotCore,
    restores: mpsc::Receiver<Restore>,
}

impl Embedded {
    /// Starts a hub. When it returns, satellites and commands can connect.
    pub(crate) async fn start(options: Options, system: System) -> Result<Self, EmbeddedError> {
        // First, because it looks whether there should be data, and keeps others away from them.
        let stores = LocalStores::open(&options.data)?;
        let data = DataDir::open(stores.directory())?;
        let (mqtt, mqtt_address) = listen("mqtt", options.mqtt).await?;
        let (http_listener, http_address) = listen("http", options.http).await?;
        let host = options.endpoint;
        let endpoint = Endpoint { host: host.clone(), port: mqtt_address.port() };

        let identity = identity(&data, options.owner, &system)?;
        let log_origin = format!("marvain.local/{}", identity.id).parse()?;
        let signer = Arc::new(SeedSigner::new(&data.seed(&system)?));
        let queues = stores.queues.clone();
        let hub_slot = Arc::new(OnceLock::new());
        let config = Config {
            hosts: vec![host.clone()],
            session_expiry_s: SESSION_EXPIRY_S,
            exclusive_client_ids: true,
            ..Config::new(data.iot())
        };
        let parts = Parts {
            clock: Arc::new(system.clone()),
            entropy: Arc::new(system.clone()),
            hook: Some(Arc::new(EnrolmentHook { hub: hub_slot.clone(), system: system.clone() })),
            rules: rules::rules(&queues)?,
        };
        let iot = IotCore::open(config, parts).await?;
        fleet::install(&iot).await?;

        let model = planner::from_settings(options.openai.as_ref(), system.clock(), system.dice())?;
        let ports = Ports {
            ledger: stores.ledger.clone(),
            recall: stores.recall.clone(),
            model,
            bus: Arc::new(EmbeddedBus { queues: queues.clone(), iot: iot.clone() }),
            fleet: Arc::new(EmbeddedFleet { iot: iot.clone(), endpoint }),
            push: Arc::new(NoPush),
            vault: stores.vault.clone(),
            telemetry: stores.telemetry.clone(),
            signer,
        };
        let agent = AGENT.parse().map_err(settings)?;
        let hub = Arc::new(Hub::new(ports, Settings { agent, time_zone: options.time_zone, log_origin }));
        hub.bootstrap(&identity.owner, &Credential::Token(data.owner(&system)?), system.now()).await?;
        restore::record(&hub, data.path()).await?;
        // Set once: this is the only place.
        drop(hub_slot.set(Arc::downgrade(&hub)));

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        workers::start(&mut tasks, &hub, &queues, &system, &stopped);
        workers::start_upkeep(&mut tasks, &hub, &system, &stopped);
        let (ask_restore, restores) = mpsc::channel(1);
        let operations = LocalOperations::new(stores, iot.clone(), system.clone(), ask_restore);
        let api = Api {
            hub: hub.clone(),
            operations: Arc::new(operations),
            hosts: vec![host],
            clock: system.clock(),
            entropy: system.entropy(),
        };
        tasks.spawn(http::serve(http_listener, router(api), stopped.clone()));
        tasks.spawn(serve_mqtt(iot.clone(), mqtt, stopped));

        let running = Running {
            ready: true,
            mqtt: mqtt_address.to_string(),
            http: http_address.to_string(),
            data: data.path().to_owned(),
            pid: process::id(),
            planner: hub.planner().to_owned(),
        };
        data.announce(&running)?;
        Ok(Self { running, data, stop, tasks, iot, restores })
    }

    /// Stops: no new work is taken, what is held is finished, at most [`SHUTDOWN_S`] long. What remains is taken up by
    /// the next start.
    pub(crate) async fn stop(mut self) -> Result<(), EmbeddedError> {
        self.data.retract()?;
        self.stop.send_replace(true);
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if time::timeout(Duration::from_secs(SHUTDOWN_S), finished).await.is_err() {
            tracing::warn!("some work was not finished in {SHUTDOWN_S} s; it is taken up at the next start");
            self.tasks.shutdown().await;
        }
        if let Err(error) = self.iot.close().await {
            // What was acknowledged is durable all the same.
            tracing::error!(error = chain(&error), "the broker's database was not closed cleanly");
        }
        Ok(())
    }

    /// Completes when the hub cannot go on as it is.
    pub(crate) async fn ending(&mut self) -> Ending {
        tokio::select! {
            Some(restore) = self.restores.recv() => Ending::Restore(restore),
            _ = self.tasks.join_next() => Ending::Failure,
        }
    }
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), EmbeddedError> {
    let failed = |source| EmbeddedError::Listen { what, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn settings(error: impl std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Settings(error.to_string())
}

/// Which hub this is. Who begins it is its owner from then on: the credential in the data directory is theirs.
fn identity(data: &DataDir, named: Option<PersonId>, system: &System) -> Result<Identity, EmbeddedError> {
    let first = match &named {
        Some(named) => named.clone(),
        None => OWNER.parse().map_err(settings)?,
    };
    let identity = data.identity(&first, system)?;
    match named {
        Some(named) if named != identity.owner => Err(EmbeddedError::OtherOwner { present: identity.owner, named }),
        _ => Ok(identity),
    }
}

async fn stopping(mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        if stopped.changed().await.is_err() {
            return;
        }
    }
}

async fn serve_mqtt(iot: IotCore, listener: TcpListener, stopped: watch::Receiver<bool>) {
    if let Err(error) = iot.serve(listener, stopping(stopped)).await {
        tracing::error!(error = chain(&error), "the broker has ended");
    }
}
