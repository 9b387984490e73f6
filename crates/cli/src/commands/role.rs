//! `marvain role set|list`

use super::args;
use crate::{
    client::{Client, whole},
    error::CliError,
    globals::Globals,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::{
    page::{LIMIT_MAX, List, PageParams},
    people::NewRole,
};
use marvain_domain::{id::PersonId, identity::Role};

/// Who may do what.
#[derive(Subcommand, Debug)]
pub(crate) enum RoleCommand {
    /// Give somebody another role
    Set {
        /// Who
        person: PersonId,
        /// owner, admin, member, guest or blocked
        #[arg(value_parser = args::role)]
        role: Role,
    },
    /// The roles, and who has them
    List,
}

pub(super) async fn run(command: RoleCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        RoleCommand::Set { person, role } => {
            out.show(&client.set_role(&person, &NewRole { role }).await?, output::household::person)
        }
        RoleCommand::List => {
            let items = whole(async |after| client.people(&PageParams { limit: Some(LIMIT_MAX), after }).await).await?;
            out.show(&List { items, next: None }, output::household::roles)
        }
    }
}
