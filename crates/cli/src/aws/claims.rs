//! `marvain claims list|retire`: the claim certificates of a deployment, and an end to those that another has taken the place of.

use super::{
    DryRun,
    clients::Aws,
    dry::{Dry, Step},
};
use crate::{
    error::CliError,
    globals::{Globals, now},
    output::{Look, Output, Tint, relative, table},
};
use clap::Subcommand;
use marvain_aws::{AwsFleet, FleetSettings, fleet::Claim};
use marvain_domain::Timestamp;
use serde::Serialize;

/// The claim certificates of a deployment; `marvain claim create` makes one.
#[derive(Subcommand, Debug)]
pub(crate) enum ClaimsCommand {
    /// All claims, oldest first
    List {
        #[command(flatten)]
        dry: DryRun,
    },
    /// Deactivate claims that a newer one has taken the place of; the newest stays
    Retire {
        /// How long an older claim stays good after the next one was made; `0s` when it was stolen
        #[arg(long, default_value = "30d", value_name = "TIME", value_parser = grace_s)]
        grace: u64,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// A claim.
#[derive(Serialize)]
struct ClaimInfo {
    certificate_id: String,
    active: bool,
    made_at: Timestamp,
}

impl From<Claim> for ClaimInfo {
    fn from(Claim { certificate_id, active, made_at }: Claim) -> Self {
        Self { certificate_id, active, made_at }
    }
}

/// As elsewhere, and no time at all as well.
fn grace_s(text: &str) -> Result<u64, String> {
    if text == "0s" { Ok(0) } else { crate::commands::duration_s(text) }
}

pub(super) async fn run(command: ClaimsCommand, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    let (ClaimsCommand::List { dry } | ClaimsCommand::Retire { dry, .. }) = &command;
    if dry.dry_run {
        let mut steps = vec![Step::call("iot:ListTargetsForPolicy", "the policy of claims")];
        if let ClaimsCommand::Retire { grace, .. } = command {
            let which = format!("each claim whose successor was made {grace} s ago or earlier: INACTIVE");
            steps.push(Step::call("iot:UpdateCertificate", which));
        }
        return Dry::of(steps).show(globals);
    }
    let settings =
        FleetSettings::aws(None, None).map_err(|e| CliError::failure("Amazon's roots cannot be used").because(e))?;
    let fleet = AwsFleet::new(Aws::of(target).await?.iot(), settings);
    let claims = match command {
        ClaimsCommand::List { .. } => fleet.claims().await,
        ClaimsCommand::Retire { grace, .. } => fleet.retire_claims(now(), grace).await,
    };
    let claims = claims.map_err(|e| CliError::failure("the claims cannot be looked after").because(e))?;
    let claims: Vec<ClaimInfo> = claims.into_iter().map(ClaimInfo::from).collect();
    Output::new(globals).show(&claims, |claims, look| show(claims, look))
}

fn show(claims: &[ClaimInfo], look: Look) -> String {
    let row = |claim: &ClaimInfo| {
        let (word, tint) = if claim.active { ("active", Tint::Good) } else { ("inactive", Tint::Dim) };
        let made = relative(claim.made_at, look.now);
        [(claim.certificate_id.clone(), Tint::Plain), (word.to_owned(), tint), (made, Tint::Plain)]
    };
    table(look, ["CLAIM", "", "MADE"], claims.iter().map(row).collect())
}
