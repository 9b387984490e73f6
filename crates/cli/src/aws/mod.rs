//! The hub on AWS: build, deploy and operate it, and the way in to it.
//!
//! | file | subject |
//! |---|---|
//! | `config`, `target` | the configuration file; which deployment is meant |
//! | `clients`, `cloudformation` | AWS's SDK; what CloudFormation knows of a deployment |
//! | `plan`, `retained`, `dry`, `runner` | what a deployment consists of, what stays of it, what would be done; other programs |
//! | `session`, `login` | tokens of a person; how they get them |
//! | `proving` | the step of `smoke` that the demo has in another form |
//! | the others | a command each |
//!
//! Deploying is done by the CDK command as a process of its own; reading by AWS's SDK. What a command goes on with it asks
//! CloudFormation for. It knows no topic, table or policy: those are in the templates.

mod bootstrap;
mod build;
mod claims;
mod clients;
mod cloudformation;
pub(crate) mod config;
mod configure;
mod deploy;
pub(crate) mod doctor;
mod dry;
mod endpoint;
mod export;
mod following;
mod hub;
mod init;
mod login;
mod logs;
mod monitor;
mod oauth;
mod plan;
mod proving;
mod retained;
mod runner;
mod session;
mod smoke;
mod target;
mod teardown;

use crate::{
    client::Remote,
    error::{CliError, Exit},
    globals::Globals,
    output::note,
};
use clap::{Args, Subcommand};
use clients::Aws;
use cloudformation::Standing;
use config::Config;
use reqwest::Url;
use std::{collections::BTreeMap, path::PathBuf};
use target::{Surroundings, Target};

/// The output that says where the hub's API is.
const API_URL: &str = "ApiUrl";

/// Which deployment is meant.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "On AWS")]
pub(crate) struct AwsOptions {
    /// Environment of the configuration. Commands that ask a hub then ask the one that is deployed there
    #[arg(long, global = true, value_name = "NAME", env = "MARVAIN_ENV", value_parser = config::name)]
    pub(crate) env: Option<String>,
    /// What the stacks' names begin with, in the place of the environment's
    #[arg(long, global = true, value_name = "NAME", env = "MARVAIN_STACK")]
    pub(crate) stack: Option<String>,
    /// Profile of AWS's configuration, in the place of the environment's
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// AWS region, in the place of the environment's
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The configuration [default: marvain/config.toml in XDG's configuration directory]
    #[arg(long, global = true, value_name = "FILE", env = "MARVAIN_CONFIG")]
    pub(crate) config_file: Option<PathBuf>,
}

/// Whether anything is to be done.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct DryRun {
    /// Say exactly what would be run and changed, and do none of it. Nobody is asked, no network is used
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What builds, deploys and operates a hub on AWS.
#[derive(Subcommand, Debug)]
pub(crate) enum AwsCommand {
    /// Where marvain is deployed: make, show and check that
    #[command(subcommand)]
    Config(configure::ConfigCommand),
    /// Build the functions, and what CloudFormation is told
    Build(build::Build),
    /// Put it on AWS, or bring what is there up to date; goes on with what was cut off
    Deploy(deploy::Deploy),
    /// Prepare what a deployment keeps its data in
    #[command(subcommand)]
    Init(init::InitCommand),
    /// The first owner and the first space of a deployed hub
    Bootstrap(bootstrap::Bootstrap),
    /// The claim certificates of a deployment, and an end to old ones
    #[command(subcommand)]
    Claims(claims::ClaimsCommand),
    /// How a deployment is, and what it puts out
    #[command(subcommand)]
    Monitor(monitor::MonitorCommand),
    /// What the functions say
    Logs(logs::Logs),
    /// Drive a temporary satellite through a deployed hub, step by step, and remove it
    Smoke(smoke::Smoke),
    /// Delete a deployment, and say what stays
    Teardown(teardown::Teardown),
    /// Copy the audit log and all facts of a deployed hub
    Export(export::Export),
    /// Sign in to a deployed hub
    Login(login::Login),
    /// Sign out of it
    Logout(login::Logout),
}

/// Does it.
///
/// # Errors
/// [`CliError`], which the caller reports.
pub(crate) async fn run(command: AwsCommand, globals: &Globals) -> Result<(), CliError> {
    match command {
        AwsCommand::Config(command) => configure::run(command, globals),
        AwsCommand::Build(build) => build::run(&build, globals).await,
        AwsCommand::Deploy(deploy) => deploy::run(&deploy, globals).await,
        AwsCommand::Init(command) => init::run(command, globals).await,
        AwsCommand::Bootstrap(bootstrap) => bootstrap::run(&bootstrap, globals).await,
        AwsCommand::Claims(command) => claims::run(command, globals).await,
        AwsCommand::Monitor(command) => monitor::run(command, globals).await,
        AwsCommand::Logs(logs) => logs::run(&logs, globals).await,
        AwsCommand::Smoke(smoke) => smoke::run(&smoke, globals).await,
        AwsCommand::Teardown(teardown) => teardown::run(&teardown, globals).await,
        AwsCommand::Export(export) => export::run(&export, globals).await,
        AwsCommand::Login(login) => login::run(&login, globals).await,
        AwsCommand::Logout(logout) => login::end(&logout, globals).await,
    }
}

/// The configuration that is meant, or an empty one; what is wrong with its file is said.
fn configuration(globals: &Globals) -> Result<Config, CliError> {
    let read = config::read(&config::path(globals.aws.config_file.as_deref())?)?;
    if let Some(complaint) = read.as_ref().and_then(|read| read.complaint.as_ref()) {
        note(globals, &format!("warning: {complaint}"));
    }
    Ok(read.map(|read| read.config).unwrap_or_default())
}

/// The deployment that is meant.
pub(crate) fn target(globals: &Globals) -> Result<Target, CliError> {
    Target::of(&globals.aws, &configuration(globals)?, &Surroundings::read())
}

/// What the stacks put out: as the configuration keeps it, or else as CloudFormation says.
async fn outputs(target: &Target) -> Result<BTreeMap<String, String>, CliError> {
    if !target.outputs.is_empty() {
        return Ok(target.outputs.clone());
    }
    let aws = Aws::of(target.clone()).await?;
    let states = cloudformation::states(&aws.cloudformation(), &target.stack).await?;
    if states.iter().all(|state| state.standing == Standing::Absent) {
        return Err(CliError::new(Exit::NotFound, format!("`{}` is not deployed in {}", target.stack, aws.region()))
            .hint("`marvain deploy`; or is it another `--profile`, `--region` or `--stack`?"));
    }
    Ok(cloudformation::outputs(&states))
}

/// One of them.
fn output<'a>(outputs: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, CliError> {
    let missing = || {
        CliError::new(Exit::NotFound, format!("the deployment puts out no `{name}`")).hint(
            "`marvain monitor status` says how its stacks are; `marvain monitor outputs --write-config` keeps outputs",
        )
    };
    outputs.get(name).map(String::as_str).ok_or_else(missing)
}

