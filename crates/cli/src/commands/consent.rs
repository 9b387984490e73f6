//! `marvain consent grant|revoke|list`

use super::args;
use crate::{
    client::Client,
    error::CliError,
    globals::{Globals, now},
    output::{self, Output},
};
use clap::Subcommand;
use marvain_console::consents::ConsentTerms;
use marvain_domain::{Timestamp, consent::ConsentKind, id::PersonId};

/// What people let the hub do with what is theirs.
#[derive(Subcommand, Debug)]
pub(crate) enum ConsentCommand {
    /// Record somebody's consent, in place of an earlier one of its kind
    Grant {
        /// Whose
        person: PersonId,
        /// voice, face, recording, memory or disclosure
        #[arg(value_parser = args::consent_kind)]
        kind: ConsentKind,
        /// What for
        #[arg(long, default_value = "")]
        purpose: String,
        /// Until when: an RFC 3339 time
        #[arg(long, value_name = "TIME", conflicts_with = "for_s")]
        until: Option<Timestamp>,
        /// For how long: `30d`
        #[arg(long = "for", value_parser = args::duration_s, value_name = "DURATION")]
        for_s: Option<u64>,
    },
    /// Take somebody's consent back, from now on
    Revoke {
        /// Whose
        person: PersonId,
        /// voice, face, recording, memory or disclosure
        #[arg(value_parser = args::consent_kind)]
        kind: ConsentKind,
    },
    /// Somebody's consents, those taken back or expired too
    List {
        /// Whose
        person: PersonId,
    },
}

pub(super) async fn run(command: ConsentCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    match command {
        ConsentCommand::Grant { person, kind, purpose, until, for_s } => {
            let expires_at = until.or_else(|| for_s.map(|s| now().plus_s(s)));
            let terms = ConsentTerms { purpose, expires_at };
            out.show(&client.grant_consent(&person, kind, &terms).await?, output::household::consent)
        }
        ConsentCommand::Revoke { person, kind } => {
            out.show(&client.revoke_consent(&person, kind).await?, output::household::consent)
        }
        ConsentCommand::List { person } => out.show(&client.consents(&person).await?, output::household::consents),
    }
}
