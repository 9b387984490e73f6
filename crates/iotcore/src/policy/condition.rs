//! The `Condition` of a statement: what must hold besides action and resource.

use serde::Deserialize;

use super::PolicyError;
use super::json::{Members, OneOrMany};
use super::pattern::{Pattern, Undefined};
use super::request::{Context, Variable};

/// A value as a policy writes it: `"true"` and `true` are both common.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawValue {
    Text(String),
    Bool(bool),
}

/// Operator → key → values.
pub(super) type RawCondition = Members<Members<OneOrMany<RawValue>>>;

/// One comparison: the key's value is one of `values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    key: Variable,
    values: Vec<Pattern>,
}

impl Comparison {
    /// All comparisons of a `Condition`; every one must hold.
    pub(super) fn parse_all(raw: RawCondition) -> Result<Vec<Self>, PolicyError> {
        let mut comparisons = Vec::new();
        for (operator, keys) in raw.0 {
            let (operator, is_bool) = match operator.as_str() {
                "Bool" => ("Bool", true),
                "StringEquals" => ("StringEquals", false),
                _ => return Err(PolicyError::ConditionOperator(operator)),
            };
            if keys.0.is_empty() {
                return Err(PolicyError::Empty(operator));
            }
            for (key, values) in keys.0 {
                let variable = Variable::parse(&key).filter(|variable| !is_bool || *variable == Variable::IsAttached);
                let Some(variable) = variable else { return Err(PolicyError::ConditionKey { operator, key }) };
                if values.0.is_empty() {
                    return Err(PolicyError::Empty(operator));
                }
                let values = values.0.into_iter().map(|value| parse_value(value, is_bool)).collect::<Result<_, _>>()?;
                comparisons.push(Self { key: variable, values });
            }
        }
        Ok(comparisons)
    }

    /// Whether the comparison holds, with the reading of `undefined` where a variable has no value.
    pub(super) fn holds(&self, context: &Context<'_>, undefined: Undefined) -> bool {
        match self.key.value(context) {
            Some(actual) => self.values.iter().any(|value| value.matches(actual, context, undefined)),
            None => undefined == Undefined::MatchesAnything,
        }
    }
}

fn parse_value(value: RawValue, is_bool: bool) -> Result<Pattern, PolicyError> {
    let text = match value {
        RawValue::Text(text) => text,
        RawValue::Bool(value) => value.to_string(),
    };
    if is_bool && !matches!(text.as_str(), "true" | "false") {
        return Err(PolicyError::ConditionValue(text));
    }
    Pattern::parse_without_wildcards(&text)
}
