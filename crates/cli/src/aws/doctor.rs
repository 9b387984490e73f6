//! What `marvain doctor` looks at on AWS: who asks, the stacks, what they put out, the vault's lock, dead letters, and the
//! programs that build and deploy. It changes nothing.

use super::{
    clients::{Aws, failed},
    cloudformation::{self, StackState, Standing},
    config, runner,
    target::Target,
};
use crate::{commands::doctor::Check, error::CliError, globals::Globals};
use aws_sdk_s3::types::ObjectLockRetentionMode;
use aws_sdk_sqs::types::QueueAttributeName;
use std::collections::BTreeMap;

/// Programs that build and deploy, and what each is for.
const PROGRAMS: [(&str, &str); 4] =
    [("cargo", "builds the functions"), ("node", "runs CDK"), ("npm", "installs CDK"), ("npx", "runs CDK")];
/// What the stacks put out that commands need.
const OUTPUTS: [&str; 11] = [
    "ApiUrl",
    "TableName",
    "VaultBucket",
    "SqlClusterArn",
    "SqlSecretArn",
    "SqlDatabase",
    "UserPoolId",
    "UserPoolClientId",
    "IotDataEndpoint",
    "QueueUrls",
    "DeadLetterUrls",
];

/// Is a deployment meant: is one named, or has the configuration a default?
fn is_meant(globals: &Globals) -> Result<bool, CliError> {
    Ok(globals.aws.env.is_some() || globals.aws.stack.is_some() || super::configuration(globals)?.default_env.is_some())
}

/// Looks at the configuration, and at the deployment that it means.
pub(crate) async fn look(globals: &Globals) -> Vec<Check> {
    let mut checks = Vec::new();
    match config::path(globals.aws.config_file.as_deref()).and_then(|path| config::read(&path)) {
        Ok(Some(read)) => checks.push(match read.complaint {
            Some(complaint) => Check::warn("configuration", complaint),
            None => Check::ok("configuration", format!("{} environments", read.config.env.len())),
        }),
        Ok(None) => {}
        Err(error) => return vec![Check::error("configuration", &error)],
    }
    match is_meant(globals) {
        Ok(false) => return checks,
        Ok(true) => {}
        Err(error) => return vec![Check::error("configuration", &error)],
    }
    checks.push(programs());
    match super::target(globals) {
        Ok(target) => checks.extend(deployment(target).await),
        Err(error) => checks.push(Check::error("deployment", &error)),
    }
    checks
}

fn programs() -> Check {
    let missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| runner::on_path(program).is_none())
        .map(|(program, what)| format!("`{program}` ({what})"))
        .collect();
    if missing.is_empty() {
        Check::ok("programs", "what builds and deploys is there")
    } else {
        Check::warn("programs", format!("not on PATH: {}", missing.join(", ")))
            .hint("they are needed for `marvain build` and `deploy` alone")
    }
}

async fn deployment(target: Target) -> Vec<Check> {
    let aws = match Aws::of(target).await {
        Ok(aws) => aws,
        Err(error) => return vec![Check::error("credentials", &error)],
    };
    let mut checks = vec![credentials(&aws).await];
    let states = match cloudformation::states(&aws.cloudformation(), &aws.target.stack).await {
        Ok(states) => states,
        Err(error) => {
            checks.push(Check::error("stacks", &error));
            return checks;
        }
    };
    checks.push(stacks(&states, &aws));
    if states.iter().all(|state| state.standing == Standing::Absent) {
        return checks;
    }
    let outputs = cloudformation::outputs(&states);
    checks.push(put_out(&outputs, &aws));
    if let Some(bucket) = outputs.get("VaultBucket") {
        checks.push(lock(&aws, bucket).await);
    }
    if let Some(urls) = outputs.get("DeadLetterUrls") {
        checks.push(dead_letters(&aws, urls).await);
    }
    checks
}

async fn credentials(aws: &Aws) -> Check {
    let name = "credentials";
    match aws.sts().get_caller_identity().send().await {
        Ok(identity) => {
            let who = identity.arn().unwrap_or_default();
            Check::ok(name, format!("{who} in {}", aws.region()))
        }
        Err(error) => Check::error(name, &failed("AWS does not say who you are", error)),
    }
}

