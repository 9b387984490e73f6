//! Topics without their thing: what the tables of this crate have in their rows, and the one place that writes a topic.

use crate::{
    table::TEMPLATE,
    topic::{Answer, EventKind, ShadowName, ShadowOp, Topic},
};
use marvain_domain::id::SatelliteId;
use std::fmt;

/// A [`Topic`] without its thing.
///
/// ```
/// use marvain_topics::{EventKind, Shape};
/// let shape = Shape::Event(EventKind::Transcript);
/// assert_eq!(shape.with_thing("+").to_string(), "marvain/v1/+/event/transcript");
/// assert_eq!(shape.topic("den".parse()?).to_string(), "marvain/v1/den/event/transcript");
/// # Ok::<(), marvain_domain::id::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// [`Topic::Event`].
    Event(EventKind),
    /// [`Topic::Telemetry`].
    Telemetry,
    /// [`Topic::Report`].
    Report,
    /// [`Topic::Connected`].
    Connected,
    /// [`Topic::Disconnected`].
    Disconnected,
    /// [`Topic::Shadow`].
    Shadow(ShadowName, ShadowOp),
    /// [`Topic::CreateFromCsr`].
    CreateFromCsr(Answer),
    /// [`Topic::Provision`].
    Provision(Answer),
}

impl Shape {
    /// The topic of `thing`. Topics of fleet provisioning are nobody's: they leave it out.
    pub fn topic(self, thing: SatelliteId) -> Topic {
        match self {
            Self::Event(kind) => Topic::Event { thing, kind },
            Self::Telemetry => Topic::Telemetry { thing },
            Self::Report => Topic::Report { thing },
            Self::Connected => Topic::Connected { thing },
            Self::Disconnected => Topic::Disconnected { thing },
            Self::Shadow(name, op) => Topic::Shadow { thing, name, op },
            Self::CreateFromCsr(answer) => Topic::CreateFromCsr(answer),
            Self::Provision(answer) => Topic::Provision(answer),
        }
    }

    /// The text with `thing` in its thing's place, whatever stands there: a name, `+` for a filter, a policy variable.
    pub fn with_thing(self, thing: &str) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            Self::Event(kind) => write!(f, "marvain/v1/{thing}/event/{}", kind.as_str()),
            Self::Telemetry => write!(f, "marvain/v1/{thing}/telemetry"),
            Self::Report => write!(f, "marvain/v1/{thing}/report"),
            Self::Connected => write!(f, "$aws/events/presence/connected/{thing}"),
            Self::Disconnected => write!(f, "$aws/events/presence/disconnected/{thing}"),
            Self::Shadow(name, op) => write!(f, "$aws/things/{thing}/shadow/name/{}/{}", name.as_str(), op.as_str()),
            Self::CreateFromCsr(answer) => write!(f, "$aws/certificates/create-from-csr/json{}", answer.suffix()),
            Self::Provision(answer) => {
                write!(f, "$aws/provisioning-templates/{TEMPLATE}/provision/json{}", answer.suffix())
            }
        })
    }
}
