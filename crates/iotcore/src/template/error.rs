//! Why a template is refused, or cannot be planned with these parameters.

use thiserror::Error;

use crate::limits::{POLICIES_MAX, RESOLVED_BYTES_MAX, TEMPLATE_BYTES_MAX};
use crate::names::NameError;
use crate::policy::PolicyError;

/// Why a text is no template that can be provisioned, or why a device's parameters do not fit it. `at` is the path of
/// keys from the top of the template, joined by dots.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// No JSON.
    #[error("the template is malformed")]
    Malformed(#[from] serde_json::Error),
    /// Over [`TEMPLATE_BYTES_MAX`].
    #[error("the template has {bytes} bytes, {TEMPLATE_BYTES_MAX} are allowed")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A section, property, resource type, intrinsic function or setting that is not supported.
    #[error("`{found}` at `{at}` is unsupported")]
    Unsupported {
        /// Where.
        at: String,
        /// What stands there.
        found: String,
    },
    /// A part that must be there.
    #[error("`{at}` is missing")]
    Missing {
        /// Where.
        at: String,
    },
    /// A part of another shape.
    #[error("`{at}` is not {expected}")]
    Shape {
        /// Where.
        at: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// More than one resource of a type that there is one of.
    #[error("`{at}` is a second `{kind}`, one is allowed")]
    Repeated {
        /// Where.
        at: String,
        /// The type.
        kind: String,
    },
    /// Over [`POLICIES_MAX`].
    #[error("the template has over {POLICIES_MAX} policies")]
    TooManyPolicies,
    /// A policy with both a name and a document, or neither.
    #[error("`{at}` needs either `PolicyName` or `PolicyDocument`")]
    PolicySource {
        /// Where.
        at: String,
    },
    /// A reference to a parameter that the template does not declare.
    #[error("the parameter `{0}` is not declared in the template")]
    Undeclared(String),
    /// A declared parameter without a value and without a default.
    #[error("the parameter `{0}` is missing and has no default")]
    MissingParameter(String),
    /// A value that would not stay within its place in a policy document.
    #[error("the parameter `{0}` goes into a policy document, so it is 1 to 128 of letters, digits, `:`, `_` and `-`")]
    ParameterInPolicy(String),
    /// `Fn::FindInMap` with keys that `Mappings` does not have.
    #[error("`Mappings` has no `{map}.{key}.{name}`")]
    NotInMap {
        /// The map.
        map: String,
        /// The first key.
        key: String,
        /// The second key.
        name: String,
    },
    /// `Fn::Select` beyond its list.
    #[error("`Fn::Select` asks for element {index} of {length}, counted from 0")]
    NoElement {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        length: usize,
    },
    /// A value that grew over [`RESOLVED_BYTES_MAX`].
    #[error("a value of the template has over {RESOLVED_BYTES_MAX} bytes")]
    ValueTooLong,
    /// A thing, group or thing type with a name that the registry does not allow.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An attribute that the registry does not allow.
    #[error("the attribute `{name}` is not allowed: {reason}")]
    Attribute {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A policy document that cannot be enforced.
    #[error("the policy document at `{at}` is unusable")]
    Policy {
        /// Where.
        at: String,
        /// Why.
        #[source]
        source: PolicyError,
    },
}
