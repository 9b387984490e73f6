//! The channels: every topic that a satellite, a claim or the hub uses, in which direction, and with which payload.
//!
//! Access ([`crate::acl`]), IoT policies, `channels.json` and the AsyncAPI document are rendered from these rows. It does
//! not know which queue the hub reads a channel from: that is [`crate::table::RULES`].

use crate::{
    shape::Shape,
    topic::{Answer, EventKind, ShadowName, ShadowOp},
    wire::PAYLOAD_BYTES_MAX,
};
use std::fmt;

/// Quality of service of every channel: at least once. What is published may be forgotten at PUBACK.
pub const QOS: u8 = 1;
/// Longest topic in bytes ("AWS IoT Core endpoints and quotas", topic size).
pub const TOPIC_BYTES_MAX: usize = 256;
/// Most slashes in a topic ("AWS IoT Core endpoints and quotas", slashes in topic and topic filter).
pub const TOPIC_SLASHES_MAX: usize = 7;
/// Most filters in one SUBSCRIBE ("AWS IoT Core endpoints and quotas"). A satellite has more, so it sends several.
pub const FILTERS_PER_SUBSCRIBE_MAX: usize = 8;
/// Largest shadow document, in bytes, without metadata ("AWS IoT Core endpoints and quotas", Device Shadow).
pub const SHADOW_BYTES_MAX: usize = 8 * 1024;
/// Largest payload of a broker's answer, in bytes ("AWS IoT Core endpoints and quotas", message broker).
pub const BROKER_PAYLOAD_BYTES_MAX: usize = 128 * 1024;

/// Who is at the channel's end that is not the broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Party {
    /// A satellite with its own certificate.
    Satellite,
    /// A device that has a claim certificate and is no satellite yet.
    Claim,
    /// The hub.
    Hub,
}

impl Party {
    /// Name in renderings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satellite => "satellite",
            Self::Claim => "claim",
            Self::Hub => "hub",
        }
    }
}

/// What the party does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// It publishes.
    Sends,
    /// It subscribes and receives.
    Receives,
}

impl Direction {
    /// The word that AsyncAPI has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sends => "send",
            Self::Receives => "receive",
        }
    }
}

