//! Topics as a type: every topic that marvain uses, parsed and formatted in one place.
//!
//! Reserved topics are those of the AWS IoT Core developer guide: "Device Shadow MQTT topics", "Lifecycle events",
//! "Device provisioning MQTT API".

use crate::shape::Shape;
use marvain_domain::id::SatelliteId;
use std::{fmt, str::FromStr};

/// Kind of event: the last segment of an event's topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventKind {
    /// Somebody said or typed something.
    Transcript,
    /// Something was noticed.
    Observation,
    /// Something was held back because of privacy mode.
    Suppressed,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Transcript, Self::Observation, Self::Suppressed];

    /// The segment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transcript => "transcript",
            Self::Observation => "observation",
            Self::Suppressed => "suppressed",
        }
    }
}

/// A named shadow that marvain uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ShadowName {
    /// Desired: open commands by action id.
    Commands,
    /// Reported: what the satellite is and can do.
    Presence,
    /// Desired: how the satellite should behave.
    Config,
}

impl ShadowName {
    /// All shadows.
    pub const ALL: [Self; 3] = [Self::Commands, Self::Presence, Self::Config];

    /// The shadow's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Presence => "presence",
            Self::Config => "config",
        }
    }
}

/// What is asked of a shadow, or answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ShadowOp {
    /// Ask for the document.
    Get,
    /// The document.
    GetAccepted,
    /// No document.
    GetRejected,
    /// Change the document.
    Update,
    /// It is changed.
    UpdateAccepted,
    /// It is not.
    UpdateRejected,
    /// What is desired and not yet reported.
    UpdateDelta,
    /// The document before and after.
    UpdateDocuments,
}

impl ShadowOp {
    /// All operations.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::GetAccepted,
        Self::GetRejected,
        Self::Update,
        Self::UpdateAccepted,
        Self::UpdateRejected,
        Self::UpdateDelta,
        Self::UpdateDocuments,
    ];

    /// The topic's end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::GetAccepted => "get/accepted",
            Self::GetRejected => "get/rejected",
            Self::Update => "update",
            Self::UpdateAccepted => "update/accepted",
            Self::UpdateRejected => "update/rejected",
            Self::UpdateDelta => "update/delta",
            Self::UpdateDocuments => "update/documents",
        }
    }
}

/// A request that fleet provisioning knows, or its answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// The request itself.
    Request,
    /// `…/accepted`.
    Accepted,
    /// `…/rejected`.
    Rejected,
}

impl Answer {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Request, Self::Accepted, Self::Rejected];

    /// What the request's topic goes on with.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Request => "",
            Self::Accepted => "/accepted",
            Self::Rejected => "/rejected",
        }
    }
}

/// A topic.
///
/// ```
/// use marvain_topics::{EventKind, ShadowName, ShadowOp, Topic};
/// let thing = "den".parse()?;
/// let topic = Topic::Event { thing, kind: EventKind::Transcript };
/// assert_eq!(topic.to_string(), "marvain/v1/den/event/transcript");
/// assert_eq!("marvain/v1/den/event/transcript".parse::<Topic>()?, topic);
/// let shadow: Topic = "$aws/things/den/shadow/name/commands/update/delta".parse()?;
/// assert_eq!(shadow, Topic::Shadow { thing: "den".parse()?, name: ShadowName::Commands, op: ShadowOp::UpdateDelta });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// What a satellite notices: [`crate::wire::EventPayload`].
    Event {
        /// Whose.
        thing: SatelliteId,
        /// What kind.
        kind: EventKind,
    },
    /// Readings: [`crate::wire::TelemetryPayload`].
    Telemetry {
        /// Whose.
        thing: SatelliteId,
    },
    /// How a command went: [`crate::wire::ReportPayload`].
    Report {
        /// Whose.
        thing: SatelliteId,
    },
    /// The broker says that a client connected: [`crate::wire::Lifecycle`].
    Connected {
        /// Which.
        thing: SatelliteId,
    },
    /// The broker says that a client's connection ended.
    Disconnected {
        /// Which.
        thing: SatelliteId,
    },
    /// A named shadow.
    Shadow {
        /// Whose.
        thing: SatelliteId,
        /// Which.
        name: ShadowName,
        /// What.
        op: ShadowOp,
    },
    /// Fleet provisioning, first step: a certificate for a CSR.
    CreateFromCsr(Answer),
    /// Fleet provisioning, second step: become a thing.
    Provision(Answer),
}

/// The text is no topic that marvain uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no topic of marvain's")]
pub struct TopicError(String);

/// What topics of lifecycle events begin with ("Lifecycle events").
const LIFECYCLE: &str = "$aws/events/presence/";

