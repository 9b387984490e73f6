//! `run`: the agent, until it is told to stop.

use crate::{
    config::{Config, ConfigError},
    io::{
        FileError, TlsError,
        driver::Driver,
        link::client_config,
        storage::{Storage, StorageError},
    },
    ports::Ports,
};
use std::{future::Future, path::PathBuf};

/// What to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Directory with `certificate.pem`, `private.key`, `root-ca.pem` and `connection.json`.
    pub identity: PathBuf,
    /// TOML file; none for standard input and the built-in actuators.
    pub config: Option<PathBuf>,
    /// Directory of spool and journal; none for what the file says, or `state` in the identity.
    pub state: Option<PathBuf>,
}

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is no good.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The identity is no good.
    #[error("the identity cannot be used")]
    Identity(#[from] TlsError),
    /// The state directory is no good.
    #[error("the state directory cannot be used")]
    State(#[from] FileError),
    /// Another agent has the state directory.
    #[error("another agent is running on the state directory `{}`", .0.display())]
    Locked(PathBuf),
}

/// Connects and works until `shutdown` completes; a lost connection is no reason to end. Needs a tokio runtime with time,
/// network and signals enabled; one thread will do.
pub async fn run(options: RunOptions, ports: Ports, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let config = Config::load(&options.identity, options.config.as_deref(), options.state.as_deref())?;
    // So that bad files are an error now, and not a failing connection for ever.
    client_config(&config.endpoint)?;
    let (storage, recovered) = Storage::open(&config.state, config.spool_bytes).map_err(|error| match error {
        StorageError::Locked => RunError::Locked(config.state.clone()),
        StorageError::File(error) => RunError::State(error),
    })?;
    tracing::info!(
        thing = %config.thing,
        state = %config.state.display(),
        spooled = recovered.events.1 - recovered.events.0 + recovered.telemetry.1 - recovered.telemetry.0,
        "satellite starts"
    );
    Driver::new(&config, storage, recovered, ports).run(shutdown).await;
    Ok(())
}
