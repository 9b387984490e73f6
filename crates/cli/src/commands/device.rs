//! `marvain person device add|list|remove`

use crate::{
    client::Client,
    error::CliError,
    globals::shown,
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::devices::DeviceToken;
use marvain_domain::{
    id::{DeviceName, PersonId},
    identity::Platform,
};
use marvain_hub::port::PUSH_TOKEN_BYTES_MAX;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Phones and tablets that somebody is notified on.
#[derive(Subcommand, Debug)]
pub(crate) enum DeviceCommand {
    /// Have somebody notified on a device, in place of one of that name; its app does this by itself
    Add {
        /// Whose
        person: PersonId,
        /// What they call it
        name: DeviceName,
        /// The push service that reaches it: apns, apns_sandbox or fcm
        #[arg(long)]
        platform: Platform,
        /// Read the token that the app got from that service from this file; without it, from standard input
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// The devices that somebody is notified on
    List {
        /// Whose
        person: PersonId,
    },
    /// Have somebody notified on a device no more
    Remove {
        /// Whose
        person: PersonId,
        /// Which
        name: DeviceName,
    },
}

pub(super) async fn run(command: DeviceCommand, client: &Client, out: &Output) -> Result<(), CliError> {
    match command {
        DeviceCommand::Add { person, name, platform, token_file } => {
            let token = DeviceToken { platform, token: token(token_file.as_deref())? };
            out.show(&client.add_device(&person, &name, &token).await?, output::household::device)
        }
        DeviceCommand::List { person } => out.show(&client.devices(&person).await?, output::household::devices),
        DeviceCommand::Remove { person, name } => {
            out.show(&client.remove_device(&person, &name).await?, output::household::device)
        }
    }
}

/// The token, without what surrounds it. It is not an argument, because those are seen by everybody on the machine.
fn token(file: Option<&Path>) -> Result<String, CliError> {
    let from = file.map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", shown(path)));
    let failed = |error: io::Error| CliError::failure(format!("cannot read a token from {from}")).because(error);
    // With a line's end; what is longer is refused by the hub.
    let most = PUSH_TOKEN_BYTES_MAX as u64 + 2;
    let mut text = String::new();
    match file {
        Some(path) => File::open(path).and_then(|file| file.take(most).read_to_string(&mut text)),
        None => io::stdin().lock().take(most).read_to_string(&mut text),
    }
    .map_err(failed)?;
    Ok(text.trim().to_owned())
}
