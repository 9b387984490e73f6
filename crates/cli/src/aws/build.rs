//! `marvain build`: the functions' program by `scripts/package`, and the cloud assembly by `cdk synth`. It needs no account.

use super::{
    DryRun,
    config::Stage,
    dry::{Dry, Step},
    plan::{self, Plan},
    runner::{self, Line},
    target::Target,
};
use crate::{
    error::CliError,
    globals::{Globals, shown},
    output::{Look, Output},
};
use clap::Args;
use std::path::{Path, PathBuf};

/// What is built, and for which deployment.
#[derive(Args, Clone, Debug)]
pub(crate) struct Source {
    /// marvain's source tree [default: the one around the working directory]
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// What the deployment is for, in the place of the environment's
    #[arg(long, value_enum)]
    stage: Option<Stage>,
    /// Another setting of the CDK app, in the place of the environment's
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::commands::assignment)]
    settings: Vec<(String, String)>,
}

/// Build the functions, and what CloudFormation is told.
#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    dry: DryRun,
}

/// The source tree, and the deployment that is built from it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    root: PathBuf,
    pub(crate) target: Target,
}

impl Source {
    /// The deployment that is meant, with what is said here.
    pub(crate) fn work(&self, mut target: Target) -> Result<Work, CliError> {
        target.stage = self.stage.unwrap_or(target.stage);
        for (name, value) in &self.settings {
            if matches!(name.as_str(), "stack" | "stage") {
                return Err(CliError::usage(format!("`{name}` is no setting: say `--{name} {value}`")));
            }
            target.context.insert(name.clone(), value.clone());
        }
        Ok(Work { root: runner::source(self.source.as_deref())?, target })
    }
}

impl Work {
    /// The folder of the CDK app.
    pub(crate) fn cdk(&self) -> PathBuf {
        self.root.join("cdk")
    }

    /// The cloud assembly.
    pub(crate) fn assembly(&self) -> PathBuf {
        self.cdk().join("cdk.out")
    }

    /// The programs that build it, in order.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let cdk = self.cdk();
        let mut synth = vec![format!("stack={}", self.target.stack), format!("stage={}", self.target.stage)];
        synth.extend(self.target.context.iter().map(|(name, value)| format!("{name}={value}")));
        // A program that is missing is found here, not by the account.
        if !self.target.context.contains_key("require_program") {
            synth.push("require_program=true".to_owned());
        }
        let context = synth.into_iter().flat_map(|setting| ["-c".to_owned(), setting]);
        vec![
            Line::new(&self.root, "scripts/package", &[]),
            Line::new(&cdk, "npm", &["ci", "--no-audit", "--no-fund"]),
            Line::new(&cdk, "npm", &["run", "build"]),
            Line::new(&cdk, "npx", &["cdk", "synth", "--quiet", "--no-notices"]).and(context),
        ]
    }

    /// What was built.
    pub(crate) fn plan(&self) -> Result<Plan, CliError> {
        let plan = Plan::read(&self.assembly())?;
        plan::belongs(&plan, &self.target.stack)?;
        Ok(plan)
    }

    /// Builds it, and says what was built.
    pub(crate) async fn build(&self, globals: &Globals) -> Result<Plan, CliError> {
        for line in self.lines() {
            line.run(globals).await?;
        }
        self.plan()
    }
}

pub(super) async fn run(build: &Build, globals: &Globals) -> Result<(), CliError> {
    let work = build.source.work(super::target(globals)?)?;
    if build.dry.dry_run {
        return Dry::of(work.lines().into_iter().map(Step::run).collect()).show(globals);
    }
    let plan = work.build(globals).await?;
    Output::new(globals).show(&plan, |plan, _: Look| summary(plan, &work.assembly()))
}

/// What an assembly has, in a few lines.
pub(crate) fn summary(plan: &Plan, assembly: &Path) -> String {
    let mut text = format!("built in {}\n", shown(assembly));
    for stack in &plan.stacks {
        let kinds = stack.kinds();
        text.push_str(&format!("  {}: {} resources of {} types\n", stack.name, stack.resources.len(), kinds.len()));
    }
    for (bucket, lock) in plan.locks() {
        text.push_str(&format!("  {bucket} locks what is written in {} mode for {} d\n", lock.mode, lock.days));
    }
    text
}
