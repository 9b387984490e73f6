//! The table: which topics the hub listens to, and which queue each goes to.

/// A queue of the hub. Device events and the hub's own hops go over the same kind of queue, one a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Queue {
    /// What satellites notice.
    Observe,
    /// Readings.
    Telemetry,
    /// How commands went.
    Settle,
    /// Who is connected, and what they can do.
    Presence,
    /// Events that the planner reads.
    Plan,
    /// Actions that policy judges.
    Judge,
    /// Actions that may run.
    Dispatch,
    /// Memories whose place in recall has to follow.
    Memory,
    /// Actions that wait for somebody who has to be told.
    Notify,
}

impl Queue {
    /// All queues.
    pub const ALL: [Self; 9] = [
        Self::Observe,
        Self::Telemetry,
        Self::Settle,
        Self::Presence,
        Self::Plan,
        Self::Judge,
        Self::Dispatch,
        Self::Memory,
        Self::Notify,
    ];

    /// The queue's name, also in AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Telemetry => "telemetry",
            Self::Settle => "settle",
            Self::Presence => "presence",
            Self::Plan => "plan",
            Self::Judge => "judge",
            Self::Dispatch => "dispatch",
            Self::Memory => "memory",
            Self::Notify => "notify",
        }
    }

    /// The queue of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// How long a delivery stays hidden while it is worked on, in seconds. Planning and embedding wait for a model.
    pub const fn visibility_s(self) -> u32 {
        match self {
            Self::Plan | Self::Memory => 180,
            _ => 30,
        }
    }

    /// How often a delivery is tried before it goes to the dead letters.
    pub const fn attempts_max(self) -> u32 {
        8
    }
}

/// One IoT rule in the one simple form that marvain uses: everything on a topic filter goes to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Name: letters, digits and `_`, as AWS IoT rules have it.
    pub name: &'static str,
    /// Topic filter.
    pub filter: &'static str,
    /// Where it goes.
    pub queue: Queue,
    /// What it is, for people.
    pub about: &'static str,
}

/// All rules.
pub const RULES: [Rule; 6] = [
    Rule {
        name: "marvain_event",
        filter: "marvain/v1/+/event/+",
        queue: Queue::Observe,
        about: "what satellites notice and people say",
    },
    Rule { name: "marvain_telemetry", filter: "marvain/v1/+/telemetry", queue: Queue::Telemetry, about: "readings" },
    Rule { name: "marvain_report", filter: "marvain/v1/+/report", queue: Queue::Settle, about: "how commands went" },
    Rule {
        name: "marvain_connected",
        filter: "$aws/events/presence/connected/+",
        queue: Queue::Presence,
        about: "a satellite has connected",
    },
    Rule {
        name: "marvain_disconnected",
        filter: "$aws/events/presence/disconnected/+",
        queue: Queue::Presence,
        about: "a satellite's connection has ended",
    },
    Rule {
        name: "marvain_presence",
        filter: "$aws/things/+/shadow/name/presence/update/documents",
        queue: Queue::Presence,
        about: "a satellite says what it is and can do",
    },
];

/// Queue of what a rule could not hand over to its own queue; the rule engine fills it, people empty it.
pub const RULE_ERRORS_QUEUE: &str = "rule-errors";
/// Name of the fleet provisioning template, as satellites ask for it.
pub const TEMPLATE: &str = "marvain-satellite";
/// Parameter of the template: who wants to enrol.
pub const PARAMETER_SERIAL: &str = "SerialNumber";
/// Parameter of the template: the one-time code that lets it.
pub const PARAMETER_CODE: &str = "EnrolmentCode";
/// Name of the IoT policy that claim certificates have.
pub const POLICY_CLAIM: &str = "marvain-claim";
/// Name of the IoT policy that satellites' certificates have.
pub const POLICY_SATELLITE: &str = "marvain-satellite";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Topic;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_topic_that_parses() {
        let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            assert!(rule.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{}", rule.name);
            let example = rule.filter.replacen('+', "den", 1).replacen('+', "transcript", 1);
            assert!(example.parse::<Topic>().is_ok(), "{example}");
        }
        for queue in Queue::ALL {
            assert_eq!(Queue::from_name(queue.name()), Some(queue));
        }
    }
}
