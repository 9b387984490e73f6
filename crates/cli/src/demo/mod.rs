//! `marvain demo`: the main job from a factory-fresh satellite to an audited action, with real processes, sockets,
//! files and crashes. Each step shows what proves it, and the demo succeeds only if all hold.
//!
//! What any hub must show is in [`crate::scene`]; here is the hub to show it on, and what can be shown only with its files and
//! processes at hand.

mod processes;
mod stage;
mod steps;

use crate::{
    embedded::System,
    error::{CliError, Exit},
    globals::Globals,
    scene::report::Reporter,
};
use clap::{ArgMatches, Args, parser::ValueSource};
use stage::Stage;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the data in this directory, which must not exist or be empty
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Events in the stream of the step `crash`
    #[arg(long, default_value_t = 1000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    events: u32,
}

/// What says which hub is meant.
#[cfg(not(feature = "aws"))]
const FOREIGN: [&str; 2] = ["data", "credential"];
#[cfg(feature = "aws")]
const FOREIGN: [&str; 4] = ["data", "credential", "env", "stack"];

/// The demo has a hub of its own. What the environment says of another is no wish of whoever asks for a demo.
///
/// # Errors
/// If the command line names a hub's data, or a credential.
pub(crate) fn refuse_foreign(matches: &ArgMatches) -> Result<(), CliError> {
    let said = |id: &str| {
        let demo = matches.subcommand_matches("demo");
        demo.and_then(|demo| demo.value_source(id)) == Some(ValueSource::CommandLine)
    };
    match FOREIGN.into_iter().find(|id| said(id)) {
        Some(id) => Err(CliError::usage(format!("the demo has a hub of its own: `--{id}` means nothing to it"))
            .hint("`--keep DIR` says where its data are to stay")),
        None => Ok(()),
    }
}

/// Runs all steps; the first that does not hold ends it.
pub(crate) async fn run(args: &DemoArgs, globals: &Globals) -> Result<(), CliError> {
    let system = System::new().map_err(|e| CliError::failure("the demo cannot start").because(e))?;
    let kept = args.keep.clone();
    let dir = match &kept {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("marvain-demo-{}", hex(&system.random::<6>()))),
    };
    let mut stage = Stage::set(&dir, args.events)
        .map_err(|e| CliError::failure(format!("the demo cannot use `{}`", dir.display())).because(e))?;
    let mut reporter = Reporter::new(globals.json);
    let outcome = steps::run_all(&mut stage, &mut reporter).await;
    stage.clear().await;
    let logs = dir.join("logs");
    if outcome.is_ok() {
        reporter.finish(&next(kept.as_deref()));
        if kept.is_none() {
            fs::remove_dir_all(&dir)
                .map_err(|e| CliError::failure(format!("cannot remove `{}`", dir.display())).because(e))?;
        }
        return Ok(());
    }
    outcome.map_err(|step| {
        CliError::new(Exit::Failure, format!("step `{step}` does not hold"))
            .hint(format!("the logs are in `{}`", logs.display()))
    })
}

/// What to do after the demo.
fn next(kept: Option<&Path>) -> String {
    match kept {
        Some(dir) => {
            format!("The data is in {0}. Look around: cargo run --release -- up --data {0}/hub", dir.display())
        }
        None => "Next: cargo run --release -- up".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
