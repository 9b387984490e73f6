//! `marvain demo`: the main job from a factory-fresh satellite to an audited action, with real processes, sockets,
//! files and crashes. Each step shows what proves it, and the demo succeeds only if all hold.
//!
//! It uses the hub like anybody else: by its API, and by MQTT with the certificates that the API hands out.

mod mqtt;
mod processes;
mod report;
mod stage;
mod steps;

use crate::{
    embedded::System,
    error::{CliError, Exit},
    globals::Globals,
};
use clap::{ArgMatches, Args, parser::ValueSource};
use report::Reporter;
use stage::Stage;
use std::{error::Error, fs, path::PathBuf};

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

/// The demo has a hub of its own. What the environment says of another is no wish of whoever asks for a demo.
///
/// # Errors
/// If the command line names a hub's data, or a credential.
pub(crate) fn refuse_foreign(matches: &ArgMatches) -> Result<(), CliError> {
    let said = |id: &str| {
        let demo = matches.subcommand_matches("demo");
        demo.and_then(|demo| demo.value_source(id)) == Some(ValueSource::CommandLine)
    };
    match ["data", "credential"].into_iter().find(|id| said(id)) {
        Some(id) => Err(CliError::usage(format!("the demo has a hub of its own: `--{id}` means nothing to it"))
            .hint("`--keep DIR` says where its data are to stay")),
        None => Ok(()),
    }
}

/// Why a step does not hold.
type StepError = Box<dyn Error + Send + Sync>;
/// What proves a step.
type Proof = Result<String, StepError>;

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
        reporter.finish(kept.as_deref());
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
