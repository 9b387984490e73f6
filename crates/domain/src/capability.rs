//! What a satellite or the hub can do, and whether arguments fit it.
//!
//! The hub checks arguments before it proposes, the satellite again before it acts: the same function.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

/// Longest capability or argument name, in bytes.
pub const CAPABILITY_NAME_BYTES_MAX: usize = 48;
/// Most capabilities one satellite may declare.
pub const CAPABILITIES_MAX: usize = 32;
/// Most arguments of one capability.
pub const ARGS_MAX: usize = 16;
/// Longest text argument unless the capability says less, in bytes.
pub const ARG_TEXT_BYTES_MAX: usize = 512;

/// Name of a capability, like `lamp` or `memory.forget`: lower case letters, digits, `_`, `-` and `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct CapabilityName(String);

/// The text is no [`CapabilityName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no capability name: use 1 to {CAPABILITY_NAME_BYTES_MAX} of a-z, 0-9, `_`, `-` and `.`, beginning with a letter"
)]
pub struct CapabilityNameError(String);

impl CapabilityName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for CapabilityName {
    type Err = CapabilityNameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() <= CAPABILITY_NAME_BYTES_MAX
            && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'));
        if fits { Ok(Self(text.to_owned())) } else { Err(CapabilityNameError(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CapabilityName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

/// Something that can be done, and the arguments it takes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Name, unique on its satellite.
    pub name: CapabilityName,
    /// How it is done; decides the default risk.
    pub kind: CapabilityKind,
    /// For people and the planner, at most 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Arguments by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, ArgSpec>,
}

/// How a capability is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityKind {
    /// The agent answers or shows something by itself: say, notify, ping, identify.
    Builtin,
    /// A program on the satellite runs.
    Command,
    /// The hub does it to its own records.
    Hub,
}

/// What one argument may be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ArgSpec {
    /// Text without control characters.
    Text {
        /// The only values it may take; empty for any.
        #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
        one_of: Vec<String>,
        /// Longest value in bytes, at most [`ARG_TEXT_BYTES_MAX`].
        #[serde(default = "text_bytes_max")]
        max_bytes: usize,
        /// May be left out.
        #[serde(default, skip_serializing_if = "is_false")]
        optional: bool,
    },
    /// A number.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// Whole numbers only.
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
        /// May be left out.
        #[serde(default, skip_serializing_if = "is_false")]
        optional: bool,
    },
    /// True or false.
    Flag {
        /// May be left out.
        #[serde(default, skip_serializing_if = "is_false")]
        optional: bool,
    },
}

const fn text_bytes_max() -> usize {
    ARG_TEXT_BYTES_MAX
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Why arguments do not fit a capability.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArgsError {
    /// Not declared. Its name is not told: it may be anybody's words, and refusals are kept in the audit log.
    #[error("an argument is unknown; there is {declared}")]
    Unknown {
        /// Those that are declared, for a person.
        declared: String,
    },
    /// Declared and not optional.
    #[error("argument `{0}` is missing")]
    Missing(String),
    /// Does not fit its declaration.
    #[error("argument `{name}` must be {expected}")]
    Unfit {
        /// Which.
        name: String,
        /// What it may be, for a person.
        expected: String,
    },
}

impl ArgSpec {
    const fn is_optional(&self) -> bool {
        match self {
            Self::Text { optional, .. } | Self::Number { optional, .. } | Self::Flag { optional } => *optional,
        }
    }

    fn check(&self, name: &str, value: &Value) -> Result<(), ArgsError> {
        let unfit = |expected: String| Err(ArgsError::Unfit { name: name.to_owned(), expected });
        match self {
            Self::Text { one_of, .. } if !one_of.is_empty() => match value.as_str() {
                Some(text) if one_of.iter().any(|known| known == text) => Ok(()),
                _ => unfit(format!("one of {}", one_of.join(", "))),
            },
            Self::Text { max_bytes, .. } => {
                let most = (*max_bytes).min(ARG_TEXT_BYTES_MAX);
                match value.as_str() {
                    Some(text) if text.len() <= most && !text.chars().any(char::is_control) => Ok(()),
                    _ => unfit(format!("text of at most {most} bytes without control characters")),
                }
            }
            Self::Number { min, max, whole, .. } => match value.as_f64() {
                Some(n) if n >= *min && n <= *max && (!*whole || n.fract() == 0.0) => Ok(()),
                _ => unfit(format!("a {}number from {min} to {max}", if *whole { "whole " } else { "" })),
            },
            Self::Flag { .. } if value.is_boolean() => Ok(()),
            Self::Flag { .. } => unfit("true or false".to_owned()),
        }
    }
}

impl Capability {
    fn unknown(&self) -> ArgsError {
        let names: Vec<String> = self.args.keys().map(|name| format!("`{name}`")).collect();
        ArgsError::Unknown { declared: if names.is_empty() { "none".to_owned() } else { names.join(", ") } }
    }

    /// Do `args` fit? The first misfit is the error; names are taken in order.
    pub fn check_args(&self, args: &Map<String, Value>) -> Result<(), ArgsError> {
        for (name, value) in args {
            match self.args.get(name) {
                None => return Err(self.unknown()),
                Some(spec) => spec.check(name, value)?,
            }
        }
        match self.args.iter().find(|(name, spec)| !spec.is_optional() && !args.contains_key(*name)) {
            Some((name, _)) => Err(ArgsError::Missing(name.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_checked_one_by_one() {
        let lamp: Capability = serde_json::from_value(json!({
            "name": "lamp", "kind": "command", "args": {
                "state": {"type": "text", "enum": ["on", "off"]},
                "level": {"type": "number", "min": 0, "max": 100, "whole": true, "optional": true},
                "note": {"type": "text", "max_bytes": 4, "optional": true},
                "slow": {"type": "flag", "optional": true}}}))
        .unwrap();
        let cases = [
            (json!({"state": "on"}), None),
            (json!({"state": "on", "level": 40, "slow": true, "note": "abcd"}), None),
            (json!({}), Some("argument `state` is missing")),
            (json!({"state": "dim"}), Some("argument `state` must be one of on, off")),
            (json!({"state": "on", "level": 1.5}), Some("argument `level` must be a whole number from 0 to 100")),
            (json!({"state": "on", "level": 101}), Some("argument `level` must be a whole number from 0 to 100")),
            (json!({"state": "on", "slow": "yes"}), Some("argument `slow` must be true or false")),
            (
                json!({"state": "on", "note": "a\nb"}),
                Some("argument `note` must be text of at most 4 bytes without control characters"),
            ),
            (json!({"state": "on", "x": 1}), Some("an argument is unknown; there is `level`, `note`, `slow`, `state`")),
        ];
        for (args, refusal) in cases {
            let answer = lamp.check_args(args.as_object().unwrap()).err().map(|e| e.to_string());
            assert_eq!(answer.as_deref(), refusal, "{args}");
        }
    }
}
