//! `marvain queue list|redrive`

use super::args::Page;
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::queues::Redrive;

/// Deliveries that wait, and those that were given up.
#[derive(Subcommand, Debug)]
pub(crate) enum QueueCommand {
    /// All queues, or the dead letters of one
    #[command(mut_arg("limit", |limit| limit.requires("name")), mut_arg("after", |after| after.requires("name")))]
    List {
        /// Show the dead letters of this queue
        name: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Put dead letters back into their queue
    Redrive {
        /// Which queue
        name: String,
        /// Which dead letters
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// All of the queue
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub(super) async fn run(command: QueueCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        QueueCommand::List { name: None, .. } => out.show(&client.queues().await?, output::operations::queues),
        QueueCommand::List { name: Some(name), page } => {
            out.show(&client.dead_letters(&name, &page.into()).await?, output::operations::dead_letters)
        }
        QueueCommand::Redrive { name, ids, all: _ } => {
            let redriven = client.redrive(&name, &Redrive { ids }).await?;
            out.show(&redriven, |redriven, _| format!("{} put back into `{name}`", redriven.redriven))
        }
    }
}
