//! Policy variables and condition keys: names of the facts about a connection.

use super::request::Context;
use crate::certificate::Attribute;

/// A variable with one value for each connection. Developer Guide, "Basic AWS IoT Core policy variables", "Thing policy
/// variables" and "X.509 Certificate AWS IoT Core policy variables"; `iot:CertificateId` is of "Policies for X.509
/// certificates".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    ClientId,
    SourceIp,
    CertificateId,
    ThingName,
    ThingTypeName,
    ThingAttribute(Box<str>),
    IsAttached,
    /// The value of that number.
    Certificate(Attribute, usize),
}

impl Variable {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "iot:ClientId" => Self::ClientId,
            "aws:SourceIp" => Self::SourceIp,
            "iot:CertificateId" => Self::CertificateId,
            "iot:Connection.Thing.ThingName" => Self::ThingName,
            "iot:Connection.Thing.ThingTypeName" => Self::ThingTypeName,
            "iot:Connection.Thing.IsAttached" => Self::IsAttached,
            _ => {
                if let Some(name) = name.strip_prefix("iot:Certificate.") {
                    return certificate(name);
                }
                let attribute = name.strip_prefix("iot:Connection.Thing.Attributes[")?.strip_suffix(']')?;
                if attribute.is_empty() {
                    return None;
                }
                Self::ThingAttribute(attribute.into())
            }
        })
    }

    /// The value, or none when this connection has none.
    pub(super) fn value<'a>(&self, context: &Context<'a>) -> Option<&'a str> {
        match self {
            Self::ClientId => Some(context.client_id).filter(|id| !id.is_empty()),
            Self::SourceIp => context.source_ip,
            Self::CertificateId => context.certificate_id,
            Self::ThingName => Some(context.thing?.name),
            Self::ThingTypeName => context.thing?.type_name,
            Self::ThingAttribute(name) => context.thing?.attributes.get(&**name).map(String::as_str),
            Self::IsAttached => Some(if context.thing.is_some() { "true" } else { "false" }),
            Self::Certificate(attribute, index) => context.certificate?.value(*attribute, *index),
        }
    }
}

/// `Subject.CommonName` is the first value, `Subject.CommonName.1` the second.
fn certificate(name: &str) -> Option<Variable> {
    if let Some(attribute) = Attribute::parse(name) {
        return Some(Variable::Certificate(attribute, 0));
    }
    let (name, index) = name.rsplit_once('.')?;
    let attribute = Attribute::parse(name).filter(|attribute| *attribute != Attribute::SerialNumber)?;
    let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
    Some(Variable::Certificate(attribute, index.parse().ok().filter(|_| is_number)?))
}

/// What a condition compares: a variable, or a fact that has no value or several. Developer Guide, "Connect policy examples".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    One(Variable),
    /// `iot:Certificate.….List`
    CertificateList(Attribute),
    /// `iot:ConnectAttributes`, of a CONNECT.
    ConnectAttributes,
    /// `iot:LastWillTopic`, of a CONNECT; it is an ARN.
    LastWillTopic,
}

impl Key {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "iot:ConnectAttributes" => return Some(Self::ConnectAttributes),
            "iot:LastWillTopic" => return Some(Self::LastWillTopic),
            _ => {}
        }
        let list = name.strip_prefix("iot:Certificate.").and_then(|name| name.strip_suffix(".List"));
        match list.and_then(Attribute::parse) {
            Some(Attribute::SerialNumber) => None,
            Some(attribute) => Some(Self::CertificateList(attribute)),
            None => Variable::parse(name).map(Self::One),
        }
    }

    /// The values; none when this connection has no such fact. A CONNECT without a will has one: that there is no topic.
    pub(super) fn values<'a>(&self, context: &Context<'a>) -> Option<Vec<&'a str>> {
        match self {
            Self::One(variable) => Some(vec![variable.value(context)?]),
            Self::CertificateList(attribute) => context.certificate?.list(*attribute),
            Self::ConnectAttributes => Some(context.connect?.attributes()),
            Self::LastWillTopic => Some(context.connect?.last_will_topic.into_iter().collect()),
        }
    }

    /// Whether there may be more than one value.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::CertificateList(_) | Self::ConnectAttributes)
    }

    /// Whether only a CONNECT has it.
    pub(super) fn is_of_connect(&self) -> bool {
        matches!(self, Self::ConnectAttributes | Self::LastWillTopic)
    }
}
