//! What the agent is told: how to connect, what it listens to and what it can do.
//!
//! [`Config::load`] reads `connection.json` and, if there is one, the TOML file; everything after that works on values that
//! cannot be wrong. It opens no socket and starts nothing.

mod actuator;
mod error;
mod file;
mod template;

#[cfg(test)]
mod tests;

pub use actuator::{Actuator, Job};
pub use error::ConfigError;
pub use file::parse;

use marvain_domain::{capability::Capability, id::SatelliteId};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Size of the spool unless the configuration says otherwise, in bytes.
pub const SPOOL_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
/// Smallest spool, in bytes: room for a few of the largest payloads.
pub const SPOOL_BYTES_MIN: u64 = 256 * 1024;
/// Largest spool, in bytes.
pub const SPOOL_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Most inputs.
pub const INPUTS_MAX: usize = 32;
/// Longest interval between readings, in seconds.
pub const INTERVAL_S_MAX: u64 = 24 * 3600;
/// Interval between readings unless the configuration says otherwise, in seconds.
pub const INTERVAL_S_DEFAULT: u64 = 60;
/// Longest that a command may run, in seconds.
pub const TIMEOUT_S_MAX: u64 = 3600;
/// How long a command may run unless the configuration says otherwise, in seconds.
pub const TIMEOUT_S_DEFAULT: u64 = 30;
/// Largest reported presence, in bytes: AWS IoT allows 8 KB of shadow state ("AWS IoT Device Shadow service quotas").
pub const PRESENCE_BYTES_MAX: usize = 7 * 1024;
/// Largest configuration file, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// `connection.json` of an identity or a claim: where to connect and as whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Host name or address of the broker; its certificate must be for this name.
    pub endpoint: String,
    /// TCP port.
    pub port: u16,
    /// Thing name; absent in a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<SatelliteId>,
    /// Provisioning template; present in a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// How to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// PEM file of the client certificate.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub private_key: PathBuf,
    /// PEM file of the root that the broker's certificate must lead to.
    pub root_ca: PathBuf,
}

/// What a line of text becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emit {
    /// Somebody's words, for the planner.
    Transcript,
    /// Something noticed, recorded only.
    Observation,
}

/// Where an input's values come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Lines on standard input.
    Stdin {
        /// What they become.
        emit: Emit,
    },
    /// Lines appended to a file.
    File {
        /// Which.
        path: PathBuf,
        /// What they become.
        emit: Emit,
    },
    /// A number printed by a program.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// How often, in seconds.
        interval_s: u64,
        /// Unit of the number; may be empty.
        unit: String,
    },
    /// Load, memory and temperature of this machine.
    Host {
        /// How often, in seconds.
        interval_s: u64,
    },
}

/// Something that the agent listens to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputSpec {
    /// Name, also of its observations and readings: 1 to 48 of a-z, 0-9, `_`, `-` and `.`.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
}

/// Everything the agent is told.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Who it is.
    pub thing: SatelliteId,
    /// How it connects.
    pub endpoint: Endpoint,
    /// Directory of spool and journal.
    pub state: PathBuf,
    /// Size of the spool in bytes.
    pub spool_bytes: u64,
    /// What it listens to.
    pub inputs: Vec<InputSpec>,
    /// What it can do.
    pub actuators: Vec<Actuator>,
}

impl Config {
    /// Reads `connection.json` in `identity` and the TOML file `file`, if any. `state` overrules the file; without either it
    /// is `state` in `identity`.
    pub fn load(identity: &Path, file: Option<&Path>, state: Option<&Path>) -> Result<Self, ConfigError> {
        let connection = read_connection(identity)?;
        let mut config = match file {
            Some(path) => parse(path, &read_bounded(path)?, identity, &connection)?,
            None => file::defaults(identity, &connection)?,
        };
        if let Some(state) = state {
            state.clone_into(&mut config.state);
        }
        Ok(config)
    }

    /// What the satellite says it can do.
    pub fn capabilities(&self) -> Vec<Capability> {
        self.actuators.iter().map(|actuator| actuator.capability().clone()).collect()
    }
}

/// Reads `connection.json` in `dir`.
pub fn read_connection(dir: &Path) -> Result<Connection, ConfigError> {
    let path = dir.join("connection.json");
    let text = read_bounded(&path)?;
    serde_json::from_str(&text).map_err(|source| ConfigError::Json { path, source })
}

fn read_bounded(path: &Path) -> Result<String, ConfigError> {
    let read = |source| ConfigError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    if bytes > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned(), bytes });
    }
    std::fs::read_to_string(path).map_err(read)
}
