//! What CloudFormation knows of a deployment: the state of each stack, its outputs, resources and events. Whatever a command
//! goes on with is decided from this, never from a file of ours: a deployment that was cut off goes on where it is.
//!
//! Statuses are those of "Understand CloudFormation stack creation events" and "Stack status codes" in its user guide.

use super::{clients::failed, target::StackName};
use crate::error::CliError;
use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{Stack, StackEvent},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use tokio::time::{self, Instant};

/// How often stacks are looked at while they change, in milliseconds.
const LOOK_MS: u64 = 3_000;
/// Longest that all of a deployment may take, in seconds: an Aurora cluster takes a quarter of an hour.
const SETTLE_S: u64 = 2 * 3_600;
/// Most pages of events that are read at a look; more are behind by then.
const EVENT_PAGES_MAX: usize = 20;
/// Most pages of a stack's resources: CloudFormation takes 500 resources, a hundred a page.
const RESOURCE_PAGES_MAX: usize = 10;
/// Most ids of events that are remembered a stack.
const SEEN_MAX: usize = 5_000;

/// How a stack stands, and what that lets one do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// There is none.
    Absent,
    /// It is as it was told to be, or as it was before.
    Ready,
    /// CloudFormation works at it.
    Working,
    /// Its first making failed, and all was undone: it can only be deleted, and made again.
    NeverMade,
    /// Undoing a change failed, and has to be gone on with.
    Stuck,
    /// It was left half made or half deleted.
    Broken,
    /// A change set was made for it, and nothing else.
    Announced,
}

impl Standing {
    /// Of a stack with this status.
    pub(crate) fn of(status: &str) -> Self {
        match status {
            "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE" => Self::Ready,
            "REVIEW_IN_PROGRESS" => Self::Announced,
            "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" => Self::NeverMade,
            "UPDATE_ROLLBACK_FAILED" => Self::Stuck,
            "DELETE_COMPLETE" => Self::Absent,
            status if status.ends_with("_IN_PROGRESS") => Self::Working,
            _ => Self::Broken,
        }
    }

    /// What a deployment does about it.
    pub(crate) const fn deploying(self) -> &'static str {
        match self {
            Self::Absent | Self::Announced => "is made",
            Self::Ready => "is changed where it differs",
            Self::Working => "is being changed: waited for, then gone on with",
            Self::NeverMade => "was never made whole: deleted, and made again",
            Self::Stuck => "is stuck in undoing a change: that is gone on with first",
            Self::Broken => "is half done: gone on with",
        }
    }
}

/// A stack as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct StackState {
    /// Its name.
    pub(crate) stack: String,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Its id; none if there is no such stack.
    #[serde(skip)]
    pub(crate) id: Option<String>,
    /// It refuses to be deleted (termination protection).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) protected: bool,
    /// In CloudFormation's words; none if there is no such stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When it last changed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed_s: Option<i64>,
    /// What it puts out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) outputs: BTreeMap<String, String>,
}

impl StackState {
    fn absent(name: &str) -> Self {
        Self {
            stack: name.to_owned(),
            standing: Standing::Absent,
            id: None,
            protected: false,
            status: None,
            reason: None,
            changed_s: None,
            outputs: BTreeMap::new(),
        }
    }

    fn of(name: &str, stack: &Stack) -> Self {
        let status = stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        let changed = stack.last_updated_time().or_else(|| stack.creation_time());
        let output = |output: &aws_sdk_cloudformation::types::Output| {
            Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
        };
        Self {
            stack: name.to_owned(),
            standing: Standing::of(&status),
            id: stack.stack_id().map(str::to_owned),
            protected: stack.enable_termination_protection().unwrap_or_default(),
            status: Some(status),
            reason: stack.stack_status_reason().map(str::to_owned),
            changed_s: changed.map(|at| at.secs()),
            outputs: stack.outputs().iter().filter_map(output).collect(),
        }
    }
}