macro_rules! payloads {
    ($($name:ident: $bytes:expr, $about:literal;)*) => {
        /// What lies on a channel. Its JSON Schema is [`crate::render::schema`]; its type, where the code reads or writes
        /// it, is in [`crate::wire`].
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Payload { $(#[doc = $about] $name,)* }

        impl Payload {
            /// All payloads.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Name in renderings.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it is, for people.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// Largest size in bytes.
            pub const fn bytes_max(self) -> usize {
                match self { $(Self::$name => $bytes,)* }
            }
        }
    };
}

payloads! {
    Transcript: PAYLOAD_BYTES_MAX, "Somebody said or typed something";
    Observation: PAYLOAD_BYTES_MAX, "Something was noticed";
    Suppressed: PAYLOAD_BYTES_MAX, "Something was held back because of privacy mode";
    Telemetry: PAYLOAD_BYTES_MAX, "Readings";
    Report: PAYLOAD_BYTES_MAX, "How a command went";
    ShadowGet: SHADOW_BYTES_MAX, "A shadow's document is asked for";
    PresenceUpdate: SHADOW_BYTES_MAX, "What the satellite is and can do";
    PresenceAccepted: BROKER_PAYLOAD_BYTES_MAX, "The shadow presence as the broker has it";
    PresenceDocuments: BROKER_PAYLOAD_BYTES_MAX, "The shadow presence after a change";
    CommandsAccepted: BROKER_PAYLOAD_BYTES_MAX, "All open commands";
    CommandsDelta: BROKER_PAYLOAD_BYTES_MAX, "Open commands after a change";
    ConfigAccepted: BROKER_PAYLOAD_BYTES_MAX, "How the satellite should behave";
    ConfigDelta: BROKER_PAYLOAD_BYTES_MAX, "How the satellite should behave after a change";
    ShadowRejected: BROKER_PAYLOAD_BYTES_MAX, "A shadow request is refused";
    Lifecycle: BROKER_PAYLOAD_BYTES_MAX, "A connection begins or ends";
    CreateFromCsr: BROKER_PAYLOAD_BYTES_MAX, "A certificate is asked for, for a key that stays on the device";
    Created: BROKER_PAYLOAD_BYTES_MAX, "The certificate, not active yet";
    Provision: BROKER_PAYLOAD_BYTES_MAX, "The device asks to become a thing";
    Provisioned: BROKER_PAYLOAD_BYTES_MAX, "The device is a thing, and its certificate active";
    Refused: BROKER_PAYLOAD_BYTES_MAX, "Fleet provisioning refuses";
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel {
    /// The topic.
    pub shape: Shape,
    /// Who uses it.
    pub party: Party,
    /// How.
    pub direction: Direction,
    /// With what.
    pub payload: Payload,
}

const fn row(party: Party, direction: Direction, shape: Shape, payload: Payload) -> Channel {
    Channel { shape, party, direction, payload }
}

/// All channels. A satellite asks for its shadows `commands` and `config` and never changes them: how a command went is a
/// report, which the hub judges.
pub const CHANNELS: &[Channel] = {
    use {Answer as A, Direction::*, EventKind as E, Party::*, Payload as P, ShadowName::*, ShadowOp::*, Shape as S};
    &[
        row(Satellite, Sends, S::Event(E::Transcript), P::Transcript),
        row(Satellite, Sends, S::Event(E::Observation), P::Observation),
        row(Satellite, Sends, S::Event(E::Suppressed), P::Suppressed),
        row(Satellite, Sends, S::Telemetry, P::Telemetry),
        row(Satellite, Sends, S::Report, P::Report),
        row(Satellite, Sends, S::Shadow(Commands, Get), P::ShadowGet),
        row(Satellite, Receives, S::Shadow(Commands, GetAccepted), P::CommandsAccepted),
        row(Satellite, Receives, S::Shadow(Commands, GetRejected), P::ShadowRejected),
        row(Satellite, Receives, S::Shadow(Commands, UpdateDelta), P::CommandsDelta),
        row(Satellite, Sends, S::Shadow(Config, Get), P::ShadowGet),
        row(Satellite, Receives, S::Shadow(Config, GetAccepted), P::ConfigAccepted),
        row(Satellite, Receives, S::Shadow(Config, GetRejected), P::ShadowRejected),
        row(Satellite, Receives, S::Shadow(Config, UpdateDelta), P::ConfigDelta),
        row(Satellite, Sends, S::Shadow(Presence, Get), P::ShadowGet),
        row(Satellite, Receives, S::Shadow(Presence, GetAccepted), P::PresenceAccepted),
        row(Satellite, Receives, S::Shadow(Presence, GetRejected), P::ShadowRejected),
        row(Satellite, Sends, S::Shadow(Presence, Update), P::PresenceUpdate),
        row(Satellite, Receives, S::Shadow(Presence, UpdateAccepted), P::PresenceAccepted),
        row(Satellite, Receives, S::Shadow(Presence, UpdateRejected), P::ShadowRejected),
        row(Claim, Sends, S::CreateFromCsr(A::Request), P::CreateFromCsr),
        row(Claim, Receives, S::CreateFromCsr(A::Accepted), P::Created),
        row(Claim, Receives, S::CreateFromCsr(A::Rejected), P::Refused),
        row(Claim, Sends, S::Provision(A::Request), P::Provision),
        row(Claim, Receives, S::Provision(A::Accepted), P::Provisioned),
        row(Claim, Receives, S::Provision(A::Rejected), P::Refused),
        row(Hub, Receives, S::Event(E::Transcript), P::Transcript),
        row(Hub, Receives, S::Event(E::Observation), P::Observation),
        row(Hub, Receives, S::Event(E::Suppressed), P::Suppressed),
        row(Hub, Receives, S::Telemetry, P::Telemetry),
        row(Hub, Receives, S::Report, P::Report),
        row(Hub, Receives, S::Connected, P::Lifecycle),
        row(Hub, Receives, S::Disconnected, P::Lifecycle),
        row(Hub, Receives, S::Shadow(Presence, UpdateDocuments), P::PresenceDocuments),
    ]
};

impl Channel {
    /// Name in renderings: `event.transcript`, `shadow.commands.get.accepted`. One per topic.
    pub fn name(&self) -> impl fmt::Display {
        let shape = self.shape;
        fmt::from_fn(move |f| match shape {
            Shape::Event(kind) => write!(f, "event.{}", kind.as_str()),
            Shape::Telemetry => f.write_str("telemetry"),
            Shape::Report => f.write_str("report"),
            Shape::Connected => f.write_str("lifecycle.connected"),
            Shape::Disconnected => f.write_str("lifecycle.disconnected"),
            Shape::Shadow(name, op) => write!(f, "shadow.{}.{}", name.as_str(), op.as_str().replace('/', ".")),
            Shape::CreateFromCsr(answer) => {
                write!(f, "provisioning.create-from-csr{}", answer.suffix().replace('/', "."))
            }
            Shape::Provision(answer) => write!(f, "provisioning.provision{}", answer.suffix().replace('/', ".")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RULES, topic::Topic};
    use std::collections::BTreeSet;

    /// A filter with `+` in place of single segments.
    fn matches(filter: &str, topic: &str) -> bool {
        let (filter, topic): (Vec<_>, Vec<_>) = (filter.split('/').collect(), topic.split('/').collect());
        filter.len() == topic.len() && filter.iter().zip(&topic).all(|(f, t)| *f == "+" || f == t)
    }

    #[test]
    fn no_row_is_there_twice_and_every_topic_reads_back_within_the_limits() {
        let longest = "x".repeat(marvain_domain::id::NAME_BYTES_MAX);
        let mut seen = BTreeSet::new();
        for channel in CHANNELS {
            assert!(seen.insert((channel.party, channel.name().to_string())), "{} twice", channel.name());
            let text = channel.shape.with_thing(&longest).to_string();
            assert!(text.len() <= TOPIC_BYTES_MAX && text.matches('/').count() <= TOPIC_SLASHES_MAX, "{text}");
            let topic: Topic = text.parse().unwrap();
            assert_eq!(topic.shape(), channel.shape);
            assert_eq!(channel.shape.topic(longest.parse().unwrap()), topic);
        }
    }

    #[test]
    fn the_hub_has_a_rule_for_all_it_receives_and_none_for_anything_else() {
        for rule in RULES {
            let mine =
                |c: &&Channel| c.party == Party::Hub && matches(rule.filter, &c.shape.with_thing("den").to_string());
            assert!(CHANNELS.iter().any(|c| mine(&c)), "{} forwards nothing", rule.name);
        }
        for channel in CHANNELS {
            let text = channel.shape.with_thing("den").to_string();
            let rules = RULES.iter().filter(|rule| matches(rule.filter, &text)).count();
            let received = CHANNELS.iter().any(|c| c.party == Party::Hub && c.shape == channel.shape);
            assert_eq!(rules, usize::from(received), "{text}");
        }
    }
}