/// These options, with the deployed hub that they mean if they mean one: somebody has named an environment or a stack.
///
/// # Errors
/// If that hub cannot be found, or nobody has signed in.
pub(crate) async fn meant(globals: &Globals) -> Result<Globals, CliError> {
    if globals.aws.env.is_none() && globals.aws.stack.is_none() {
        return Ok(globals.clone());
    }
    Ok(Globals { remote: Some(remote(globals).await?), ..globals.clone() })
}

/// The deployed hub, and what this person asks it with: a token in a file, or that of their session.
async fn remote(globals: &Globals) -> Result<Remote, CliError> {
    let target = target(globals)?;
    let outputs = outputs(&target).await?;
    let api = address(output(&outputs, API_URL)?)?;
    let token = match &globals.credential {
        Some(path) => {
            let token = std::fs::read_to_string(path);
            let unreadable = |e| {
                CliError::new(Exit::Refused, format!("cannot read the credential `{}`", crate::globals::shown(path)))
                    .because(e)
            };
            token.map_err(|e: std::io::Error| unreadable(e))?.trim().to_owned()
        }
        None => session::token(&target, &outputs).await?,
    };
    Ok(Remote { api, token })
}

/// A URL that a token may be sent to: of HTTPS, or on this machine.
fn address(text: &str) -> Result<Url, CliError> {
    let url = Url::parse(text).map_err(|e| CliError::failure(format!("`{text}` is no URL")).because(e))?;
    let here = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "https" || (url.scheme() == "http" && here) {
        Ok(url)
    } else {
        Err(CliError::new(Exit::Refused, format!("no token is sent to `{text}`")).hint("it must be `https`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Parser, Debug)]
    #[command(name = "marvain")]
    struct Line {
        #[command(flatten)]
        _globals: Globals,
        #[command(subcommand)]
        _command: AwsCommand,
    }

    #[test]
    fn every_command_of_the_issue_is_there() {
        Line::command().debug_assert();
        let lines = [
            "config init --env dev --profile home --region eu-central-1 --stack marvain-dev --stage prod --dry-run",
            "config show",
            "config validate",
            "config path --config-file f",
            "build --source . --stage dev --set openai=true --dry-run",
            "deploy --guided",
            "deploy --no-guided --no-build --stage prod",
            "init db --dry-run",
            "bootstrap --agent-name marvain --space-name kitchen --owner a@example.org --owner-name anna --dry-run",
            "monitor outputs --write-config",
            "--json monitor status",
            "logs -f --since 10m observe plan",
            "smoke --satellite den --space den --keep d",
            "teardown --yes --wait",
            "teardown --no-wait --dry-run",
            "export --out d --audit-only",
            "login --username a --password-stdin",
            "login --no-browser --callback http://localhost:1/callback",
            "logout",
        ];
        for line in lines {
            let parsed = Line::try_parse_from(std::iter::once("marvain").chain(line.split(' ')));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
        for line in
            ["deploy --guided --no-guided", "teardown --wait --no-wait", "login --username a", "config init --env A"]
        {
            assert!(Line::try_parse_from(std::iter::once("marvain").chain(line.split(' '))).is_err(), "{line}");
        }
    }

    #[test]
    fn tokens_go_by_https_or_stay_on_this_machine() {
        for good in ["https://x.execute-api.eu-central-1.amazonaws.com", "http://127.0.0.1:8084", "http://localhost/"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["http://example.org", "ftp://localhost", "x", "http://localhost.example.org"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