/// How one stack is.
pub(crate) async fn state(client: &Client, name: &str) -> Result<StackState, CliError> {
    match client.describe_stacks().stack_name(name).send().await {
        Ok(found) => {
            Ok(found.stacks().first().map_or_else(|| StackState::absent(name), |stack| StackState::of(name, stack)))
        }
        // There is no code of its own for it.
        Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
            Ok(StackState::absent(name))
        }
        Err(error) => Err(failed(format!("the state of stack `{name}` cannot be told"), error)),
    }
}

/// How all stacks of a deployment are, in the order in which they need each other.
pub(crate) async fn states(client: &Client, stack: &StackName) -> Result<Vec<StackState>, CliError> {
    let mut states = Vec::new();
    for name in stack.parts() {
        states.push(state(client, &name).await?);
    }
    Ok(states)
}

/// What all stacks of a deployment put out, less what CDK adds for itself.
pub(crate) fn outputs(states: &[StackState]) -> BTreeMap<String, String> {
    let own = |(key, _): &(&String, &String)| !key.starts_with("ExportsOutput");
    let all = states.iter().flat_map(|state| &state.outputs).filter(own);
    all.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A resource of a deployed stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Deployed {
    pub(crate) logical_id: String,
    pub(crate) physical_id: String,
    pub(crate) kind: String,
}

/// All resources of a deployed stack.
pub(crate) async fn resources(client: &Client, name: &str) -> Result<Vec<Deployed>, CliError> {
    let (mut all, mut token) = (Vec::new(), None);
    for _ in 0..RESOURCE_PAGES_MAX {
        let page = client.list_stack_resources().stack_name(name).set_next_token(token).send().await;
        let page = page.map_err(|e| failed(format!("the resources of stack `{name}` cannot be listed"), e))?;
        all.extend(page.stack_resource_summaries().iter().filter_map(|resource| {
            Some(Deployed {
                logical_id: resource.logical_resource_id()?.to_owned(),
                physical_id: resource.physical_resource_id()?.to_owned(),
                kind: resource.resource_type()?.to_owned(),
            })
        }));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(all);
        }
    }
    Err(CliError::failure(format!("stack `{name}` has more resources than CloudFormation takes")))
}

/// Something that happened to a resource of a stack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Happened {
    /// The stack.
    pub(crate) stack: String,
    /// The resource's name in the template; the stack's own name if it is about the stack.
    pub(crate) resource: String,
    /// CloudFormation's type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// In CloudFormation's words.
    pub(crate) status: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Happened {
    fn of(stack: &str, event: &StackEvent) -> Self {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            stack: stack.to_owned(),
            resource: owned(event.logical_resource_id()),
            kind: owned(event.resource_type()),
            status: event.resource_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: event.resource_status_reason().map(str::to_owned),
        }
    }

    /// Did it go wrong? What was only called off because something else went wrong is not meant.
    pub(crate) fn is_failure(&self) -> bool {
        let called_off = self.reason.as_deref().is_some_and(|reason| reason.contains("cancelled"));
        self.status.ends_with("_FAILED") && !called_off
    }
}

/// Follows what happens to stacks.
pub(crate) struct Events<'a> {
    client: &'a Client,
    /// What each stack is asked for under.
    asked: BTreeMap<String, String>,
    seen: BTreeMap<String, Seen>,
}

