//! The reserved topics of jobs, as a two-way map. Developer Guide, "Reserved topics", job topics.

use super::JobId;
use crate::names::ThingName;
use crate::topic::TopicName;

/// Which execution is described.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// `$next`: the one to be worked on.
    Next,
    /// The last one of a job.
    Job(JobId),
}

/// What a device may ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobsOperation {
    /// `GetPendingJobExecutions`.
    GetPending,
    /// `StartNextPendingJobExecution`.
    StartNext,
    /// `DescribeJobExecution`.
    Describe(Which),
    /// `UpdateJobExecution`.
    Update(JobId),
}

impl JobsOperation {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "get" => return Some(Self::GetPending),
            "start-next" => return Some(Self::StartNext),
            "$next/get" => return Some(Self::Describe(Which::Next)),
            _ => {}
        }
        let (job, operation) = text.split_once('/')?;
        let job = JobId::parse(job).ok()?;
        match operation {
            "get" => Some(Self::Describe(Which::Job(job))),
            "update" => Some(Self::Update(job)),
            _ => None,
        }
    }

    fn end(&self) -> String {
        match self {
            Self::GetPending => "get".into(),
            Self::StartNext => "start-next".into(),
            Self::Describe(Which::Next) => "$next/get".into(),
            Self::Describe(Which::Job(job)) => format!("{job}/get"),
            Self::Update(job) => format!("{job}/update"),
        }
    }
}

/// What a jobs topic is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobsTopicKind {
    /// A device asks.
    Request(JobsOperation),
    /// Reply: done.
    Accepted(JobsOperation),
    /// Reply: an error.
    Rejected(JobsOperation),
    /// The list of pending executions has changed.
    Notify,
    /// The next execution is another one.
    NotifyNext,
}

/// A topic of a thing's jobs.
///
/// ```
/// use marvain_iotcore::jobs::{JobsOperation, JobsTopic, JobsTopicKind, Which};
/// use marvain_iotcore::topic::TopicName;
/// let topic = TopicName::parse("$aws/things/pi/jobs/$next/get")?;
/// let parsed = JobsTopic::parse(&topic).unwrap();
/// assert_eq!(parsed.kind, JobsTopicKind::Request(JobsOperation::Describe(Which::Next)));
/// assert_eq!(parsed.to_name(), topic);
///
/// let topic = TopicName::parse("$aws/things/pi/jobs/reboot/update/rejected")?;
/// let parsed = JobsTopic::parse(&topic).unwrap();
/// assert_eq!(parsed.to_name(), topic);
/// assert!(matches!(parsed.kind, JobsTopicKind::Rejected(JobsOperation::Update(job)) if job.as_str() == "reboot"));
/// # Ok::<(), marvain_iotcore::topic::TopicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobsTopic {
    /// Whose jobs.
    pub thing: ThingName,
    /// What about them.
    pub kind: JobsTopicKind,
}

impl JobsTopic {
    /// Reads a topic; none when it is no jobs topic.
    #[must_use]
    pub fn parse(topic: &TopicName) -> Option<Self> {
        let (thing, end) = split(topic)?;
        let kind = match end {
            "notify" => JobsTopicKind::Notify,
            "notify-next" => JobsTopicKind::NotifyNext,
            end => {
                if let Some(request) = end.strip_suffix("/accepted") {
                    JobsTopicKind::Accepted(JobsOperation::parse(request)?)
                } else if let Some(request) = end.strip_suffix("/rejected") {
                    JobsTopicKind::Rejected(JobsOperation::parse(request)?)
                } else {
                    JobsTopicKind::Request(JobsOperation::parse(end)?)
                }
            }
        };
        Some(Self { thing, kind })
    }

    /// Writes the topic.
    #[must_use]
    pub fn to_name(&self) -> TopicName {
        let end = match &self.kind {
            JobsTopicKind::Request(operation) => operation.end(),
            JobsTopicKind::Accepted(operation) => format!("{}/accepted", operation.end()),
            JobsTopicKind::Rejected(operation) => format!("{}/rejected", operation.end()),
            JobsTopicKind::Notify => "notify".into(),
            JobsTopicKind::NotifyNext => "notify-next".into(),
        };
        // INVARIANT: at most 6 slashes and 18 + 128 + 64 + 16 bytes, of characters that names and ids allow.
        TopicName::from_checked_parts(format!("$aws/things/{}/jobs/{end}", self.thing))
    }
}

/// The thing of any topic in the jobs namespace, and what follows its `jobs/`.
pub(super) fn split(topic: &TopicName) -> Option<(ThingName, &str)> {
    let (thing, rest) = topic.as_str().strip_prefix("$aws/things/")?.split_once('/')?;
    Some((ThingName::parse(thing).ok()?, rest.strip_prefix("jobs/")?))
}
