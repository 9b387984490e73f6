//! The command line, for the stand-alone binary and for the CLI that carries the agent. This is a composition root: it picks
//! the clock, the random numbers, the TLS provider, the log and the runtime.

use crate::{
    enrol::{EnrolError, EnrolOptions, enrol},
    ports::Ports,
    run::{RunError, RunOptions, run},
};
use clap::{Args, Parser, Subcommand};
use marvain_domain::{chain, id::SatelliteId};
use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};
use tokio::signal::unix::{SignalKind, signal};

/// Something failed; it may work another time.
pub const EXIT_FAILED: u8 = 1;
/// Arguments, configuration or files are no good; it will not work like this.
pub const EXIT_UNUSABLE: u8 = 2;
/// The hub refused.
pub const EXIT_REFUSED: u8 = 3;
/// Another agent is running on the state directory.
pub const EXIT_LOCKED: u8 = 4;

/// Arguments of the stand-alone binary.
#[derive(Debug, Parser)]
#[command(name = "marvain-satellite", version, about = "A satellite of a marvain hub")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the agent can be told to do; a subcommand of any command line.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Become a thing: make a key, and exchange the claim and a one-time code for a certificate
    Enrol(EnrolArgs),
    /// Connect, listen and act until SIGTERM or SIGINT
    Run(RunArgs),
}

/// Arguments of `enrol`.
#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// Directory of the claim: certificate.pem, private.key, root-ca.pem, connection.json
    #[arg(long, value_name = "DIR")]
    pub claim: PathBuf,
    /// Name to enrol under
    #[arg(long, value_name = "NAME")]
    pub serial: SatelliteId,
    /// One-time code; in the environment it is not seen by other users of the machine
    #[arg(long, env = "MARVAIN_ENROLMENT_CODE", hide_env_values = true)]
    pub code: String,
    /// Directory to write the identity to
    #[arg(long, value_name = "DIR")]
    pub identity: PathBuf,
    /// Print {"thing","identity"}; log in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Directory of the identity, as `enrol` or `marvain satellite add` wrote it
    #[arg(long, value_name = "DIR")]
    pub identity: PathBuf,
    /// Inputs and actuators; without it: lines on standard input, say, notify, ping, identify
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of spool and command journal [default: what the file says, or `state` in the identity]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Log in JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the system refuses what the agent needs")]
    System(#[from] std::io::Error),
    #[error(transparent)]
    NoEntropy(#[from] crate::ports::NoEntropy),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Enrol(EnrolError::Refused { .. }) => EXIT_REFUSED,
            Self::Enrol(
                EnrolError::AlreadyEnrolled(_)
                | EnrolError::Claim(_)
                | EnrolError::Template { .. }
                | EnrolError::Tls(_),
            )
            | Self::Run(RunError::Config(_) | RunError::Identity(_)) => EXIT_UNUSABLE,
            Self::Run(RunError::Locked(_)) => EXIT_LOCKED,
            Self::Enrol(_) | Self::Run(RunError::State(_)) | Self::System(_) | Self::NoEntropy(_) => EXIT_FAILED,
        }
    }
}

/// All of the binary but the parsing. Must not be called from within a tokio runtime: it makes its own.
pub fn main(arguments: Arguments) -> ExitCode {
    execute(arguments.command)
}

/// Does `command`, with a log on standard error (its level is in `MARVAIN_LOG`: `error`, `warn`, `info`, `debug`) and a
/// single-threaded runtime of its own.
pub fn execute(command: Command) -> ExitCode {
    let json = match &command {
        Command::Enrol(args) => args.json,
        Command::Run(args) => args.json,
    };
    log_to_stderr(json);
    // Already there when the CLI has installed the same one.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    let done =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from).and_then(|runtime| {
            let done = runtime.block_on(dispatch(command));
            // A write to standard output that nobody reads must not keep the process.
            runtime.shutdown_background();
            done
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let cause = chain(&failure);
            if json {
                tracing::error!(cause, "failed");
            } else if writeln!(std::io::stderr(), "error: {cause}").is_err() {
                tracing::debug!("nobody reads standard error");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    let ports = Ports::system()?;
    match command {
        Command::Enrol(EnrolArgs { claim, serial, code, identity, json }) => {
            let enrolled = enrol(EnrolOptions { claim, serial, code, identity }, &ports).await?;
            let line = if json {
                serde_json::json!({ "thing": enrolled.thing, "identity": enrolled.identity }).to_string()
            } else {
                format!("enrolled as {}; identity in {}", enrolled.thing, enrolled.identity.display())
            };
            writeln!(std::io::stdout(), "{line}")?;
        }
        Command::Run(RunArgs { identity, config, state, json: _ }) => {
            let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let shutdown = async move {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
            };
            run(RunOptions { identity, config, state }, ports, shutdown).await?;
        }
    }
    Ok(())
}

fn log_to_stderr(json: bool) {
    let level = std::env::var("MARVAIN_LOG").ok().and_then(|level| level.parse().ok());
    let log = tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(tracing::Level::INFO))
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let set = if json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    if set.is_err() {
        tracing::debug!("the log was set up before");
    }
}