#[derive(Default)]
struct Seen {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Was it new?
    fn take(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

impl<'a> Events<'a> {
    /// From now on: what has happened before is not told. `stacks` are names, each with what it is asked for under: its
    /// name follows a stack that is made anew, its id one that is deleted.
    pub(crate) async fn from_now(
        client: &'a Client,
        stacks: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, CliError> {
        let mut events = Self { client, asked: stacks.into_iter().collect(), seen: BTreeMap::new() };
        events.news().await?;
        Ok(events)
    }

    /// What has happened since the last look, oldest first a stack.
    pub(crate) async fn news(&mut self) -> Result<Vec<Happened>, CliError> {
        let mut news = Vec::new();
        for (name, asked) in &self.asked {
            let seen = self.seen.entry(name.clone()).or_default();
            news.extend(fresh(self.client, name, asked, seen).await?);
        }
        Ok(news)
    }
}

/// New events of one stack, oldest first. CloudFormation tells the newest first.
async fn fresh(client: &Client, name: &str, asked: &str, seen: &mut Seen) -> Result<Vec<Happened>, CliError> {
    let (mut fresh, mut token) = (Vec::new(), None);
    'pages: for _ in 0..EVENT_PAGES_MAX {
        let page = client.describe_stack_events().stack_name(asked).set_next_token(token).send().await;
        let page = match page {
            Ok(page) => page,
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => break,
            Err(error) => return Err(failed(format!("the events of stack `{name}` cannot be read"), error)),
        };
        for event in page.stack_events() {
            if !seen.take(event.event_id().unwrap_or_default()) {
                break 'pages;
            }
            fresh.push(Happened::of(name, event));
        }
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    fresh.reverse();
    Ok(fresh)
}

/// Waits until nothing is being done to a stack any more, and says how it is then.
pub(crate) async fn settled(
    client: &Client,
    name: &str,
    events: &mut Events<'_>,
    mut tell: impl FnMut(Happened) -> Result<(), CliError>,
) -> Result<StackState, CliError> {
    let deadline = Instant::now() + Duration::from_secs(SETTLE_S);
    loop {
        let state = state(client, name).await?;
        for happened in events.news().await? {
            tell(happened)?;
        }
        if state.standing != Standing::Working {
            return Ok(state);
        }
        if Instant::now() >= deadline {
            return Err(CliError::failure(format!("stack `{name}` is still being changed after {SETTLE_S} s"))
                .hint("the same command goes on with it"));
        }
        time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

/// How long to wait between two looks.
pub(crate) async fn pause() {
    time::sleep(Duration::from_millis(LOOK_MS)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_to_do() {
        let cases = [
            ("CREATE_COMPLETE", Standing::Ready),
            ("UPDATE_ROLLBACK_COMPLETE", Standing::Ready),
            ("CREATE_IN_PROGRESS", Standing::Working),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Standing::Working),
            ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Standing::Working),
            ("DELETE_IN_PROGRESS", Standing::Working),
            ("REVIEW_IN_PROGRESS", Standing::Announced),
            ("ROLLBACK_COMPLETE", Standing::NeverMade),
            ("ROLLBACK_FAILED", Standing::NeverMade),
            ("UPDATE_ROLLBACK_FAILED", Standing::Stuck),
            ("UPDATE_FAILED", Standing::Broken),
            ("DELETE_FAILED", Standing::Broken),
            ("DELETE_COMPLETE", Standing::Absent),
        ];
        for (status, standing) in cases {
            assert_eq!(Standing::of(status), standing, "{status}");
        }
    }

    #[test]
    fn events_are_told_once_and_remembered_within_bounds() {
        let mut seen = Seen::default();
        assert!(seen.take("a") && !seen.take("a"));
        for n in 0..SEEN_MAX {
            assert!(seen.take(&n.to_string()));
        }
        assert_eq!((seen.ids.len(), seen.order.len()), (SEEN_MAX, SEEN_MAX));
        assert!(seen.take("a"), "the oldest is forgotten");
    }

    #[test]
    fn what_is_called_off_is_not_what_went_wrong() {
        let happened = |status: &str, reason: Option<&str>| Happened {
            stack: "s".to_owned(),
            resource: "r".to_owned(),
            kind: "t".to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        };
        assert!(happened("CREATE_FAILED", Some("no such zone")).is_failure());
        assert!(happened("CREATE_FAILED", None).is_failure());
        assert!(!happened("CREATE_FAILED", Some("Resource creation cancelled")).is_failure());
        assert!(!happened("CREATE_COMPLETE", None).is_failure());
    }
}
