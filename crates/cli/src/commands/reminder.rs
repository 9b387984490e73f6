//! `marvain reminder list|cancel`

use super::args::Page;
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_domain::id::ReminderId;

/// What is to be said at a time that has not come.
#[derive(Subcommand, Debug)]
pub(crate) enum ReminderCommand {
    /// Your reminders, and those that you may call off, the next first
    List {
        #[command(flatten)]
        page: Page,
    },
    /// Call a reminder off
    Cancel {
        /// Which
        id: ReminderId,
    },
}

pub(super) async fn run(command: ReminderCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        ReminderCommand::List { page } => out.show(&client.reminders(&page.into()).await?, output::reminders::list),
        ReminderCommand::Cancel { id } => {
            out.show(&client.cancel_reminder(&id).await?, |canceled, _| format!("called off: {}", canceled.reminder))
        }
    }
}
