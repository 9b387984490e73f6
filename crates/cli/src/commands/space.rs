//! `marvain space add|list`

use super::args::Page;
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::spaces::NewSpace;
use marvain_domain::id::{LocationId, SpaceId};

/// Rooms, and other places where things are said and done together.
#[derive(Subcommand, Debug)]
pub(crate) enum SpaceCommand {
    /// Add a space
    Add {
        /// Its name
        name: SpaceId,
        /// The site it lies in
        #[arg(long)]
        location: Option<LocationId>,
    },
    /// All spaces
    List {
        #[command(flatten)]
        page: Page,
    },
}

pub(super) async fn run(command: SpaceCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        SpaceCommand::Add { name, location } => {
            out.show(&client.add_space(&NewSpace { id: name, location }).await?, output::household::space)
        }
        SpaceCommand::List { page } => out.show(&client.spaces(&page.into()).await?, output::household::spaces),
    }
}
