//! `marvain config init|show|validate|path`

use super::{
    AwsOptions, DryRun,
    config::{self, Config, Environment, Stage},
    dry::{Dry, Step},
    target::{Surroundings, Target},
};
use crate::{
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{Look, Output, Tint, table},
};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// Where marvain is deployed.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Add an environment: `--env`, `--profile`, `--region` and `--stack` say what it is
    Init(Init),
    /// What the configuration says
    Show,
    /// Look for what makes no sense in it
    Validate,
    /// Where it is
    Path,
}

/// Add an environment.
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// What it is for: `prod` keeps an audit log that nobody can remove before its time
    #[arg(long, value_enum, default_value_t)]
    stage: Stage,
    #[command(flatten)]
    dry: DryRun,
}

/// The file, and what it says.
#[derive(Serialize)]
struct Shown {
    path: PathBuf,
    #[serde(flatten)]
    config: Config,
}

/// The file, and that it is in order.
#[derive(Serialize)]
struct Validated {
    path: PathBuf,
    valid: bool,
    problems: Vec<String>,
}

pub(super) fn run(command: ConfigCommand, globals: &Globals) -> Result<(), CliError> {
    let out = Output::new(globals);
    let path = config::path(globals.aws.config_file.as_deref())?;
    match command {
        ConfigCommand::Path => out.show(&path, |path, _| shown(path)),
        ConfigCommand::Init(init) => add(&init, path, globals),
        ConfigCommand::Show => {
            let config = super::configuration(globals)?;
            out.show(&Shown { path, config }, show)
        }
        ConfigCommand::Validate => {
            let absent = || {
                CliError::new(Exit::NotFound, format!("there is no `{}`", shown(&path)))
                    .hint("`marvain config init` makes it")
            };
            let read = config::read(&path)?.ok_or_else(absent)?;
            let problems: Vec<String> = read.complaint.into_iter().chain(problems(&read.config)).collect();
            let count = problems.len();
            out.show(&Validated { path, valid: problems.is_empty(), problems }, |found, _| match found.valid {
                true => format!("`{}` is in order", shown(&found.path)),
                false => found.problems.join("\n"),
            })?;
            match count {
                0 => Ok(()),
                1 => Err(CliError::failure("the configuration has a problem")),
                count => Err(CliError::failure(format!("the configuration has {count} problems"))),
            }
        }
    }
}

/// What makes no sense although it can be read.
fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(name) = config.default_env.as_ref().filter(|name| !config.env.contains_key(*name)) {
        problems.push(format!("`default_env` is `{name}`, and there is no such environment"));
    }
    for (name, environment) in &config.env {
        if let Err(error) = config::name(name) {
            problems.push(format!("environment `{name}`: {error}"));
        }
        let options = AwsOptions { env: Some(name.clone()), ..AwsOptions::default() };
        if let Err(error) = Target::of(&options, config, &Surroundings::default()) {
            problems.push(format!("environment `{name}`: {error}"));
        }
        if let Some(url) = environment.outputs.get(super::API_URL)
            && let Err(error) = super::address(url)
        {
            problems.push(format!("environment `{name}`: {error}"));
        }
        for key in ["stack", "stage"].into_iter().filter(|key| environment.context.contains_key(*key)) {
            problems.push(format!("environment `{name}`: `{key}` belongs beside `context`, not into it"));
        }
    }
    problems
}

fn add(init: &Init, path: PathBuf, globals: &Globals) -> Result<(), CliError> {
    let AwsOptions { env, stack, profile, region, .. } = &globals.aws;
    let name = env.clone().unwrap_or_else(|| init.stage.to_string());
    let environment = Environment {
        profile: profile.clone(),
        region: region.clone(),
        stack: Some(stack.clone().unwrap_or_else(|| format!("marvain-{name}"))),
        stage: init.stage,
        ..Environment::default()
    };
    let before = config::read(&path)?.map(|read| read.text).unwrap_or_default();
    let text = config::with_environment(&before, &name, &environment)?;
    // What it would mean is looked at before it is written.
    let config = config::parse(&text).map_err(|e| CliError::failure("the configuration makes no sense").because(e))?;
    let options = AwsOptions { env: Some(name.clone()), profile: profile.clone(), ..AwsOptions::default() };
    Target::of(&options, &config, &Surroundings::default())?;
    if init.dry.dry_run {
        return Dry::of(vec![Step::write(&path, text)]).show(globals);
    }
    config::write(&path, &text)?;
    let show = |shown: &Shown, look| {
        format!("environment `{name}` is in `{}`\n{}", crate::globals::shown(&shown.path), show(shown, look))
    };
    Output::new(globals).show(&Shown { path, config }, show)
}

fn show(shown: &Shown, look: Look) -> String {
    let plain = |text: Option<&String>| (text.cloned().unwrap_or_else(|| "-".to_owned()), Tint::Plain);
    let row = |(name, environment): (&String, &Environment)| {
        let mark = if shown.config.default_env.as_ref() == Some(name) { "*" } else { "" };
        [
            (format!("{name}{mark}"), Tint::Plain),
            plain(environment.stack.as_ref()),
            (environment.stage.to_string(), Tint::Plain),
            plain(environment.profile.as_ref()),
            plain(environment.region.as_ref()),
            plain(environment.outputs.get(super::API_URL)),
        ]
    };
    let head = ["ENVIRONMENT", "STACK", "STAGE", "PROFILE", "REGION", "HUB"];
    table(look, head, shown.config.env.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_found() {
        let config = config::parse(
            r#"
            default_env = "gone"
            [env.a]
            profile = "default"
            [env.b]
            stack = "Not-One"
            [env.c]
            context = { stage = "prod" }
            outputs = { ApiUrl = "http://example.org" }
            [env.d]
            profile = "home"
            "#,
        )
        .unwrap();
        let found = problems(&config);
        let expected = [
            "`default_env` is `gone`",
            "environment `a`: environment `a` means the profile `default`",
            "environment `b`: `Not-One` is no name of a stack",
            "environment `c`: no token is sent to",
            "environment `c`: `stage` belongs beside",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
