//! `marvain logs`: what the functions say, from their log groups in CloudWatch Logs, in the order of time.
//!
//! A function's group is `/aws/lambda/<stack>-<function>`, as the CDK app names it.

use super::{
    DryRun,
    clients::{Aws, failed},
    dry::{Dry, Step},
};
use crate::{
    error::{CliError, Exit},
    globals::{Globals, now},
    output::{Output, clean, note},
};
use aws_sdk_cloudwatchlogs::{Client, error::ProvideErrorMetadata as _, types::FilteredLogEvent};
use clap::Args;
use marvain_domain::Timestamp;
use serde::Serialize;
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};
use tokio::time;

/// How often new events are asked for, in milliseconds: CloudWatch Logs takes five such requests a second.
const LOOK_MS: u64 = 2_000;
/// How far back each look goes behind the newest event seen, in milliseconds: events of one group arrive out of order.
const OVERLAP_MS: i64 = 30_000;
/// Most events that are gathered at a look; the rest is told to be there.
const EVENTS_MAX: usize = 10_000;
/// Most ids of events that are remembered, so that none is shown twice.
const SEEN_MAX: usize = 50_000;
/// Most log groups of a deployment.
const GROUPS_MAX: usize = 100;

/// What the functions say.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Which functions, like `observe` [default: all]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,
    /// From how long ago on
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = crate::commands::duration_s)]
    since: u64,
    /// Go on with what is said from now on
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// Something that a function has said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
struct Said {
    at: Timestamp,
    function: String,
    message: String,
    #[serde(skip)]
    id: String,
}

pub(super) async fn run(logs: &Logs, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    let prefix = format!("/aws/lambda/{}-", target.stack);
    if logs.dry.dry_run {
        let step = |name: &String| Step::call("logs:FilterLogEvents", format!("{prefix}{name}"));
        let mut steps: Vec<Step> = logs.functions.iter().map(step).collect();
        if steps.is_empty() {
            steps = vec![
                Step::call("logs:DescribeLogGroups", format!("{prefix}*")),
                Step::call("logs:FilterLogEvents", format!("{prefix}*")),
            ];
        }
        return Dry::of(steps).show(globals);
    }
    let aws = Aws::of(target).await?;
    let client = aws.logs();
    let functions = functions(&client, &prefix, &logs.functions).await?;
    let since_ms = i64::try_from(now().as_ms().saturating_sub(logs.since.saturating_mul(1000))).unwrap_or_default();
    let mut reader = Reader { client, prefix, from_ms: since_ms, seen: BTreeSet::new(), order: VecDeque::new() };
    let out = Output::new(globals);
    let longest = functions.iter().map(String::len).max().unwrap_or_default();
    loop {
        let (mut news, all) = reader.news(&functions).await?;
        news.sort();
        for said in &news {
            out.each(said, |said, _| line(said, longest))?;
        }
        if !all {
            note(
                globals,
                &format!("there are more than {EVENTS_MAX} events: ask for less with `--since`, or name functions"),
            );
        }
        if !logs.follow {
            return Ok(());
        }
        time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

/// The functions that are meant, and are there.
async fn functions(client: &Client, prefix: &str, named: &[String]) -> Result<Vec<String>, CliError> {
    let (mut there, mut token) = (BTreeSet::new(), None);
    loop {
        let page = client.describe_log_groups().log_group_name_prefix(prefix).set_next_token(token).send().await;
        let page = page.map_err(|e| failed("the log groups cannot be listed", e))?;
        let names = page.log_groups().iter().filter_map(|group| group.log_group_name()?.strip_prefix(prefix));
        there.extend(names.map(str::to_owned));
        token = page.next_token().map(str::to_owned);
        if token.is_none() || there.len() >= GROUPS_MAX {
            break;
        }
    }
    let known = || there.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if there.is_empty() {
        return Err(CliError::new(Exit::NotFound, format!("there are no log groups `{prefix}…`"))
            .hint("`marvain monitor status` says whether it is deployed"));
    }
    match named.iter().find(|name| !there.contains(*name)) {
        Some(name) => Err(CliError::new(Exit::NotFound, format!("there is no function `{name}`"))
            .hint(format!("there are {}", known()))),
        None if named.is_empty() => Ok(there.into_iter().collect()),
        None => Ok(named.to_vec()),
    }
}

/// Reads each event once.
struct Reader {
    client: Client,
    prefix: String,
    from_ms: i64,
    seen: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Reader {
    /// What was not there at the last look, and whether that is all.
    async fn news(&mut self, functions: &[String]) -> Result<(Vec<Said>, bool), CliError> {
        let (mut news, mut all) = (Vec::new(), true);
        let mut newest_ms = self.from_ms;
        for function in functions {
            let mut token = None;
            loop {
                let page = self
                    .client
                    .filter_log_events()
                    .log_group_name(format!("{}{function}", self.prefix))
                    .start_time(self.from_ms)
                    .set_next_token(token)
                    .send()
                    .await;
                let page = match page {
                    Ok(page) => page,
                    // It has said nothing yet, or was deleted meanwhile.
                    Err(error) if error.code() == Some("ResourceNotFoundException") => break,
                    Err(error) => return Err(failed(format!("what `{function}` says cannot be read"), error)),
                };
                for event in page.events() {
                    let Some(said) = said(function, event) else { continue };
                    newest_ms = newest_ms.max(event.timestamp().unwrap_or_default());
                    if self.is_new(&said.id) {
                        news.push(said);
                    }
                }
                token = page.next_token().map(str::to_owned);
                if news.len() >= EVENTS_MAX {
                    all = all && token.is_none();
                    break;
                }
                if token.is_none() {
                    break;
                }
            }
        }
        self.from_ms = self.from_ms.max(newest_ms.saturating_sub(OVERLAP_MS));
        Ok((news, all))
    }

    fn is_new(&mut self, id: &str) -> bool {
        if !self.seen.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

fn said(function: &str, event: &FilteredLogEvent) -> Option<Said> {
    let at = Timestamp::from_ms(u64::try_from(event.timestamp()?).ok()?);
    let message = event.message()?.trim_end().to_owned();
    Some(Said { at, function: function.to_owned(), message, id: event.event_id().unwrap_or_default().to_owned() })
}

fn line(said: &Said, longest: usize) -> String {
    format!("{} {:longest$} {}", said.at, said.function, clean(&said.message))
}
