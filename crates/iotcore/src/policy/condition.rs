//! The `Condition` of a statement: what must hold besides action and resource. IAM User Guide, "Condition operators" and
//! "Multivalued context keys".

use serde::Deserialize;

use super::PolicyError;
use super::address::Network;
use super::json::{Members, OneOrMany};
use super::pattern::{Pattern, Undefined};
use super::request::{Action, Context, Resource};
use super::resource::ResourcePattern;
use super::variable::{Key, Variable};

/// A value as a policy writes it: `"true"` and `true` are both common.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawValue {
    Text(String),
    Bool(bool),
}

/// Operator → key → values.
pub(super) type RawCondition = Members<Members<OneOrMany<RawValue>>>;

/// Of which values of the key the comparison must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Of the only one.
    One,
    /// `ForAllValues:`, also if there is none.
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared with; `equal` says whether one of the values must match, or none may.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Text {
        equal: bool,
        values: Vec<Pattern>,
    },
    /// Of topics.
    Arn {
        equal: bool,
        values: Vec<ResourcePattern>,
    },
    Address {
        equal: bool,
        values: Vec<Network>,
    },
}

/// How a condition compares: the operator without its qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Bool,
    Text { equal: bool, wildcards: bool },
    Arn { equal: bool },
    Address { equal: bool },
}

/// One comparison of a key with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    key: Key,
    of: Of,
    test: Test,
}

impl Comparison {
    /// All comparisons of a `Condition` in a statement about `actions`; every one must hold.
    pub(super) fn parse_all(raw: RawCondition, actions: &[Action]) -> Result<Vec<Self>, PolicyError> {
        let mut comparisons = Vec::new();
        for (name, keys) in raw.0 {
            let Some((of, operator)) = Operator::parse(&name) else {
                return Err(PolicyError::ConditionOperator(name));
            };
            if keys.0.is_empty() {
                return Err(PolicyError::Empty(name));
            }
            for (key, values) in keys.0 {
                let refused = |reason| PolicyError::ConditionKey { operator: name.clone(), key: key.clone(), reason };
                let key = parse_key(&key, of, operator, actions).map_err(refused)?;
                // AWS's own example allows no connect attribute by a list of none.
                if values.0.is_empty() && of != Of::All {
                    return Err(PolicyError::Empty(name));
                }
                comparisons.push(Self { key, of, test: operator.test(values.0)? });
            }
        }
        Ok(comparisons)
    }

    /// Whether the comparison holds, with the reading of `undefined` where a variable has no value.
    pub(super) fn holds(&self, context: &Context<'_>, undefined: Undefined) -> bool {
        let Some(actual) = self.key.values(context) else { return undefined == Undefined::MatchesAnything };
        let holds = |value: &&str| self.test.holds(value, context, undefined);
        match self.of {
            Of::All => actual.iter().all(holds),
            // A value that is not there differs from every other.
            Of::One if actual.is_empty() => !self.test.is_of_equality(),
            Of::One | Of::Any => actual.iter().any(holds),
        }
    }
}

fn parse_key(name: &str, of: Of, operator: Operator, actions: &[Action]) -> Result<Key, &'static str> {
    let key = Key::parse(name).ok_or("it is unknown")?;
    let is_comparable = match &key {
        Key::LastWillTopic => matches!(operator, Operator::Arn { .. }),
        Key::One(Variable::SourceIp) => matches!(operator, Operator::Address { .. }),
        Key::One(Variable::IsAttached) => matches!(operator, Operator::Bool | Operator::Text { .. }),
        Key::One(_) | Key::CertificateList(_) | Key::ConnectAttributes => matches!(operator, Operator::Text { .. }),
    };
    if !is_comparable {
        return Err("it is of another type");
    }
    if key.is_list() && of == Of::One {
        return Err("it has several values, use `ForAllValues:` or `ForAnyValue:`");
    }
    if key.is_of_connect() && actions.iter().any(|action| *action != Action::Connect) {
        return Err("other actions than `iot:Connect` have no such key");
    }
    Ok(key)
}

