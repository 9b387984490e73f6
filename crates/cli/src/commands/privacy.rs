//! `marvain privacy on|off|show`

use super::args::Page;
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_domain::id::SpaceId;

/// Privacy mode.
#[derive(Subcommand, Debug)]
pub(crate) enum PrivacyCommand {
    /// Turn it on: nothing in the space is captured, planned, recalled or done
    On {
        /// Where
        space: SpaceId,
    },
    /// Turn it off
    Off {
        /// Where
        space: SpaceId,
    },
    /// Where it is on
    Show {
        #[command(flatten)]
        page: Page,
    },
}

pub(super) async fn run(command: PrivacyCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        PrivacyCommand::On { space } => out.show(&client.set_privacy(&space, true).await?, output::household::space),
        PrivacyCommand::Off { space } => out.show(&client.set_privacy(&space, false).await?, output::household::space),
        PrivacyCommand::Show { page } => out.show(&client.spaces(&page.into()).await?, output::household::spaces),
    }
}
