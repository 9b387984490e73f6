//! Names of things and shadows: text that is checked once and cannot be wrong afterwards.
//!
//! Charset and lengths: AWS IoT API reference, `CreateThing` (`thingName`) and `GetThingShadow` (`shadowName`).
//! This module does not know who owns a name, nor whether a thing of that name exists.

use thiserror::Error;

use crate::limits::{SHADOW_NAME_BYTES_MAX, THING_NAME_BYTES_MAX};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a {kind} name: use 1 to {bytes_max} of letters, digits, `:`, `_` and `-`")]
pub struct NameError {
    kind: &'static str,
    text: String,
    bytes_max: usize,
}

/// Gives a newtype over `Arc<str>`, whose only fallible constructor is `parse(&str)`, the conversions of checked text.
macro_rules! checked_text {
    ($name:ident, $error:ty) => {
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0.as_ref().to_owned()
            }
        }
    };
}
pub(crate) use checked_text;

/// The name of a thing: 1 to 128 of `[a-zA-Z0-9:_-]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ThingName(std::sync::Arc<str>);

impl ThingName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, over 128 bytes, or has another character than AWS allows.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        checked("thing", text, THING_NAME_BYTES_MAX).map(Self)
    }
}
checked_text!(ThingName, NameError);

/// The name of a named shadow: 1 to 64 of `[a-zA-Z0-9:_-]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShadowName(std::sync::Arc<str>);

impl ShadowName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, over 64 bytes, or has another character than AWS allows.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        checked("shadow", text, SHADOW_NAME_BYTES_MAX).map(Self)
    }
}
checked_text!(ShadowName, NameError);

/// The rule that all names of the registry share; the two types differ in length only.
pub(crate) fn checked(kind: &'static str, text: &str, bytes_max: usize) -> Result<std::sync::Arc<str>, NameError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
    if text.is_empty() || text.len() > bytes_max || !text.bytes().all(allowed) {
        // The text may come from the wire: what is quoted is bounded.
        let text = text.chars().take(bytes_max).collect();
        return Err(NameError { kind, text, bytes_max });
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_plain() {
        for good in ["a", "kitchen-pi_1", "a:b", &"x".repeat(64)] {
            assert_eq!(ThingName::parse(good).unwrap().as_str(), good);
            assert_eq!(ShadowName::parse(good).unwrap().as_str(), good);
        }
        assert!(ThingName::parse(&"x".repeat(128)).is_ok());
        assert!(ShadowName::parse(&"x".repeat(65)).is_err());
        for bad in ["", "a b", "a/b", "+", "#", "ä", "a\n", "${x}", &"x".repeat(129)] {
            assert!(ThingName::parse(bad).is_err(), "{bad}");
            assert!(ShadowName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            ThingName::parse("a b").unwrap_err().to_string(),
            "`a b` is not a thing name: use 1 to 128 of letters, digits, `:`, `_` and `-`"
        );
    }

    #[test]
    fn a_wrong_name_cannot_come_in_through_serde() {
        assert!(serde_json::from_str::<ThingName>(r#""ok""#).is_ok());
        assert!(serde_json::from_str::<ThingName>(r#""not ok""#).is_err());
    }
}
