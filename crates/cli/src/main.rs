//! The marvain command line.

mod audit_files;
mod client;
mod commands;
mod error;
mod globals;
mod output;

use clap::Parser;
use commands::ClientCommand;
use globals::Globals;
use std::process::ExitCode;

/// A personal agent hub with satellites.
#[derive(Parser, Debug)]
#[command(version, after_help = error::Exit::help())]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: ClientCommand,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The first and only one: nothing before it has made a connection.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match commands::run(cli.command, &cli.globals).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(cli.globals.json),
    }
}
