//! `marvain satellite add|list|show|readings|publish|revoke|rotate`

use super::{
    args::Page,
    bundle::{Place, Written},
    publish::{self, Publish},
    readings::{self, Readings},
};
use crate::{
    client::Client,
    error::CliError,
    globals::{Globals, shown},
    output::{self, Look, Output},
};
use clap::Subcommand;
use marvain_console::satellites::NewSatellite;
use marvain_domain::id::{PersonId, SatelliteId, SpaceId};
use std::path::PathBuf;

/// The hub's senses and hands.
#[derive(Subcommand, Debug)]
pub(crate) enum SatelliteCommand {
    /// Add a satellite with a key made here, for MQTT clients that cannot enrol by themselves
    Add {
        /// Its name
        name: SatelliteId,
        /// Directory for certificate.pem, private.key, root-ca.pem and connection.json
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Where it stands
        #[arg(long)]
        space: Option<SpaceId>,
        /// Whose words it carries, if it is somebody's own
        #[arg(long)]
        person: Option<PersonId>,
    },
    /// All satellites
    List {
        #[command(flatten)]
        page: Page,
    },
    /// All that is known of one
    Show {
        /// Which
        name: SatelliteId,
    },
    /// What one has measured over time
    Readings(Readings),
    /// Publish as a satellite, over MQTT with its own certificate
    Publish(Publish),
    /// Trust a satellite no more: its connection ends at once, its certificate is worth nothing
    Revoke {
        /// Which
        name: SatelliteId,
    },
    /// Give a satellite another certificate, with a key made here, and revoke the old one
    Rotate {
        /// Which
        name: SatelliteId,
        /// Directory for the new bundle
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[cfg(feature = "aws")]
impl SatelliteCommand {
    /// Whether the hub is asked, and not the broker.
    pub(super) fn asks_a_hub(&self) -> bool {
        !matches!(self, Self::Publish(_))
    }
}

pub(super) async fn run(command: SatelliteCommand, globals: &Globals) -> Result<(), CliError> {
    let out = Output::new(globals);
    let client = || Client::connect(globals);
    match command {
        SatelliteCommand::Add { name, out: dir, space, person } => {
            let (client, place) = (client()?, Place::prepare(&dir)?);
            let added = client.add_satellite(&NewSatellite { id: name, space, person }).await?;
            out.show(&place.write(&added.bundle, Some(added.satellite.id), None)?, written)
        }
        SatelliteCommand::List { page } => {
            out.show(&client()?.satellites(&page.into()).await?, output::satellites::list)
        }
        SatelliteCommand::Show { name } => out.show(&client()?.satellite(&name).await?, output::satellites::one),
        SatelliteCommand::Readings(readings) => readings::run(readings, globals).await,
        SatelliteCommand::Publish(publish) => publish::run(publish, globals).await,
        SatelliteCommand::Revoke { name } => {
            let revoked = client()?.revoke_satellite(&name).await?;
            out.show(&revoked, |satellite, _| format!("`{}` is trusted no more", satellite.id))
        }
        SatelliteCommand::Rotate { name, out: dir } => {
            let (client, place) = (client()?, Place::prepare(&dir)?);
            let rotated = client.rotate_satellite(&name).await?;
            out.show(&place.write(&rotated.bundle, Some(rotated.satellite.id), None)?, written)
        }
    }
}

fn written(written: &Written, _: Look) -> String {
    let thing = written.connection.thing.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let dir = shown(&written.out);
    format!("bundle of `{thing}` written to `{dir}`\ntry: `marvain satellite publish --identity {dir} --text 'hello'`")
}
