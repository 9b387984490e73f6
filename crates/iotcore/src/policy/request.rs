//! What a policy is asked: the action, the resource, and the facts about the connection.

use std::collections::BTreeMap;

use super::PolicyError;
use crate::certificate::Subject;

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
    /// End a client's connection over HTTP.
    DeleteConnection,
    /// Read a thing's shadow over HTTP; over MQTT publishing to the reserved topic is what counts.
    GetThingShadow,
    /// Change a thing's shadow over HTTP.
    UpdateThingShadow,
    /// Delete a thing's shadow over HTTP.
    DeleteThingShadow,
    /// List a thing's named shadows over HTTP.
    ListNamedShadowsForThing,
    /// Read a retained message over HTTP.
    GetRetainedMessage,
    /// List the retained messages over HTTP.
    ListRetainedMessages,
    /// Read a job execution over HTTP; over MQTT publishing to the reserved topic is what counts.
    DescribeJobExecution,
    /// List a thing's pending job executions over HTTP.
    GetPendingJobExecutions,
    /// Start a thing's next pending job execution over HTTP.
    StartNextPendingJobExecution,
    /// Change a job execution over HTTP.
    UpdateJobExecution,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 16] = [
        Self::Connect,
        Self::Publish,
        Self::RetainPublish,
        Self::Receive,
        Self::Subscribe,
        Self::DeleteConnection,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
        Self::GetRetainedMessage,
        Self::ListRetainedMessages,
        Self::DescribeJobExecution,
        Self::GetPendingJobExecutions,
        Self::StartNextPendingJobExecution,
        Self::UpdateJobExecution,
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
            Self::DeleteConnection => "iot:DeleteConnection",
            Self::GetThingShadow => "iot:GetThingShadow",
            Self::UpdateThingShadow => "iot:UpdateThingShadow",
            Self::DeleteThingShadow => "iot:DeleteThingShadow",
            Self::ListNamedShadowsForThing => "iot:ListNamedShadowsForThing",
            Self::GetRetainedMessage => "iot:GetRetainedMessage",
            Self::ListRetainedMessages => "iot:ListRetainedMessages",
            Self::DescribeJobExecution => "iot:DescribeJobExecution",
            Self::GetPendingJobExecutions => "iot:GetPendingJobExecutions",
            Self::StartNextPendingJobExecution => "iot:StartNextPendingJobExecution",
            Self::UpdateJobExecution => "iot:UpdateJobExecution",
        }
    }

    /// The other name of a job action. Service Authorization Reference, "AWS IoT Jobs DataPlane".
    const fn other_name(self) -> Option<&'static str> {
        Some(match self {
            Self::DescribeJobExecution => "iotjobsdata:DescribeJobExecution",
            Self::GetPendingJobExecutions => "iotjobsdata:GetPendingJobExecutions",
            Self::StartNextPendingJobExecution => "iotjobsdata:StartNextPendingJobExecution",
            Self::UpdateJobExecution => "iotjobsdata:UpdateJobExecution",
            _ => return None,
        })
    }

    /// The actions that `text` stands for: one by name, several by a prefix and `*`.
    pub(super) fn expand(text: &str) -> Result<Vec<Self>, PolicyError> {
        let stands_for = |action: &Self| {
            [Some(action.name()), action.other_name()].into_iter().flatten().any(|name| match text.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == text,
            })
        };
        let actions: Vec<_> = Self::ALL.into_iter().filter(stands_for).collect();
        if actions.is_empty() { Err(PolicyError::Action(text.to_owned())) } else { Ok(actions) }
    }
}

/// What an action is done to: the kind and the name that its ARN ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A client id, for [`Action::Connect`] and [`Action::DeleteConnection`].
    Client(&'a str),
    /// A topic, for publishing and receiving.
    Topic(&'a str),
    /// A topic filter, for [`Action::Subscribe`]; its `+` and `#` are plain characters to a policy.
    TopicFilter(&'a str),
    /// A thing, for the shadow and job actions; of a named shadow the thing's name, `/` and the shadow's.
    Thing(&'a str),
    /// What has no name: for [`Action::ListRetainedMessages`].
    All,
}

/// The facts about a connection that policy variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The region in the ARNs of this broker's resources.
    pub region: &'a str,
    /// The account in the ARNs of this broker's resources.
    pub account: &'a str,
    /// `iot:ClientId`: from CONNECT; empty where there is none, over HTTPS.
    pub client_id: &'a str,
    /// `aws:SourceIp`: the address of the client.
    pub source_ip: Option<&'a str>,
    /// `iot:CertificateId`: of the client's certificate.
    pub certificate_id: Option<&'a str>,
    /// `iot:Certificate.…`: what the client's certificate says.
    pub certificate: Option<&'a Subject>,
    /// `iot:Connection.Thing.…`: the registered thing whose name is the client id, if the client's certificate is attached
    /// to it.
    pub thing: Option<ThingFacts<'a>>,
    /// What a CONNECT asks for; of other actions there is none.
    pub connect: Option<ConnectFacts<'a>>,
}

impl<'a> Context<'a> {
    /// The facts about a connection of which nothing but its client id is known.
    #[must_use]
    pub const fn new(region: &'a str, account: &'a str, client_id: &'a str) -> Self {
        Self {
            region,
            account,
            client_id,
            source_ip: None,
            certificate_id: None,
            certificate: None,
            thing: None,
            connect: None,
        }
    }
}

/// The facts about the thing of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThingFacts<'a> {
    /// `iot:Connection.Thing.ThingName`
    pub name: &'a str,
    /// `iot:Connection.Thing.ThingTypeName`
    pub type_name: Option<&'a str>,
    /// `iot:Connection.Thing.Attributes[…]`
    pub attributes: &'a BTreeMap<String, String>,
}

/// What a CONNECT asks for. Developer Guide, "MQTT persistent sessions", connect attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectFacts<'a> {
    /// A session that outlives its connection.
    pub persistent: bool,
    /// The topic of the will, if there is a will.
    pub last_will_topic: Option<&'a str>,
}

impl ConnectFacts<'_> {
    /// `iot:ConnectAttributes`
    pub(super) fn attributes(&self) -> Vec<&'static str> {
        let persistent = self.persistent.then_some("PersistentConnect");
        persistent.into_iter().chain(self.last_will_topic.map(|_| "LastWill")).collect()
    }
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
