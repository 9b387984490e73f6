//! What a policy is asked: the action, the resource, and the facts about the connection.

use super::PolicyError;

/// An action of a client of the broker. AWS IoT developer guide, "AWS IoT Core policy actions".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Connect with a client id.
    Connect,
    /// Publish to a topic.
    Publish,
    /// Publish a retained message to a topic; asked besides [`Action::Publish`].
    RetainPublish,
    /// Receive a message of a topic; asked for each delivery.
    Receive,
    /// Subscribe to a topic filter.
    Subscribe,
    /// Read a thing's shadow over HTTP; over MQTT publishing to the reserved topic is what counts.
    GetThingShadow,
    /// Change a thing's shadow over HTTP.
    UpdateThingShadow,
    /// Delete a thing's shadow over HTTP.
    DeleteThingShadow,
    /// List a thing's named shadows over HTTP.
    ListNamedShadowsForThing,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Publish,
        Self::RetainPublish,
        Self::Receive,
        Self::Subscribe,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
    ];

    /// As policies write it, `iot:Connect` for example.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "iot:Connect",
            Self::Publish => "iot:Publish",
            Self::RetainPublish => "iot:RetainPublish",
            Self::Receive => "iot:Receive",
            Self::Subscribe => "iot:Subscribe",
            Self::GetThingShadow => "iot:GetThingShadow",
            Self::UpdateThingShadow => "iot:UpdateThingShadow",
            Self::DeleteThingShadow => "iot:DeleteThingShadow",
            Self::ListNamedShadowsForThing => "iot:ListNamedShadowsForThing",
        }
    }

    /// The actions that `text` stands for: one by name, several by a prefix and `*`.
    pub(super) fn expand(text: &str) -> Result<Vec<Self>, PolicyError> {
        let stands_for = |action: &Self| match text.strip_suffix('*') {
            Some(prefix) => action.name().starts_with(prefix),
            None => action.name() == text,
        };
        let actions: Vec<_> = Self::ALL.into_iter().filter(stands_for).collect();
        if actions.is_empty() { Err(PolicyError::Action(text.to_owned())) } else { Ok(actions) }
    }
}

/// What an action is done to: the kind and the name that its ARN ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A client id, for [`Action::Connect`].
    Client(&'a str),
    /// A topic, for publishing and receiving.
    Topic(&'a str),
    /// A topic filter, for [`Action::Subscribe`]; its `+` and `#` are plain characters to a policy.
    TopicFilter(&'a str),
    /// A thing, for the shadow actions.
    Thing(&'a str),
}

/// The facts about a connection that policy variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The region in the ARNs of this broker's resources.
    pub region: &'a str,
    /// The account in the ARNs of this broker's resources.
    pub account: &'a str,
    /// `iot:ClientId`: from CONNECT.
    pub client_id: &'a str,
    /// `iot:Connection.Thing.ThingName`: the registered thing whose name is the client id, if there is one.
    pub thing_name: Option<&'a str>,
    /// `iot:Connection.Thing.IsAttached`: whether the client's certificate is attached to that thing.
    pub thing_attached: bool,
    /// `iot:Certificate.Subject.CommonName`: of the client's certificate, if it has one (the first of several).
    pub certificate_common_name: Option<&'a str>,
}

/// A question to policies: may this be done to that, by this connection?
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is to be done.
    pub action: Action,
    /// To what.
    pub resource: Resource<'a>,
    /// By whom.
    pub context: &'a Context<'a>,
}

/// A policy variable, which has a value for each connection. AWS IoT developer guide, "Basic AWS IoT Core policy
/// variables", "Thing policy variables" and "X.509 Certificate AWS IoT Core policy variables".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    ClientId,
    ThingName,
    IsAttached,
    CertificateCommonName,
}

impl Variable {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "iot:ClientId" => Self::ClientId,
            "iot:Connection.Thing.ThingName" => Self::ThingName,
            "iot:Connection.Thing.IsAttached" => Self::IsAttached,
            "iot:Certificate.Subject.CommonName" => Self::CertificateCommonName,
            _ => return None,
        })
    }

    /// The value, or none when this connection has none.
    pub(super) fn value<'a>(self, context: &Context<'a>) -> Option<&'a str> {
        match self {
            Self::ClientId => Some(context.client_id),
            Self::ThingName => context.thing_name,
            Self::IsAttached => Some(if context.thing_attached { "true" } else { "false" }),
            Self::CertificateCommonName => context.certificate_common_name,
        }
    }
}
