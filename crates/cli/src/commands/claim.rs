//! `marvain claim create|code`

use super::{args, bundle::Place};
use crate::{
    client::Client,
    error::CliError,
    globals::{Globals, now, shown},
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::satellites::NewEnrolment;
use marvain_domain::id::{PersonId, SatelliteId, SpaceId};
use marvain_topics::table::TEMPLATE;
use std::path::PathBuf;

/// Certificates and codes that let new devices enrol.
#[derive(Subcommand, Debug)]
pub(crate) enum ClaimCommand {
    /// Make a claim certificate, to be put on devices before they are anybody's
    Create {
        /// Directory for certificate.pem, private.key, root-ca.pem and connection.json
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print a one-time code that lets one device enrol
    Code {
        /// The device's serial number: its satellite's name from then on
        serial: SatelliteId,
        /// Where it will stand
        #[arg(long)]
        space: Option<SpaceId>,
        /// Whose words it will carry, if it is somebody's own
        #[arg(long)]
        person: Option<PersonId>,
        /// How long the code lives: `30m`, `2h` [default: 1h]
        #[arg(long, value_parser = args::duration_s, value_name = "DURATION")]
        ttl: Option<u64>,
        /// The device takes the place of a satellite of that name
        #[arg(long)]
        replace: bool,
    },
}

pub(super) async fn run(command: ClaimCommand, globals: &Globals) -> Result<(), CliError> {
    let client = Client::connect(globals)?;
    let out = Output::new(globals);
    match command {
        ClaimCommand::Create { out: dir } => {
            let place = Place::prepare(&dir)?;
            let written = place.write(&client.create_claim().await?, None, Some(TEMPLATE))?;
            out.show(&written, |written, _| {
                format!("claim written to `{}`\nnext: `marvain claim code SERIAL` for each device", shown(&written.out))
            })
        }
        ClaimCommand::Code { serial, space, person, ttl, replace } => {
            let new = NewEnrolment { serial, space, person, ttl_s: ttl, replace };
            let info = client.create_enrolment(&new).await?;
            out.show(&info, |info, _| info.code.clone())?;
            output::note(globals, &output::satellites::enrolment(&info, now()));
            Ok(())
        }
    }
}
