//! `marvain memory list|show|commit|reject|edit|supersede|forget|recall`

use super::args::{self, Page};
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::memories::{Change, MemoryParams, Question};
use marvain_domain::{
    id::MemoryId,
    memory::{MemoryState, Tier},
};

/// What is remembered, and what is proposed to be.
#[derive(Subcommand, Debug)]
pub(crate) enum MemoryCommand {
    /// Memories in one state
    List {
        /// candidate, rejected, committed, edited, superseded or tombstoned
        #[arg(long, value_parser = args::memory_state, default_value = "committed")]
        state: MemoryState,
        #[command(flatten)]
        page: Page,
    },
    /// One memory with its evidence
    Show {
        /// Which
        id: MemoryId,
    },
    /// Accept a candidate: from then on it is recalled
    Commit {
        /// Which
        id: MemoryId,
    },
    /// Turn a candidate down
    Reject {
        /// Which
        id: MemoryId,
    },
    /// Give a memory other words
    Edit {
        /// Which
        id: MemoryId,
        /// The words
        content: String,
    },
    /// Put another memory in its place
    Supersede {
        /// Which
        id: MemoryId,
        /// The one that takes over
        #[arg(long, value_name = "ID")]
        by: MemoryId,
    },
    /// Forget a memory for good: its words are gone everywhere, its lineage stays
    Forget {
        /// Which
        id: MemoryId,
    },
    /// Recall what fits a question, with evidence and reasons
    Recall {
        /// In words
        text: String,
        /// Only these sorts: episodic, semantic, procedural, preference, relationship, location, device, policy
        #[arg(long = "tier", value_parser = args::tier)]
        tiers: Vec<Tier>,
        /// At most so many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
        limit: Option<u16>,
    },
}

pub(super) async fn run(command: MemoryCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    let (id, change) = match command {
        MemoryCommand::List { state, page } => {
            let params = MemoryParams { state, limit: page.limit(), after: page.after };
            return out.show(&client.memories(&params).await?, output::memories::list);
        }
        MemoryCommand::Show { id } => return out.show(&client.memory(&id).await?, output::memories::one),
        MemoryCommand::Recall { text, tiers, limit } => {
            let question = Question { text, tiers, limit: limit.map(usize::from) };
            return out.show(&client.recall(&question).await?, output::memories::recalled);
        }
        MemoryCommand::Commit { id } => (id, Change::Commit {}),
        MemoryCommand::Reject { id } => (id, Change::Reject {}),
        MemoryCommand::Edit { id, content } => (id, Change::Edit { content }),
        MemoryCommand::Supersede { id, by } => (id, Change::Supersede { by }),
        MemoryCommand::Forget { id } => (id, Change::Forget {}),
    };
    out.show(&client.change_memory(&id, &change).await?, output::memories::one)
}
