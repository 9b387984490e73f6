//! `marvain init db`: the migrations of `sql/aurora`, through the RDS Data API. `marvain init restored`: what the audit log has to
//! say when the ledger was put back to a time. Repeating either does no harm.

use super::{
    DryRun,
    clients::Aws,
    dry::{Dry, Step},
    hub,
};
use crate::{
    embedded::System,
    error::CliError,
    globals::Globals,
    output::{Look, Output, progress},
};
use clap::Subcommand;
use marvain_aws::sql::{DataApi, MIGRATIONS, SqlState, migrate};
use marvain_domain::Timestamp;
use serde::Serialize;

/// Prepare what a deployment keeps its data in.
#[derive(Subcommand, Debug)]
pub(crate) enum InitCommand {
    /// Tables and functions of the database that recall and telemetry have
    Db {
        #[command(flatten)]
        dry: DryRun,
    },
    /// Say in the audit log that the ledger was put back to a time
    Restored {
        /// Which time the data are of
        #[arg(long, value_name = "TIME")]
        of: Timestamp,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// Which migrations were applied.
#[derive(Serialize)]
struct Migrated {
    applied: Vec<&'static str>,
    known: usize,
}

/// What the audit log says.
#[derive(Serialize)]
struct Restored {
    of: Timestamp,
    at: Timestamp,
}

pub(super) async fn run(command: InitCommand, globals: &Globals) -> Result<(), CliError> {
    match command {
        InitCommand::Db { dry } => database(dry, globals).await,
        InitCommand::Restored { of, dry } => restored(of, dry, globals).await,
    }
}

async fn database(dry: DryRun, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if dry.dry_run {
        let step = |file: &str| {
            let on =
                format!("sql/aurora/{file} on the database of {}, unless it was before", target.stack.part("data"));
            Step::call("rds-data:ExecuteStatement", on)
        };
        return Dry::of(MIGRATIONS.iter().map(|migration| step(migration.file)).collect()).show(globals);
    }
    let settings = hub::database(&super::outputs(&target).await?)?;
    let sql = DataApi::new(Aws::of(target).await?.rdsdata(), settings);
    let working = progress::spinner(globals, "preparing the database");
    let (mut state, shown) = (sql.watch(), working.clone());
    // A cluster that has scaled to zero takes a while to wake: that is no failure, and is said.
    let watching = tokio::spawn(async move {
        while state.changed().await.is_ok() {
            let waking = *state.borrow() != SqlState::Ready;
            shown.set_message(if waking { "the database wakes up" } else { "preparing the database" });
        }
    });
    let migrated = migrate(&sql, MIGRATIONS).await;
    watching.abort();
    working.finish_and_clear();
    let migrated = migrated.map_err(|e| CliError::failure("the database is not prepared").because(e))?;
    let migrated = Migrated { applied: migrated.applied, known: migrated.known };
    Output::new(globals).show(&migrated, |migrated, _: Look| match migrated.applied.as_slice() {
        [] => format!("the database is up to date: {} migrations", migrated.known),
        applied => format!("applied {}; {} were before", applied.join(", "), migrated.known),
    })
}

async fn restored(of: Timestamp, dry: DryRun, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if dry.dry_run {
        let on = format!("an audit row `hub.restored`, of {of}, in the ledger of {}", target.stack);
        return Dry::of(vec![Step::call("dynamodb:TransactWriteItems", on)]).show(globals);
    }
    let outputs = super::outputs(&target).await?;
    let aws = Aws::of(target).await?;
    let system = System::new().map_err(|e| CliError::failure("there is no randomness").because(e))?;
    let at = system.now();
    let said = hub::compose(&aws, &outputs, &system)?.restored(None, of, at).await;
    said.map_err(|e| CliError::failure("the audit log cannot say so").because(e))?;
    let said = Restored { of, at };
    Output::new(globals).show(&said, |said, _: Look| format!("the audit log says that the data are of {}", said.of))
}
