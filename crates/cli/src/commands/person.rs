//! `marvain person add|list|token|link-account|unlink-account|device`

use super::{
    args::{self, Page},
    device::{self, DeviceCommand},
};
use crate::{
    client::Client,
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::people::{NewAccount, NewPerson, TokenInfo};
use marvain_domain::{
    id::{AccountId, PersonId},
    identity::Role,
};
use serde::Serialize;
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// People, their tokens and accounts.
#[derive(Subcommand, Debug)]
pub(crate) enum PersonCommand {
    /// Add somebody
    Add {
        /// Their name in commands and policies
        name: PersonId,
        /// Their name as shown
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        /// owner, admin, member, guest or blocked
        #[arg(long, value_parser = args::role, default_value = "member")]
        role: Role,
    },
    /// Everybody whom the hub knows
    List {
        #[command(flatten)]
        page: Page,
    },
    /// Give somebody a token in place of any they had; it is shown this once
    Token {
        /// Who
        name: PersonId,
        /// Write it to a new file that only you can read, instead of printing it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Phones and tablets that somebody is notified on
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Say which account of the identity provider is somebody's, in place of any they had
    LinkAccount {
        /// Who
        name: PersonId,
        /// The account: on AWS the `sub` of the Cognito user
        account: AccountId,
    },
    /// Take somebody's account from them: whoever signs in with it is nobody then
    UnlinkAccount {
        /// Who
        name: PersonId,
    },
}

/// That a token is in a file.
#[derive(Serialize)]
struct Kept {
    person: PersonId,
    out: PathBuf,
}

pub(super) async fn run(command: PersonCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        PersonCommand::Add { name, display, role } => {
            let new = NewPerson { id: name, display_name: display, role };
            out.show(&client.add_person(&new).await?, output::household::person)
        }
        PersonCommand::List { page } => out.show(&client.people(&page.into()).await?, output::household::people),
        PersonCommand::LinkAccount { name, account } => {
            out.show(&client.link_account(&name, &NewAccount { account }).await?, output::household::person)
        }
        PersonCommand::UnlinkAccount { name } => {
            out.show(&client.unlink_account(&name).await?, output::household::person)
        }
        PersonCommand::Token { name, out: None } => {
            out.show(&client.issue_token(&name).await?, |info, _| info.token.clone())
        }
        PersonCommand::Token { name, out: Some(path) } => {
            // The file first: a token that cannot be kept would lock somebody out.
            let file = private_file(&path)?;
            let kept = match client.issue_token(&name).await {
                Ok(info) => keep(file, &path, &info),
                Err(error) => Err(error),
            };
            if kept.is_err() {
                fs::remove_file(&path).map_err(|e| cannot("remove", &path, e))?;
            }
            out.show(&kept?, |kept, _| format!("token of `{}` written to `{}`", kept.person, shown(&kept.out)))
        }
        PersonCommand::Device(command) => device::run(command, &client, &out).await,
    }
}

fn private_file(path: &Path) -> Result<fs::File, CliError> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            CliError::new(Exit::Conflict, format!("`{}` is there already", shown(path))).hint("nothing is overwritten")
        }
        _ => cannot("write", path, error),
    })
}

fn keep(mut file: fs::File, path: &Path, info: &TokenInfo) -> Result<Kept, CliError> {
    let written = writeln!(file, "{}", info.token).and_then(|()| file.sync_all());
    written.map_err(|e| cannot("write", path, e))?;
    Ok(Kept { person: info.person.clone(), out: path.to_owned() })
}

fn cannot(what: &str, path: &Path, error: io::Error) -> CliError {
    CliError::failure(format!("cannot {what} `{}`", shown(path))).because(error)
}
