//! `marvain teardown`: deletes the stacks of a deployment, the last first, and says what stays and how a person removes it.
//! It goes on with a teardown that was cut off, as CloudFormation says how far it got.

use super::{
    DryRun,
    build::Source,
    clients::{Aws, failed},
    cloudformation::{self, Deployed, Events, StackState, Standing},
    dry::{Dry, Step},
    following::Follower,
    plan::{Fate, Plan, Resource, StackPlan},
    retained::{self, Retained},
    target::Target,
};
use crate::{
    commands::ask,
    error::{CliError, Exit},
    globals::Globals,
    output::{Look, Output, note},
};
use aws_sdk_cloudformation::Client;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// CloudFormation's type of an IoT policy, which cannot be deleted while certificates have it.
const IOT_POLICY: &str = "AWS::IoT::Policy";
/// Most certificates that a policy is taken from; more are left to whoever runs it again.
const DETACHED_MAX: usize = 10_000;

/// Delete a deployment.
#[derive(Args, Debug)]
pub(crate) struct Teardown {
    #[command(flatten)]
    source: Source,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Wait until all stacks are gone [default]
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Begin with the stack that nothing needs, and do not wait for it; the same command goes on
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// Something that stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Left {
    stack: String,
    resource: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    fate: Fate,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    /// Lines to type before its stack can be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    /// Lines that remove it.
    remove: Vec<String>,
}

/// What came of it.
#[derive(Serialize)]
struct TornDown {
    deleted: Vec<String>,
    begun: Vec<String>,
    left: Vec<Left>,
}

pub(super) async fn run(teardown: &Teardown, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if teardown.dry.dry_run {
        return dry(teardown, globals)?.show(globals);
    }
    let aws = Aws::of(target).await?;
    let client = aws.cloudformation();
    let mut there = cloudformation::states(&client, &aws.target.stack).await?;
    there.retain(|state| state.standing != Standing::Absent);
    there.reverse();
    let out = Output::new(globals);
    if there.is_empty() {
        let nothing = TornDown { deleted: Vec::new(), begun: Vec::new(), left: Vec::new() };
        return out.each(&nothing, |_, _: Look| format!("`{}` has no stacks in {}", aws.target.stack, aws.region()));
    }
    refuse_protected(&there)?;
    // The lines are the source tree's to say; what stays is known without.
    let known = match teardown.source.work(aws.target.clone()).and_then(|work| retained::read(&work.assembly())) {
        Ok(known) => known,
        Err(error) => {
            note(globals, &format!("without the lines that remove what stays: {error}"));
            Vec::new()
        }
    };
    let mut left = Vec::new();
    let mut count = 0;
    for state in &there {
        let deployed = cloudformation::resources(&client, &state.stack).await?;
        let plan = StackPlan::of(&state.stack, &template(&client, &state.stack).await?);
        count += plan.resources.len();
        left.extend(staying(&plan, &deployed, &known, &aws.target));
    }
    note(globals, &meaning(&there, &left));
    if !teardown.yes {
        if !globals.is_interactive() {
            return Err(CliError::usage("nobody is there to be asked").hint("say `--yes`"));
        }
        if !ask::yes_or_no("Delete these stacks?")? {
            return Err(CliError::failure("nothing is deleted"));
        }
    }
    let by_id = there.iter().filter_map(|state| Some((state.stack.clone(), state.id.clone()?)));
    let mut events = Events::from_now(&client, by_id).await?;
    let mut follower = Follower::new(globals, count);
    let done = delete(&aws, there, teardown.no_wait, &mut events, &mut follower).await;
    let failures = follower.finish();
    let (deleted, begun) = done.map_err(|error| match failures.is_empty() {
        true => error,
        false => error.because(failures.join("; ")),
    })?;
    out.each(&TornDown { deleted, begun, left }, |done, _| text(done))
}

/// Deletes the stacks, each once those that need it are gone; says which are gone, and which have only begun to.
async fn delete(
    aws: &Aws,
    mut there: Vec<StackState>,
    only_begin: bool,
    events: &mut Events<'_>,
    follower: &mut Follower<'_>,
) -> Result<(Vec<String>, Vec<String>), CliError> {
    let client = aws.cloudformation();
    let mut gone = Vec::new();
    loop {
        let before = there.len();
        let mut kept = Vec::new();
        for state in there {
            let name = state.stack.clone();
            // The one who began it may have been interrupted.
            if state.standing != Standing::Working {
                free_policies(aws, &name).await?;
                let asked = client.delete_stack().stack_name(&name).send().await;
                asked.map_err(|e| failed(format!("stack `{name}` cannot be deleted"), e))?;
            }
            if only_begin {
                return Ok((gone, vec![name]));
            }
            let after = cloudformation::settled(&client, &name, events, |happened| follower.tell(happened)).await?;
            match after.standing {
                Standing::Absent => gone.push(name),
                _ => kept.push(after),
            }
        }
        // Another round as long as each frees something: what one needs may have been in the way of another.
        if kept.is_empty() {
            return Ok((gone, Vec::new()));
        }
        if kept.len() == before {
            return Err(remains(&kept));
        }
        there = kept;
    }
}

fn remains(kept: &[StackState]) -> CliError {
    let told = |state: &StackState| format!("{}: {}", state.stack, state.reason.clone().unwrap_or_default());
    let reasons: Vec<String> = kept.iter().map(told).collect();
    CliError::failure(format!("not deleted: {}", reasons.join("; ")))
        .hint("remove what is in the way, then run the same command again: it goes on")
}

