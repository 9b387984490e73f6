//! Values of a template: JSON with intrinsic functions, parsed once and resolved for each device.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;
use crate::limits::{RESOLVED_BYTES_MAX, THING_NAME_BYTES_MAX};
use crate::names::checked;

/// The name of the one pseudo parameter: the id of the certificate that is being provisioned.
pub(super) const CERTIFICATE_ID: &str = "AWS::IoT::Certificate::Id";

/// `Mappings`: map → key → name → value.
pub(super) type Mappings = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// A number, a boolean or null.
    Plain(Value),
    Text(String),
    List(Vec<Expression>),
    Object(BTreeMap<String, Expression>),
    /// `Ref`
    Parameter(String),
    /// `Fn::Join`: delimiter, list.
    Join(String, Box<Expression>),
    /// `Fn::Select`: index, list.
    Select(usize, Box<Expression>),
    /// `Fn::Split`: delimiter, text.
    Split(String, Box<Expression>),
    /// `Fn::FindInMap`: map, key, name.
    FindInMap(Box<[Expression; 3]>),
    /// `Fn::Sub`: pieces of text and values.
    Sub(Vec<Expression>),
}

/// What the names in a value stand for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Values of the declared parameters; those without a value are absent.
    pub(super) parameters: &'a BTreeMap<&'a str, &'a str>,
    pub(super) mappings: &'a Mappings,
    /// Whether the value becomes part of a policy document, where parameters may only have the characters of names: any
    /// others could add wildcards, variables or whole elements to what the template's author has written.
    pub(super) in_policy: bool,
}

impl Expression {
    /// Parses a value. `declared` says whether a parameter exists. Recursion is as deep as the JSON parser allows (128).
    pub(super) fn parse(value: &Value, at: &str, declared: &dyn Fn(&str) -> bool) -> Result<Self, TemplateError> {
        match value {
            Value::String(text) => Ok(Self::Text(text.clone())),
            Value::Array(elements) => elements
                .iter()
                .map(|element| Self::parse(element, at, declared))
                .collect::<Result<_, _>>()
                .map(Self::List),
            Value::Object(members) => match intrinsic(members) {
                Some((name, argument)) => parse_intrinsic(name, argument, at, declared),
                None => {
                    let parse = |(key, value): (&String, &Value)| {
                        Ok((key.clone(), Self::parse(value, &format!("{at}.{key}"), declared)?))
                    };
                    members.iter().map(parse).collect::<Result<_, _>>().map(Self::Object)
                }
            },
            plain => Ok(Self::Plain(plain.clone())),
        }
    }

    /// The value for one device, as JSON. `at` is for errors.
    pub(super) fn resolve(&self, scope: Scope<'_>, at: &str) -> Result<Value, TemplateError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::List(elements) => elements.iter().map(|one| one.resolve(scope, at)).collect::<Result<_, _>>()?,
            Self::Object(members) => {
                let resolve = |(key, one): (&String, &Self)| Ok((key.clone(), one.resolve(scope, at)?));
                members.iter().map(resolve).collect::<Result<Map<_, _>, TemplateError>>()?.into()
            }
            Self::Split(..) => self.list(scope, at)?.into_iter().map(Value::String).collect(),
            _ => Value::String(self.text(scope, at)?),
        })
    }

    /// The value for one device, which must be a text.
    pub(super) fn text(&self, scope: Scope<'_>, at: &str) -> Result<String, TemplateError> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Parameter(name) => {
                let value = *scope
                    .parameters
                    .get(name.as_str())
                    .ok_or_else(|| TemplateError::MissingParameter(name.clone()))?;
                if scope.in_policy && checked("parameter", value, THING_NAME_BYTES_MAX).is_err() {
                    return Err(TemplateError::ParameterInPolicy(name.clone()));
                }
                value.to_owned()
            }
            Self::Join(delimiter, list) => bounded(list.list(scope, at)?.iter().map(String::as_str), delimiter)?,
            Self::Sub(pieces) => bounded(texts(pieces, scope, at)?.iter().map(String::as_str), "")?,
            Self::Select(index, list) => {
                let mut list = list.list(scope, at)?;
                if *index >= list.len() {
                    return Err(TemplateError::NoElement { index: *index, length: list.len() });
                }
                list.swap_remove(*index)
            }
            Self::FindInMap(keys) => {
                let [map, key, name] = &**keys;
                let (map, key, name) = (map.text(scope, at)?, key.text(scope, at)?, name.text(scope, at)?);
                let found = scope.mappings.get(&map).and_then(|keys| keys.get(&key)).and_then(|names| names.get(&name));
                found.cloned().ok_or(TemplateError::NotInMap { map, key, name })?
            }
            Self::Plain(_) | Self::List(_) | Self::Object(_) | Self::Split(..) => return Err(shape(at, "a text")),
        };
        if text.len() > RESOLVED_BYTES_MAX { Err(TemplateError::ValueTooLong) } else { Ok(text) }
    }

    /// The value for one device, which must be a list of texts.
    pub(super) fn list(&self, scope: Scope<'_>, at: &str) -> Result<Vec<String>, TemplateError> {
        match self {
            Self::List(elements) => texts(elements, scope, at),
            Self::Split(delimiter, text) => {
                Ok(text.text(scope, at)?.split(delimiter.as_str()).map(str::to_owned).collect())
            }
            _ => Err(shape(at, "a list of texts")),
        }
    }
}

