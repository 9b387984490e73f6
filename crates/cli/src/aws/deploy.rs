//! `marvain deploy`: builds, looks how each stack is, and lets the CDK command make or change what differs, while
//! CloudFormation's events are shown. A deployment that was cut off goes on where CloudFormation says that it is.

use super::{
    DryRun,
    build::{Source, Work},
    clients::{Aws, failed},
    cloudformation::{self, Events, StackState, Standing},
    dry::{Dry, Step},
    endpoint,
    following::Follower,
    plan::Plan,
    runner::{Line, Log},
    target::Target,
};
use crate::{
    commands::ask,
    error::{CliError, Exit},
    globals::Globals,
    output::{Look, Output, note},
};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::{process::Child, signal};

/// The stack that `cdk bootstrap` makes once an account and region.
const TOOLKIT: &str = "CDKToolkit";
/// The status of a stack that could not be deleted whole.
const DELETE_FAILED: &str = "DELETE_FAILED";

/// Put it on AWS.
#[derive(Args, Debug)]
pub(crate) struct Deploy {
    #[command(flatten)]
    source: Source,
    /// Say what it means for the account, and ask before anything is changed [default, where there is a terminal]
    #[arg(long, conflicts_with = "no_guided")]
    guided: bool,
    /// Ask nothing
    #[arg(long)]
    no_guided: bool,
    /// Deploy what `marvain build` has built last
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// What was deployed.
#[derive(Serialize)]
struct Deployed {
    deployed: bool,
    stacks: Vec<StackState>,
    outputs: BTreeMap<String, String>,
}

pub(super) async fn run(deploy: &Deploy, globals: &Globals) -> Result<(), CliError> {
    let work = deploy.source.work(super::target(globals)?)?;
    if deploy.dry.dry_run {
        return dry(deploy, &work)?.show(globals);
    }
    let asks = !deploy.no_guided;
    if asks && !globals.is_interactive() {
        return Err(CliError::usage("nobody is there to be asked").hint("say `--no-guided`"));
    }
    // Who asks, before minutes are spent on building.
    let aws = Aws::of(work.target.clone()).await?;
    let account = account(&aws).await?;
    let plan = if deploy.no_build { work.plan()? } else { work.build(globals).await? };
    let client = aws.cloudformation();
    let states = cloudformation::states(&client, &aws.target.stack).await?;
    note(globals, &meaning(&plan, &states, &account, &aws));
    if asks && !ask::yes_or_no("Deploy this?")? {
        return Err(CliError::failure("not deployed"));
    }
    toolkit(&aws, &account, &work, globals).await?;
    let resources = plan.stacks.iter().map(|stack| stack.resources.len()).sum();
    let mut follower = Follower::new(globals, resources);
    let by_name = aws.target.stack.parts().into_iter().map(|name| (name.clone(), name));
    let mut events = Events::from_now(&client, by_name).await?;
    let done = apply(&aws, &work, &states, &mut events, &mut follower, globals).await;
    let failures = follower.finish();
    done.map_err(|error| if failures.is_empty() { error } else { error.because(failures.join("; ")) })?;
    let stacks = cloudformation::states(&client, &aws.target.stack).await?;
    let outputs = cloudformation::outputs(&stacks);
    if let Some(index) = outputs.get(endpoint::INDEX) {
        endpoint::index(&aws, index).await?;
    }
    Output::new(globals).each(&Deployed { deployed: true, stacks, outputs }, |deployed, _: Look| {
        format!("`{}` is deployed\n{}", aws.target.stack, next(&aws.target, &deployed.outputs))
    })
}

/// Gets every stack into a state that a change can begin from, then has CDK make the changes.
async fn apply(
    aws: &Aws,
    work: &Work,
    states: &[StackState],
    events: &mut Events<'_>,
    follower: &mut Follower<'_>,
    globals: &Globals,
) -> Result<(), CliError> {
    let client = aws.cloudformation();
    for state in states {
        if state.standing == Standing::Working {
            cloudformation::settled(&client, &state.stack, events, |happened| follower.tell(happened)).await?;
        }
        // What was waited for may have got stuck meanwhile.
        let state = cloudformation::state(&client, &state.stack).await?;
        match state.standing {
            Standing::Stuck => {
                let asked = client.continue_update_rollback().stack_name(&state.stack).send().await;
                asked.map_err(|e| failed(format!("the undoing of `{}` cannot be gone on with", state.stack), e))?;
                cloudformation::settled(&client, &state.stack, events, |happened| follower.tell(happened)).await?;
            }
            Standing::Broken if state.status.as_deref() == Some(DELETE_FAILED) => {
                return Err(CliError::new(Exit::Conflict, format!("`{}` was deleted in part", state.stack))
                    .hint("`marvain teardown` goes on with deleting it, and says what is in the way"));
            }
            _ => {}
        }
    }
    let line = deploying(work, &endpoint::host(aws).await?);
    let log = Log::named(&format!("deploy-{}", aws.target.stack))?;
    let mut child = line.start(&log, globals)?;
    let ended = followed(&mut child, events, follower).await?;
    if ended.success() {
        return Ok(());
    }
    let error = line.failed(ended).hint("`marvain deploy` goes on with it once the reason is gone");
    match log.end() {
        Ok(end) => Err(error.because(end)),
        Err(unreadable) => Err(error.because(unreadable)),
    }
}

/// Shows what happens until the program has ended. CloudFormation goes on if somebody interrupts this.
async fn followed(
    child: &mut Child,
    events: &mut Events<'_>,
    follower: &mut Follower<'_>,
) -> Result<std::process::ExitStatus, CliError> {
    loop {
        let ended = tokio::select! {
            ended = child.wait() => Some(ended.map_err(|e| CliError::failure("the CDK command is lost").because(e))?),
            () = cloudformation::pause() => None,
            _ = signal::ctrl_c() => {
                return Err(CliError::failure("interrupted: CloudFormation goes on with what it has begun")
                    .hint("`marvain monitor status` shows how far it is; `marvain deploy` goes on"));
            }
        };
        match events.news().await {
            Ok(news) => news.into_iter().try_for_each(|happened| follower.tell(happened))?,
            // The deployment does not depend on its being watched.
            Err(error) => tracing::warn!(%error, "what happens cannot be shown"),
        }
        if let Some(ended) = ended {
            return Ok(ended);
        }
    }
}

/// The CDK command that makes the changes, from what was built.
fn deploying(work: &Work, endpoint: &str) -> Line {
    let args = ["cdk", "deploy", "--all", "--app", "cdk.out", "--require-approval", "never", "--no-notices"];
    let target = &work.target;
    Line::new(&work.cdk(), "npx", &args)
        .and(["--progress".to_owned(), "events".to_owned()])
        .and([
            "--parameters".to_owned(),
            format!("{}:{}={endpoint}", target.stack.part(endpoint::PART), endpoint::PARAMETER),
        ])
        .and(target.options())
        .with(target.variables())
}

/// The CDK command that prepares an account and region for all that CDK deploys there.
fn preparing(work: &Work, account: &str, region: &str) -> Line {
    let target = &work.target;
    let place = format!("aws://{account}/{region}");
    let args = ["cdk", "bootstrap", &place, "--no-notices"];
    Line::new(&work.cdk(), "npx", &args).and(target.options()).with(target.variables())
}

async fn account(aws: &Aws) -> Result<String, CliError> {
    let identity = aws.sts().get_caller_identity().send().await;
    let identity = identity.map_err(|e| failed("AWS does not say who you are", e))?;
    identity.account().map(str::to_owned).ok_or_else(|| CliError::failure("AWS does not say which account this is"))
}

async fn toolkit(aws: &Aws, account: &str, work: &Work, globals: &Globals) -> Result<(), CliError> {
    let state = cloudformation::state(&aws.cloudformation(), TOOLKIT).await?;
    if state.standing == Standing::Absent {
        preparing(work, account, aws.region()).run(globals).await?;
    }
    Ok(())
}

fn dry(deploy: &Deploy, work: &Work) -> Result<Dry, CliError> {
    let plan = work.plan()?;
    let region = work.target.region.as_deref().unwrap_or("REGION");
    let mut steps = vec![Step::call("sts:GetCallerIdentity", "")];
    if !deploy.no_build {
        steps.extend(work.lines().into_iter().map(Step::run));
    }
    steps.extend(plan.stacks.iter().map(|stack| Step::call("cloudformation:DescribeStacks", &stack.name)));
    steps.push(Step::call("cloudformation:DescribeStacks", TOOLKIT));
    steps.push(Step::run_if("there is no such stack", preparing(work, "ACCOUNT", region)));
    steps.push(Step::call("iot:DescribeEndpoint", endpoint::TYPE));
    steps.push(Step::run(deploying(work, "ENDPOINT")));
    steps.push(Step::call("iot:UpdateIndexingConfiguration", format!("as the output `{}` has it", endpoint::INDEX)));
    Ok(Dry { steps, plan: Some(plan), afterwards: Vec::new() })
}

/// What deploying means for the account, said before it is done.
fn meaning(plan: &Plan, states: &[StackState], account: &str, aws: &Aws) -> String {
    let mut text = format!("account {account}, region {}, stage {}\n", aws.region(), aws.target.stage);
    for state in states {
        let status = state.status.as_deref().unwrap_or("not there");
        text.push_str(&format!("  {} ({status}) {}\n", state.stack, state.standing.deploying()));
    }
    for (bucket, lock) in plan.locks() {
        let who = match lock.mode.as_str() {
            "COMPLIANCE" => "nobody can delete it before, not even the account's owner",
            _ => "who has the right to bypass it can delete it before",
        };
        text.push_str(&format!("{bucket} keeps what is written for {} d in {} mode: {who}\n", lock.days, lock.mode));
    }
    let staying = plan.left().count();
    text.push_str(&format!(
        "{staying} resources stay when the stacks are deleted: `marvain teardown --dry-run` names them"
    ));
    text
}

/// What comes after the first deployment.
fn next(target: &Target, outputs: &BTreeMap<String, String>) -> String {
    let which = target.env.as_ref().map_or_else(|| format!("--stack {}", target.stack), |env| format!("--env {env}"));
    let hub = outputs.get(super::API_URL).map(|url| format!("the hub is at {url}\n")).unwrap_or_default();
    format!(
        "{hub}next: marvain init db {which}\n      marvain bootstrap {which} --owner EMAIL --space-name SPACE\n      \
         marvain login {which}"
    )
}