/// Takes the stack's IoT policies from all certificates that have them: what satellites are known by stays, and is good for
/// nothing.
async fn free_policies(aws: &Aws, stack: &str) -> Result<(), CliError> {
    let iot = aws.iot();
    let resources = cloudformation::resources(&aws.cloudformation(), stack).await?;
    for policy in resources.iter().filter(|resource| resource.kind == IOT_POLICY) {
        let name = &policy.physical_id;
        let mut freed = 0;
        while freed < DETACHED_MAX {
            let targets = iot.list_targets_for_policy().policy_name(name).send().await;
            let targets = targets.map_err(|e| failed(format!("who has the IoT policy `{name}` cannot be told"), e))?;
            if targets.targets().is_empty() {
                break;
            }
            for target in targets.targets() {
                let detached = iot.detach_policy().policy_name(name).target(target).send().await;
                detached.map_err(|e| failed(format!("the IoT policy `{name}` cannot be taken from `{target}`"), e))?;
                freed += 1;
            }
        }
    }
    Ok(())
}

async fn template(client: &Client, name: &str) -> Result<Value, CliError> {
    let found = client.get_template().stack_name(name).send().await;
    let found = found.map_err(|e| failed(format!("the template of stack `{name}` cannot be read"), e))?;
    serde_json::from_str(found.template_body().unwrap_or_default())
        .map_err(|e| CliError::failure(format!("the template of stack `{name}` is not one of marvain's")).because(e))
}

/// What stays of a stack, by its names in the account.
fn staying(plan: &StackPlan, deployed: &[Deployed], known: &[Retained], target: &Target) -> Vec<Left> {
    let names: BTreeMap<&str, &str> =
        deployed.iter().map(|resource| (resource.logical_id.as_str(), resource.physical_id.as_str())).collect();
    let resources = plan.resources.iter().filter(|resource| resource.fate != Fate::Deleted);
    resources
        .filter_map(|resource| {
            Some(left(&plan.name, resource, names.get(resource.logical_id.as_str())?, known, target))
        })
        .collect()
}

fn left(stack: &str, resource: &Resource, name: &str, known: &[Retained], target: &Target) -> Left {
    let Resource { logical_id, kind, fate, .. } = resource;
    let said = retained::find(known, stack, logical_id);
    let lines =
        |lines: Option<&Vec<String>>| retained::lines(lines.map(Vec::as_slice).unwrap_or_default(), name, target);
    Left {
        stack: stack.to_owned(),
        resource: logical_id.clone(),
        kind: kind.clone(),
        name: name.to_owned(),
        fate: *fate,
        what: said.map(|said| said.what.clone()),
        before: lines(said.map(|said| &said.before)),
        remove: lines(said.map(|said| &said.after)),
    }
}

/// A stack that is protected is not begun with: what it needs would be gone by then.
fn refuse_protected(there: &[StackState]) -> Result<(), CliError> {
    let protected: Vec<&str> = there.iter().filter(|state| state.protected).map(|state| state.stack.as_str()).collect();
    if protected.is_empty() {
        return Ok(());
    }
    let line = |name: &&str| {
        format!(
            "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {name}"
        )
    };
    let lines: Vec<String> = protected.iter().map(line).collect();
    Err(CliError::new(Exit::Conflict, format!("protected against being deleted: {}", protected.join(", ")))
        .hint(format!("if you mean it: {}", lines.join("; "))))
}

/// From what was built, with the names of the template where those of the account are not known.
fn dry(teardown: &Teardown, globals: &Globals) -> Result<Dry, CliError> {
    let work = teardown.source.work(super::target(globals)?)?;
    let Plan { mut stacks } = work.plan()?;
    stacks.reverse();
    let mut steps = Vec::new();
    for stack in &stacks {
        steps.push(Step::call("cloudformation:DescribeStacks", &stack.name));
        steps.push(Step::call("cloudformation:ListStackResources", &stack.name));
        steps.push(Step::call("cloudformation:GetTemplate", &stack.name));
    }
    for stack in &stacks {
        let policies = stack.resources.iter().filter(|resource| resource.kind == IOT_POLICY);
        steps.extend(policies.map(|policy| {
            Step::call("iot:DetachPolicy", format!("{} from every certificate that has it", policy.logical_id))
        }));
        steps.push(Step::call("cloudformation:DeleteStack", &stack.name));
    }
    let plan = Plan { stacks };
    let known = retained::read(&work.assembly())?;
    let left: Vec<Left> = plan
        .left()
        .map(|(stack, resource)| left(stack, resource, &format!("<{}>", resource.logical_id), &known, &work.target))
        .collect();
    Ok(Dry { steps, afterwards: lines(&left), plan: Some(plan) })
}

fn lines(left: &[Left]) -> Vec<String> {
    let mut lines = Vec::new();
    for Left { stack, kind, name, fate, what, before, remove, .. } in left {
        let what = what.as_ref().map(|what| format!(", {what}")).unwrap_or_default();
        lines.push(format!("{kind} {name} of {stack}{what}: {}", fate.as_str()));
        lines.extend(before.iter().map(|line| format!("  first: {line}")));
        lines.extend(remove.iter().map(|line| format!("  {line}")));
    }
    lines
}

fn meaning(there: &[StackState], left: &[Left]) -> String {
    let names: Vec<&str> = there.iter().map(|state| state.stack.as_str()).collect();
    format!("deleted, in this order: {}\nwhat stays:\n  {}", names.join(", "), lines(left).join("\n  "))
}

fn text(done: &TornDown) -> String {
    let mut text = String::new();
    if !done.deleted.is_empty() {
        text.push_str(&format!("deleted: {}\n", done.deleted.join(", ")));
    }
    if !done.begun.is_empty() {
        text.push_str(&format!("begun: {}; the same command goes on with the others\n", done.begun.join(", ")));
    }
    if !done.left.is_empty() {
        text.push_str(&format!("what stays, and how to remove it:\n  {}", lines(&done.left).join("\n  ")));
    }
    text
}