/// Is this the topic of a lifecycle event, of whatever client? A client need not be a satellite.
pub fn is_lifecycle(topic: &str) -> bool {
    topic.starts_with(LIFECYCLE)
}

impl Topic {
    /// The thing that the topic belongs to, if it is one thing's.
    pub const fn thing(&self) -> Option<&SatelliteId> {
        match self {
            Self::Event { thing, .. }
            | Self::Telemetry { thing }
            | Self::Report { thing }
            | Self::Connected { thing }
            | Self::Disconnected { thing }
            | Self::Shadow { thing, .. } => Some(thing),
            Self::CreateFromCsr(_) | Self::Provision(_) => None,
        }
    }

    /// The topic without its thing.
    pub const fn shape(&self) -> Shape {
        match self {
            Self::Event { kind, .. } => Shape::Event(*kind),
            Self::Telemetry { .. } => Shape::Telemetry,
            Self::Report { .. } => Shape::Report,
            Self::Connected { .. } => Shape::Connected,
            Self::Disconnected { .. } => Shape::Disconnected,
            Self::Shadow { name, op, .. } => Shape::Shadow(*name, *op),
            Self::CreateFromCsr(answer) => Shape::CreateFromCsr(*answer),
            Self::Provision(answer) => Shape::Provision(*answer),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shape().with_thing(self.thing().map_or("", SatelliteId::as_str)).fmt(f)
    }
}

impl FromStr for Topic {
    type Err = TopicError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| TopicError(text.chars().take(256).collect()))
    }
}

fn parse(text: &str) -> Option<Topic> {
    if let Some(rest) = text.strip_prefix("marvain/v1/") {
        let (thing, channel) = rest.split_once('/')?;
        let thing = thing.parse().ok()?;
        return match channel.split_once('/') {
            None if channel == "telemetry" => Some(Topic::Telemetry { thing }),
            None if channel == "report" => Some(Topic::Report { thing }),
            Some(("event", kind)) => {
                let kind = EventKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
                Some(Topic::Event { thing, kind })
            }
            _ => None,
        };
    }
    if let Some(rest) = text.strip_prefix("$aws/things/") {
        let (thing, rest) = rest.split_once('/')?;
        let (name, op) = rest.strip_prefix("shadow/name/")?.split_once('/')?;
        let name = ShadowName::ALL.into_iter().find(|known| known.as_str() == name)?;
        let op = ShadowOp::ALL.into_iter().find(|known| known.as_str() == op)?;
        return Some(Topic::Shadow { thing: thing.parse().ok()?, name, op });
    }
    if let Some(rest) = text.strip_prefix(LIFECYCLE) {
        return match rest.split_once('/')? {
            ("connected", thing) => Some(Topic::Connected { thing: thing.parse().ok()? }),
            ("disconnected", thing) => Some(Topic::Disconnected { thing: thing.parse().ok()? }),
            _ => None,
        };
    }
    Answer::ALL
        .into_iter()
        .flat_map(|answer| [Topic::CreateFromCsr(answer), Topic::Provision(answer)])
        .find(|topic| topic.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_topic() -> Vec<Topic> {
        let thing: SatelliteId = "x".repeat(64).parse().unwrap();
        let mut all = vec![
            Topic::Telemetry { thing: thing.clone() },
            Topic::Report { thing: thing.clone() },
            Topic::Connected { thing: thing.clone() },
            Topic::Disconnected { thing: thing.clone() },
        ];
        all.extend(EventKind::ALL.map(|kind| Topic::Event { thing: thing.clone(), kind }));
        for name in ShadowName::ALL {
            all.extend(ShadowOp::ALL.map(|op| Topic::Shadow { thing: thing.clone(), name, op }));
        }
        for answer in Answer::ALL {
            all.extend([Topic::CreateFromCsr(answer), Topic::Provision(answer)]);
        }
        all
    }

    #[test]
    fn every_topic_reads_back_and_fits_the_limits_of_aws() {
        for topic in every_topic() {
            let text = topic.to_string();
            assert_eq!(text.parse::<Topic>().unwrap(), topic);
            assert!(text.len() <= 256 && text.matches('/').count() <= 7, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_topic() {
        for bad in [
            "",
            "marvain/v1/den",
            "marvain/v1/den/event",
            "marvain/v1/den/event/gossip",
            "marvain/v1/den/event/transcript/x",
            "marvain/v1/+/report",
            "marvain/v2/den/report",
            "$aws/things/den/shadow/update",
            "$aws/things/den/shadow/name/other/get",
            "$aws/things/a b/shadow/name/config/get",
            "$aws/events/presence/connected/",
            "$aws/certificates/create/json",
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }
}
