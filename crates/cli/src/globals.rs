//! What every command takes, and what it takes from its surroundings: environment, clock, terminal.

use crate::{client::Remote, error::CliError};
use clap::Args;
use marvain_domain::Timestamp;
use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Globals {
    /// Print JSON: one document on standard output (`demo`: one a step), errors as JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The hub's data directory [default: marvain in XDG's data directory].
    #[arg(long, global = true, value_name = "DIR", env = "MARVAIN_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// File with the token to ask with [default: the owner's, in the data directory].
    #[arg(long, global = true, value_name = "FILE", env = "MARVAIN_CREDENTIAL")]
    pub(crate) credential: Option<PathBuf>,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub(crate) aws: crate::aws::AwsOptions,
    /// The hub that is asked, if it is not one of this machine.
    #[arg(skip)]
    pub(crate) remote: Option<Remote>,
}

impl Globals {
    /// The hub's data directory (XDG Base Directory Specification).
    ///
    /// # Errors
    /// If nothing says where it is.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, CliError> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(xdg("XDG_DATA_HOME", ".local/share")
                .map_err(|e| e.hint("say where with `--data DIR`"))?
                .join("marvain")),
        }
    }

    /// The file with the token to ask with.
    ///
    /// # Errors
    /// As [`data_dir`](Self::data_dir).
    pub(crate) fn credential_file(&self) -> Result<PathBuf, CliError> {
        match &self.credential {
            Some(path) => Ok(path.clone()),
            None => Ok(self.data_dir()?.join("credentials").join("owner.token")),
        }
    }

    /// The file in which a running hub says where it listens.
    ///
    /// # Errors
    /// As [`data_dir`](Self::data_dir).
    pub(crate) fn running_file(&self) -> Result<PathBuf, CliError> {
        Ok(self.data_dir()?.join("run").join("hub.json"))
    }

    /// Is somebody there to be asked?
    pub(crate) fn is_interactive(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// The base directory that `variable` names, or else `below` the home directory (XDG Base Directory Specification).
///
/// # Errors
/// If neither is known.
pub(crate) fn xdg(variable: &str, below: &str) -> Result<PathBuf, CliError> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(absolute("HOME")?.join(below));
    let missing = || CliError::failure(format!("neither `{variable}` nor `HOME` is set"));
    absolute(variable).or_else(home).ok_or_else(missing)
}

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "the command line is a composition root")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `path` as a person reads it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
