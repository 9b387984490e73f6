//! The stand-alone satellite.

use clap::Parser as _;
use marvain_satellite::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(cli::Arguments::parse())
}
