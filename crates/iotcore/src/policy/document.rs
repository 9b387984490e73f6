//! Policy documents: from JSON to statements that can be evaluated, or an error that names what is not understood.

use serde::Deserialize;

use super::PolicyError;
use super::condition::{Comparison, RawCondition};
use super::json::OneOrMany;
use super::pattern::{Pattern, Undefined};
use super::request::{Action, Request, Resource};

/// The longest document, in bytes without white space.
pub const POLICY_BYTES_MAX: usize = 2048;

/// A policy document that is understood in full.
///
/// ```
/// use marvain_iotcore::policy::PolicyDocument;
/// let refused = PolicyDocument::parse(r#"{"Version": "2012-10-17",
///     "Statement": {"Effect": "Allow", "Action": "iot:Conect", "Resource": "*"}}"#);
/// assert_eq!(refused.unwrap_err().to_string(), "the policy's action `iot:Conect` is unknown");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    pub(super) statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    actions: Vec<Action>,
    resources: Vec<ResourcePattern>,
    condition: Vec<Comparison>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// The kind of resource in an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Client,
    Topic,
    TopicFilter,
    Thing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ResourcePattern {
    /// `*`
    Everything,
    /// `arn:aws:iot:{region}:{account}:*` without a kind, or with `{kind}/{name}`.
    Arn { region: Pattern, account: Pattern, named: Option<(Kind, Pattern)> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RawDocument {
    version: String,
    statement: OneOrMany<RawStatement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RawStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    #[serde(default)]
    condition: RawCondition,
}

impl PolicyDocument {
    /// Parses a document as `CreatePolicy` takes it.
    ///
    /// # Errors
    /// [`PolicyError`], which names the element, action, resource, variable or condition that is not supported.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let bytes = json.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        if bytes > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes });
        }
        let RawDocument { version, statement } = serde_json::from_str(json)?;
        if version != "2012-10-17" {
            return Err(PolicyError::Version(version));
        }
        let statements =
            some_of("Statement", statement)?.into_iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }
}

impl Statement {
    fn parse(raw: RawStatement) -> Result<Self, PolicyError> {
        let mut actions = Vec::new();
        for action in some_of("Action", raw.action)? {
            actions.extend(Action::expand(&action)?);
        }
        let resources = some_of("Resource", raw.resource)?;
        let resources = resources.iter().map(|resource| ResourcePattern::parse(resource)).collect::<Result<_, _>>()?;
        Ok(Self { effect: raw.effect, actions, resources, condition: Comparison::parse_all(raw.condition)? })
    }

    /// Whether the statement speaks of `request`.
    pub(super) fn matches(&self, request: &Request<'_>) -> bool {
        let undefined = match self.effect {
            Effect::Allow => Undefined::MatchesNothing,
            Effect::Deny => Undefined::MatchesAnything,
        };
        self.actions.contains(&request.action)
            && self.resources.iter().any(|resource| resource.matches(request, undefined))
            && self.condition.iter().all(|comparison| comparison.holds(request.context, undefined))
    }
}

impl ResourcePattern {
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let refused = |reason| PolicyError::Resource { resource: text.to_owned(), reason };
        if text == "*" {
            return Ok(Self::Everything);
        }
        let rest = text.strip_prefix("arn:aws:iot:").ok_or_else(|| refused("it does not begin with `arn:aws:iot:`"))?;
        let mut parts = rest.splitn(3, ':');
        let (Some(region), Some(account), Some(resource)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused("an ARN is `arn:aws:iot:{region}:{account}:{kind}/{name}`"));
        };
        let named = if resource == "*" {
            None
        } else {
            let (kind, name) = resource.split_once('/').ok_or_else(|| refused("it has no `/` after its kind"))?;
            let kind = match kind {
                "client" => Kind::Client,
                "topic" => Kind::Topic,
                "topicfilter" => Kind::TopicFilter,
                "thing" => Kind::Thing,
                _ => return Err(refused("its kind is none of `client`, `topic`, `topicfilter` and `thing`")),
            };
            Some((kind, Pattern::parse(name)?))
        };
        Ok(Self::Arn { region: Pattern::parse(region)?, account: Pattern::parse(account)?, named })
    }

    fn matches(&self, request: &Request<'_>, undefined: Undefined) -> bool {
        let Self::Arn { region, account, named } = self else { return true };
        let context = request.context;
        let (asked_kind, asked_name) = match request.resource {
            Resource::Client(name) => (Kind::Client, name),
            Resource::Topic(name) => (Kind::Topic, name),
            Resource::TopicFilter(name) => (Kind::TopicFilter, name),
            Resource::Thing(name) => (Kind::Thing, name),
        };
        region.matches(context.region, context, undefined)
            && account.matches(context.account, context, undefined)
            && named
                .as_ref()
                .is_none_or(|(kind, name)| *kind == asked_kind && name.matches(asked_name, context, undefined))
    }
}

fn some_of<T>(element: &'static str, list: OneOrMany<T>) -> Result<Vec<T>, PolicyError> {
    if list.0.is_empty() { Err(PolicyError::Empty(element)) } else { Ok(list.0) }
}