impl Operator {
    /// The operator and its qualifier, if both are supported.
    fn parse(name: &str) -> Option<(Of, Self)> {
        let (of, name) = match name.split_once(':') {
            None => (Of::One, name),
            Some(("ForAllValues", name)) => (Of::All, name),
            Some(("ForAnyValue", name)) => (Of::Any, name),
            Some(_) => return None,
        };
        let operator = match name {
            "Bool" => Self::Bool,
            "StringEquals" => Self::Text { equal: true, wildcards: false },
            "StringNotEquals" => Self::Text { equal: false, wildcards: false },
            "StringLike" => Self::Text { equal: true, wildcards: true },
            "StringNotLike" => Self::Text { equal: false, wildcards: true },
            // Both of each pair take wildcards.
            "ArnEquals" | "ArnLike" => Self::Arn { equal: true },
            "ArnNotEquals" | "ArnNotLike" => Self::Arn { equal: false },
            "IpAddress" => Self::Address { equal: true },
            "NotIpAddress" => Self::Address { equal: false },
            _ => return None,
        };
        let is_of_sets = matches!(operator, Self::Text { .. } | Self::Arn { .. });
        (of == Of::One || is_of_sets).then_some((of, operator))
    }

    fn test(self, values: Vec<RawValue>) -> Result<Test, PolicyError> {
        let texts = values.into_iter().map(|value| match value {
            RawValue::Text(text) => text,
            RawValue::Bool(value) => value.to_string(),
        });
        Ok(match self {
            Self::Bool => Test::Text { equal: true, values: texts.map(parse_bool).collect::<Result<_, _>>()? },
            Self::Text { equal, wildcards } => {
                let parse = if wildcards { Pattern::parse } else { Pattern::parse_without_wildcards };
                Test::Text { equal, values: texts.map(|text| parse(&text)).collect::<Result<_, _>>()? }
            }
            Self::Arn { equal } => {
                let values = texts.map(|text| ResourcePattern::parse(&text)).collect::<Result<_, _>>()?;
                Test::Arn { equal, values }
            }
            Self::Address { equal } => {
                Test::Address { equal, values: texts.map(parse_network).collect::<Result<_, _>>()? }
            }
        })
    }
}

fn parse_bool(text: String) -> Result<Pattern, PolicyError> {
    if !matches!(text.as_str(), "true" | "false") {
        return Err(PolicyError::ConditionValue { value: text, expected: "`true` or `false`" });
    }
    Pattern::parse_without_wildcards(&text)
}

fn parse_network(text: String) -> Result<Network, PolicyError> {
    let expected = "an address or a network, `203.0.113.0/24` for example";
    Network::parse(&text).ok_or(PolicyError::ConditionValue { value: text, expected })
}

impl Test {
    fn is_of_equality(&self) -> bool {
        let (Self::Text { equal, .. } | Self::Arn { equal, .. } | Self::Address { equal, .. }) = self;
        *equal
    }

    fn holds(&self, actual: &str, context: &Context<'_>, undefined: Undefined) -> bool {
        if !self.is_of_equality() && !self.is_defined(context) {
            return undefined == Undefined::MatchesAnything;
        }
        let is_one_of = match self {
            Self::Text { values, .. } => values.iter().any(|value| value.matches(actual, context, undefined)),
            Self::Arn { values, .. } => {
                values.iter().any(|value| value.matches(Resource::Topic(actual), context, undefined))
            }
            Self::Address { values, .. } => match actual.parse() {
                Ok(actual) => values.iter().any(|network| network.contains(actual)),
                Err(_) => return undefined == Undefined::MatchesAnything,
            },
        };
        is_one_of == self.is_of_equality()
    }

    /// Whether each variable in the values has a value.
    fn is_defined(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Text { values, .. } => values.iter().all(|value| value.is_defined(context)),
            Self::Arn { values, .. } => values.iter().all(|value| value.is_defined(context)),
            Self::Address { .. } => true,
        }
    }
}
