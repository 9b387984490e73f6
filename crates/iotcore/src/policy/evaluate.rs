//! The decision: an explicit deny wins, then an allow, else it is denied.

use super::document::Effect;
use super::{PolicyDocument, Request};

/// The answer, with the place of the statement that decided: both indexes count from 0, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The first statement that allows it; no statement denies it.
    Allow {
        /// Which policy.
        policy: usize,
        /// Which of its statements.
        statement: usize,
    },
    /// The first statement that denies it.
    ExplicitDeny {
        /// Which policy.
        policy: usize,
        /// Which of its statements.
        statement: usize,
    },
    /// No statement speaks of it.
    ImplicitDeny,
}

impl Decision {
    /// Whether the action may be done.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// Decides `request` under all of `policies`. AWS IoT developer guide, "AWS IoT Core policies".
///
/// ```
/// use marvain_iotcore::policy::{Action, Context, Decision, PolicyDocument, Request, Resource, ThingFacts, evaluate};
/// let policy = PolicyDocument::parse(r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
///     "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/${iot:Connection.Thing.ThingName}/*"}}"#)?;
/// let thing = ThingFacts { name: "pi", type_name: None, attributes: &Default::default() };
/// let context = Context { thing: Some(thing), ..Context::new("local", "000000000000", "pi") };
/// let publish = |topic| Request { action: Action::Publish, resource: Resource::Topic(topic), context: &context };
/// assert_eq!(evaluate([&policy], &publish("pi/event")), Decision::Allow { policy: 0, statement: 0 });
/// assert_eq!(evaluate([&policy], &publish("other/event")), Decision::ImplicitDeny);
/// # Ok::<(), marvain_iotcore::policy::PolicyError>(())
/// ```
pub fn evaluate<'a>(policies: impl IntoIterator<Item = &'a PolicyDocument>, request: &Request<'_>) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for (policy, document) in policies.into_iter().enumerate() {
        for (statement, said) in document.statements.iter().enumerate() {
            match said.effect {
                Effect::Deny if said.matches(request) => return Decision::ExplicitDeny { policy, statement },
                Effect::Allow if decision == Decision::ImplicitDeny && said.matches(request) => {
                    decision = Decision::Allow { policy, statement };
                }
                Effect::Allow | Effect::Deny => {}
            }
        }
    }
    decision
}