fn stacks(states: &[StackState], aws: &Aws) -> Check {
    let name = "stacks";
    let told = |state: &&StackState| format!("{} {}", state.stack, state.status.as_deref().unwrap_or("is not there"));
    let not_ready: Vec<String> =
        states.iter().filter(|state| state.standing != Standing::Ready).map(|state| told(&state)).collect();
    if states.iter().all(|state| state.standing == Standing::Absent) {
        Check::warn(name, format!("`{}` is not deployed", aws.target.stack)).hint("`marvain deploy`")
    } else if not_ready.is_empty() {
        Check::ok(name, format!("all {} of `{}` are ready", states.len(), aws.target.stack))
    } else {
        Check::fail(name, not_ready.join("; ")).hint("`marvain deploy` goes on with them, or says why not")
    }
}

fn put_out(outputs: &BTreeMap<String, String>, aws: &Aws) -> Check {
    let name = "outputs";
    let missing: Vec<&str> = OUTPUTS.into_iter().filter(|output| !outputs.contains_key(*output)).collect();
    let kept = &aws.target.outputs;
    let stale: Vec<&str> =
        kept.iter().filter(|(key, value)| outputs.get(*key) != Some(value)).map(|(key, _)| key.as_str()).collect();
    if !missing.is_empty() {
        Check::fail(name, format!("missing: {}", missing.join(", "))).hint("`marvain deploy`")
    } else if !stale.is_empty() {
        Check::warn(name, format!("the configuration keeps others: {}", stale.join(", ")))
            .hint("`marvain monitor outputs --write-config`")
    } else {
        Check::ok(name, "all there")
    }
}

async fn lock(aws: &Aws, bucket: &str) -> Check {
    let name = "vault";
    let found = match aws.s3().get_object_lock_configuration().bucket(bucket).send().await {
        Ok(found) => found,
        Err(error) => return Check::error(name, &failed(format!("the lock of `{bucket}` cannot be told"), error)),
    };
    let retention =
        found.object_lock_configuration().and_then(|lock| lock.rule()).and_then(|rule| rule.default_retention());
    match retention.and_then(|retention| Some((retention.mode()?, retention.days().or(retention.years())?, retention)))
    {
        Some((mode, count, retention)) => {
            let unit = if retention.days().is_some() { "d" } else { "years" };
            let check = Check::ok(name, format!("`{bucket}` locks for {count} {unit} in {mode} mode"));
            let lax = *mode != ObjectLockRetentionMode::Compliance && aws.target.stage == config::Stage::Prod;
            if lax { Check::warn(name, format!("`{bucket}` is locked in {mode} mode, in production")) } else { check }
        }
        // The hub gives each object its retention; the bucket's own is for what somebody else writes.
        None => Check::warn(name, format!("`{bucket}` has no default retention"))
            .hint("the hub locks what it writes; nothing else in it is locked"),
    }
}

async fn dead_letters(aws: &Aws, urls: &str) -> Check {
    let name = "dead letters";
    let urls: BTreeMap<String, String> = match serde_json::from_str(urls) {
        Ok(urls) => urls,
        Err(error) => return Check::fail(name, format!("the output `DeadLetterUrls` cannot be read: {error}")),
    };
    let (sqs, mut dead) = (aws.sqs(), Vec::new());
    for (queue, url) in &urls {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let found = sqs.get_queue_attributes().queue_url(url).attribute_names(waiting.clone()).send().await;
        match found {
            Ok(found) => {
                let count = found.attributes().and_then(|all| all.get(&waiting)).map_or("0", String::as_str);
                if count != "0" {
                    dead.push(format!("{queue}: {count}"));
                }
            }
            Err(error) => {
                return Check::error(name, &failed(format!("the dead letters of `{queue}` cannot be counted"), error));
            }
        }
    }
    if dead.is_empty() {
        Check::ok(name, format!("none in {} queues", urls.len()))
    } else {
        Check::warn(name, dead.join(", "))
            .hint("`marvain queue list QUEUE` has their reasons; docs/operations.md#dead-letters")
    }
}
