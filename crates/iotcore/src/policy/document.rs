//! Policy documents: from JSON to statements that can be evaluated, or an error that names what is not understood.

use serde::Deserialize;

use super::PolicyError;
use super::condition::{Comparison, RawCondition};
use super::json::OneOrMany;
use super::pattern::Undefined;
use super::request::{Action, Request};
use super::resource::{ResourcePattern, Resources};
use crate::limits::POLICY_BYTES_MAX;

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
    resources: Resources,
    condition: Vec<Comparison>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
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
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
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
        let resources = match (raw.resource, raw.not_resource) {
            (Some(resources), None) => Resources::Of(parse_resources("Resource", resources)?),
            (None, Some(resources)) => Resources::NotOf(parse_resources("NotResource", resources)?),
            _ => return Err(PolicyError::ResourceOrNotResource),
        };
        let condition = Comparison::parse_all(raw.condition, &actions)?;
        Ok(Self { effect: raw.effect, actions, resources, condition })
    }

    /// Whether the statement speaks of `request`.
    pub(super) fn matches(&self, request: &Request<'_>) -> bool {
        let undefined = match self.effect {
            Effect::Allow => Undefined::MatchesNothing,
            Effect::Deny => Undefined::MatchesAnything,
        };
        self.actions.contains(&request.action)
            && self.resources.cover(request.resource, request.context, undefined)
            && self.condition.iter().all(|comparison| comparison.holds(request.context, undefined))
    }
}

fn parse_resources(element: &'static str, list: OneOrMany<String>) -> Result<Vec<ResourcePattern>, PolicyError> {
    some_of(element, list)?.iter().map(|resource| ResourcePattern::parse(resource)).collect()
}

fn some_of<T>(element: &'static str, list: OneOrMany<T>) -> Result<Vec<T>, PolicyError> {
    if list.0.is_empty() { Err(PolicyError::Empty(element.into())) } else { Ok(list.0) }
}
