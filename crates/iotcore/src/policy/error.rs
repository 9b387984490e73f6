//! Why a policy document is refused.

use thiserror::Error;

use crate::limits::POLICY_BYTES_MAX;

/// Why a text is no policy document that can be enforced. Whatever is not understood in full is refused, and named.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// No JSON of a policy document's shape: malformed, or an element that is unknown, missing or there twice.
    #[error("the policy document is malformed")]
    Malformed(#[from] serde_json::Error),
    /// Over [`POLICY_BYTES_MAX`].
    #[error("the policy document has {bytes} bytes besides white space, {POLICY_BYTES_MAX} are allowed")]
    TooLong {
        /// How many bytes it has, white space left out.
        bytes: usize,
    },
    /// Another `Version` than `2012-10-17`.
    #[error("the policy's version `{0}` is unsupported, use `2012-10-17`")]
    Version(String),
    /// A list that must name something is empty.
    #[error("the policy's `{0}` is empty")]
    Empty(String),
    /// No action, or one that this broker does not enforce.
    #[error("the policy's action `{0}` is unknown")]
    Action(String),
    /// A statement with both, or without either.
    #[error("a statement of the policy needs either `Resource` or `NotResource`")]
    ResourceOrNotResource,
    /// No ARN of a resource that this broker has.
    #[error("the policy's resource `{resource}` is unsupported: {reason}")]
    Resource {
        /// The resource as written.
        resource: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// `${…}` with a name that this broker gives no value, or without its end.
    #[error("the policy variable `{0}` is unknown")]
    Variable(String),
    /// A condition operator that this broker does not know, or that cannot be one of `ForAllValues:` and `ForAnyValue:`.
    #[error("the policy's condition operator `{0}` is unsupported")]
    ConditionOperator(String),
    /// A key that cannot be compared by that operator, or in that statement.
    #[error("the policy's condition key `{key}` is unsupported with `{operator}`: {reason}")]
    ConditionKey {
        /// The operator.
        operator: String,
        /// The key as written.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value that the operator cannot compare with.
    #[error("the policy's condition value `{value}` is not {expected}")]
    ConditionValue {
        /// The value as written.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
}
