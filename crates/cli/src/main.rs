//! The marvain command line: the hub on one machine, the satellite, and every command, in one binary.
//!
//! It is a composition root: here the parts are chosen, and here alone are environment, clock and randomness read.

mod audit_files;
#[cfg(feature = "aws")]
mod aws;
mod client;
mod commands;
mod demo;
mod embedded;
mod error;
mod globals;
mod iotcore;
mod output;
mod scene;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use commands::{ClientCommand, up};
use error::CliError;
use globals::Globals;
use std::{io::IsTerminal as _, process::ExitCode, time::Duration};
use tracing_subscriber::EnvFilter;

/// How long work that cannot be interrupted may go on when all else has ended, in milliseconds.
const LINGER_MS: u64 = 500;

/// A personal agent hub with satellites.
#[derive(Parser)]
#[command(name = "marvain", version, after_help = error::Exit::help())]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The main job from end to end, on this machine, in a minute: from a factory-fresh satellite to an audited action
    Demo(demo::DemoArgs),
    /// Keep a hub running
    Up(up::UpArgs),
    /// The embedded IoT Core alone: for any device that knows AWS IoT, managed by AWS's own tools
    Iotcore(iotcore::IotCoreArgs),
    /// The satellite, as in the stand-alone `marvain-satellite`
    #[command(subcommand)]
    Agent(marvain_satellite::cli::Command),
    #[command(flatten)]
    Client(ClientCommand),
    #[cfg(feature = "aws")]
    #[command(flatten)]
    Aws(aws::AwsCommand),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli { globals, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let command = match command {
        Command::Demo(_) if let Err(error) = demo::refuse_foreign(&matches) => return error.report(globals.json),
        // The satellite brings a runtime and a log of its own.
        Command::Agent(command) => return marvain_satellite::cli::execute(command),
        other => other,
    };
    log_to_stderr(globals.json);
    // The first and only one: nothing before it has made a connection.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::failure("the system refuses threads").because(error).report(globals.json),
    };
    let done = runtime.block_on(async {
        match command {
            Command::Demo(args) => demo::run(&args, &globals).await,
            Command::Up(args) => up::run(&args, &globals).await,
            Command::Iotcore(args) => iotcore::run(args, &globals).await,
            Command::Client(command) => commands::run(command, &globals).await,
            #[cfg(feature = "aws")]
            Command::Aws(command) => aws::run(command, &globals).await,
            Command::Agent(_) => Ok(()),
        }
    });
    // A copy or a check that nobody waits for any more is cut off: what it has left is as after a crash.
    runtime.shutdown_timeout(Duration::from_millis(LINGER_MS));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(globals.json),
    }
}

/// What is told is set by `MARVAIN_LOG`, in the syntax of tracing's `EnvFilter`: warnings, unless it says otherwise.
fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_env("MARVAIN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