pub(super) fn shape(at: &str, expected: &'static str) -> TemplateError {
    TemplateError::Shape { at: at.to_owned(), expected }
}

/// Name and argument, when an object is a call of an intrinsic function and no plain object.
fn intrinsic(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, argument)), None) if name == "Ref" || name.starts_with("Fn:") => Some((name, argument)),
        _ => None,
    }
}

fn parse_intrinsic(
    name: &str,
    argument: &Value,
    at: &str,
    declared: &dyn Fn(&str) -> bool,
) -> Result<Expression, TemplateError> {
    let parse = |value: &Value| Expression::parse(value, at, declared);
    match (name, argument) {
        ("Ref", Value::String(parameter)) => reference(parameter, declared),
        ("Ref", _) => Err(shape(at, "the name of a parameter after `Ref`")),
        ("Fn::Join", Value::Array(arguments)) => match arguments.as_slice() {
            [Value::String(delimiter), list] => Ok(Expression::Join(delimiter.clone(), Box::new(parse(list)?))),
            _ => Err(shape(at, "`[delimiter, list]` after `Fn::Join`")),
        },
        ("Fn::Select", Value::Array(arguments)) => match arguments.as_slice() {
            [index, list] => {
                let index = index_of(index).ok_or_else(|| shape(at, "`[index, list]` after `Fn::Select`"))?;
                Ok(Expression::Select(index, Box::new(parse(list)?)))
            }
            _ => Err(shape(at, "`[index, list]` after `Fn::Select`")),
        },
        ("Fn::Split", Value::Array(arguments)) => match arguments.as_slice() {
            [Value::String(delimiter), text] if !delimiter.is_empty() => {
                Ok(Expression::Split(delimiter.clone(), Box::new(parse(text)?)))
            }
            _ => Err(shape(at, "`[delimiter, text]` after `Fn::Split`")),
        },
        ("Fn::FindInMap", Value::Array(arguments)) => match arguments.as_slice() {
            [map, key, name] => Ok(Expression::FindInMap(Box::new([parse(map)?, parse(key)?, parse(name)?]))),
            _ => Err(shape(at, "`[map, key, name]` after `Fn::FindInMap`")),
        },
        ("Fn::Sub", Value::String(text)) => parse_sub(text, &BTreeMap::new(), at, declared),
        ("Fn::Sub", Value::Array(arguments)) => match arguments.as_slice() {
            [Value::String(text), Value::Object(variables)] => {
                let parsed = variables.iter().map(|(name, value)| Ok((name.as_str(), parse(value)?)));
                parse_sub(text, &parsed.collect::<Result<_, TemplateError>>()?, at, declared)
            }
            _ => Err(shape(at, "`text` or `[text, {variable: value}]` after `Fn::Sub`")),
        },
        ("Fn::Join" | "Fn::Select" | "Fn::Split" | "Fn::FindInMap" | "Fn::Sub", _) => {
            Err(shape(at, "a list of arguments after its function"))
        }
        _ => Err(TemplateError::Unsupported { at: at.to_owned(), found: name.to_owned() }),
    }
}

fn reference(name: &str, declared: &dyn Fn(&str) -> bool) -> Result<Expression, TemplateError> {
    if declared(name) {
        Ok(Expression::Parameter(name.to_owned()))
    } else {
        Err(TemplateError::Undeclared(name.to_owned()))
    }
}

/// An index as a number, or as a text as CloudFormation's examples have it.
fn index_of(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// `${name}` is a variable of this call or a parameter; `${!name}` is the text `${name}`.
fn parse_sub(
    text: &str,
    variables: &BTreeMap<&str, Expression>,
    at: &str,
    declared: &dyn Fn(&str) -> bool,
) -> Result<Expression, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, left) = after.split_once('}').ok_or_else(|| shape(at, "closed by `}` after `${`"))?;
        pieces.push(Expression::Text(before.to_owned()));
        pieces.push(match (name.strip_prefix('!'), variables.get(name)) {
            (Some(literal), _) => Expression::Text(format!("${{{literal}}}")),
            (None, Some(value)) => value.clone(),
            (None, None) => reference(name, declared)?,
        });
        rest = left;
    }
    pieces.push(Expression::Text(rest.to_owned()));
    Ok(Expression::Sub(pieces))
}

/// The elements as texts; stops before they are over [`RESOLVED_BYTES_MAX`] together.
fn texts(elements: &[Expression], scope: Scope<'_>, at: &str) -> Result<Vec<String>, TemplateError> {
    let mut bytes = 0;
    let mut texts = Vec::with_capacity(elements.len());
    for element in elements {
        let text = element.text(scope, at)?;
        bytes += text.len();
        if bytes > RESOLVED_BYTES_MAX {
            return Err(TemplateError::ValueTooLong);
        }
        texts.push(text);
    }
    Ok(texts)
}

/// Joins, and stops before the result is over [`RESOLVED_BYTES_MAX`].
fn bounded<'a>(pieces: impl Iterator<Item = &'a str>, delimiter: &str) -> Result<String, TemplateError> {
    let mut joined = String::new();
    for (index, piece) in pieces.enumerate() {
        if index > 0 {
            joined.push_str(delimiter);
        }
        joined.push_str(piece);
        if joined.len() > RESOLVED_BYTES_MAX {
            return Err(TemplateError::ValueTooLong);
        }
    }
    Ok(joined)
}
