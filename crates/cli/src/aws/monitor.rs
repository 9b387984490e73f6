//! `marvain monitor status|outputs`

use super::{
    DryRun,
    clients::Aws,
    cloudformation::{self, StackState, Standing},
    config,
    dry::{Dry, Step},
    target::Target,
};
use crate::{
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{Look, Output, Tint, cut, fields, note, relative, table},
};
use clap::{Args, Subcommand};
use marvain_domain::Timestamp;

/// Most characters of a reason in a table.
const REASON_CHARS_MAX: usize = 80;

/// How a deployment is, and what it puts out.
#[derive(Subcommand, Debug)]
pub(crate) enum MonitorCommand {
    /// How each stack is
    Status {
        #[command(flatten)]
        dry: DryRun,
    },
    /// What the stacks put out: addresses and names
    Outputs(Outputs),
}

/// What the stacks put out.
#[derive(Args, Debug)]
pub(crate) struct Outputs {
    /// Keep it in the configuration: who has it needs no right to ask CloudFormation
    #[arg(long)]
    write_config: bool,
    #[command(flatten)]
    dry: DryRun,
}

pub(super) async fn run(command: MonitorCommand, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    match command {
        MonitorCommand::Status { dry } => {
            if dry.dry_run {
                return Dry::of(describing(&target)).show(globals);
            }
            let states = states(target).await?;
            Output::new(globals).show(&states, |states, look| status(states, look))?;
            match states.iter().filter(|state| state.standing != Standing::Ready).count() {
                0 => Ok(()),
                count => Err(CliError::failure(format!("{count} of {} stacks are not ready", states.len()))
                    .hint("`marvain deploy` makes them so, or says why not")),
            }
        }
        MonitorCommand::Outputs(args) => outputs(&args, target, globals).await,
    }
}

async fn outputs(args: &Outputs, target: Target, globals: &Globals) -> Result<(), CliError> {
    let path = config::path(globals.aws.config_file.as_deref())?;
    let env = target.env.clone();
    if args.dry.dry_run {
        let mut steps = describing(&target);
        if args.write_config {
            let env = env.unwrap_or_else(|| "NAME".to_owned());
            steps.push(Step::write(&path, format!("[env.{env}.outputs]")));
        }
        return Dry::of(steps).show(globals);
    }
    let unnamed = || {
        CliError::usage("the outputs belong to an environment, and none has this stack")
            .hint("`marvain config init --env NAME` adds one; or name one: `--env NAME`")
    };
    let env = if args.write_config { Some(env.ok_or_else(unnamed)?) } else { None };
    let stack = target.stack.clone();
    let states = states(target).await?;
    let outputs = cloudformation::outputs(&states);
    if outputs.is_empty() {
        return Err(CliError::new(Exit::NotFound, format!("the stacks of `{stack}` put nothing out"))
            .hint("`marvain monitor status` says how they are"));
    }
    if let Some(env) = env {
        let text = config::read(&path)?.map(|read| read.text).unwrap_or_default();
        config::write(&path, &config::with_outputs(&text, &env, &outputs)?)?;
        note(globals, &format!("kept in `{}`", shown(&path)));
    }
    Output::new(globals).show(&outputs, |outputs, look| {
        fields(look, outputs.iter().map(|(name, value)| (name.as_str(), value.clone(), Tint::Plain)).collect())
    })
}

async fn states(target: Target) -> Result<Vec<StackState>, CliError> {
    let aws = Aws::of(target).await?;
    cloudformation::states(&aws.cloudformation(), &aws.target.stack).await
}

fn describing(target: &Target) -> Vec<Step> {
    target.stack.parts().into_iter().map(|name| Step::call("cloudformation:DescribeStacks", name)).collect()
}

fn status(states: &[StackState], look: Look) -> String {
    let row = |state: &StackState| {
        let (word, tint) = match state.standing {
            Standing::Ready => ("ready", Tint::Good),
            Standing::Absent => ("not there", Tint::Dim),
            Standing::Announced => ("announced", Tint::Dim),
            Standing::Working => ("is being changed", Tint::Attention),
            Standing::NeverMade => ("never made", Tint::Bad),
            Standing::Stuck => ("stuck", Tint::Bad),
            Standing::Broken => ("broken", Tint::Bad),
        };
        let changed = state.changed_s.and_then(|s| u64::try_from(s).ok());
        let changed = changed.map(|s| relative(Timestamp::from_ms(s.saturating_mul(1000)), look.now));
        [
            (state.stack.clone(), Tint::Plain),
            (word.to_owned(), tint),
            (state.status.clone().unwrap_or_default(), Tint::Plain),
            (changed.unwrap_or_default(), Tint::Plain),
            (cut(state.reason.as_deref().unwrap_or_default(), REASON_CHARS_MAX), Tint::Dim),
        ]
    };
    table(look, ["STACK", "", "STATUS", "CHANGED", "WHY"], states.iter().map(row).collect())
}
