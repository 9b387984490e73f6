//! Names and ids.
//!
//! Two kinds: **names** are chosen by people (`kitchen`, `anna`) and are what certificates, topics and commands show;
//! **ids** derive from their cause, so that a replayed delivery arrives at the very same ids as its first run.
//! Nothing here draws a random number.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr, sync::Arc};

/// Longest name in bytes. A thing name may have 128 (AWS IoT, "Managing things"); half of that leaves room in topics.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is no name or id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a name: wrong length or alphabet.
    #[error(
        "`{text}` is no {what} name: use 1 to {NAME_BYTES_MAX} of a-z, A-Z, 0-9, `_` and `-`, beginning with a letter or digit"
    )]
    Name {
        /// What it should have named.
        what: &'static str,
        /// The text, cut to 80 characters.
        text: String,
    },
    /// Not an id of this kind.
    #[error("`{text}` is no {what} id: it should look like `{prefix}_` and 26 characters of 0-9 and a-v")]
    Id {
        /// What it should have identified.
        what: &'static str,
        /// The prefix of such ids.
        prefix: &'static str,
        /// The text, cut to 80 characters.
        text: String,
    },
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= NAME_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const ID_DIGITS: usize = 26;

fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == ID_DIGITS && rest.bytes().all(|b| DIGITS.contains(&b)))
}

/// The id that follows from `parts`: 128 bits of SHA-256 over the prefix and the length-prefixed parts.
fn derive(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(&prefix).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut bits = digest.iter().take(16).fold(0_u128, |acc, byte| (acc << 8) | u128::from(*byte));
    let mut digits = [b'0'; ID_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((bits & 31) as usize).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    format!("{prefix}_{}", String::from_utf8_lossy(&digits))
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);
        text_type!($name);
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(IdError::Name { what: $what, text: shown(text) }) }
            }
        }
    };
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);
        text_type!($name);
        impl $name {
            /// The id that follows from this cause: equal parts give equal ids.
            pub fn derive(parts: &[&str]) -> Self {
                Self(derive($prefix, parts).into())
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_id($prefix, text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::Id { what: $what, prefix: $prefix, text: shown(text) })
                }
            }
        }
    };
}

name_type!(
    /// A satellite's name: its thing name, its MQTT client id and its topic segment.
    SatelliteId, "satellite");
name_type!(
    /// A space's name: a room or another place of conversation.
    SpaceId, "space");
name_type!(
    /// A location's name: the site that spaces lie in.
    LocationId, "location");
name_type!(
    /// A person's name in commands and policies.
    PersonId, "person");
name_type!(
    /// A person's account with the deployment's identity provider: on AWS the `sub` of the Cognito user, a UUID.
    AccountId, "account");
name_type!(
    /// An agent's name; the hub's own persona is one.
    AgentId, "agent");
name_type!(
    /// The name of a device that a person is notified on; theirs alone.
    DeviceName, "device");

id_type!(
    /// An event that the hub recorded.
    EventId, "evt", "event");
id_type!(
    /// A memory, from candidate to tombstone.
    MemoryId, "mem", "memory");
id_type!(
    /// An action, from proposal to result. Also the id of its command on the satellite.
    ActionId, "act", "action");
id_type!(
    /// A reminder.
    ReminderId, "rem", "reminder");
id_type!(
    /// A stretch of conversation in one space.
    SessionId, "ses", "session");
id_type!(
    /// One delivery to the hub; whoever repeats it repeats this id, and it takes effect once.
    DeliveryId, "dlv", "delivery");
id_type!(
    /// One effect that a commit asks for.
    OutboxId, "out", "outbox");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_parsed_once_and_cannot_be_wrong() {
        for good in ["kitchen", "Pi-4_b", "0"] {
            assert_eq!(good.parse::<SatelliteId>().unwrap().as_str(), good);
        }
        for bad in ["", "-x", "_x", "a b", "a/b", "a+b", "#", "ü", &"x".repeat(65)] {
            assert!(bad.parse::<SatelliteId>().is_err(), "{bad}");
        }
        let id = EventId::derive(&["kitchen", "1"]);
        assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        assert!(id.as_str().parse::<ActionId>().is_err());
    }

    #[test]
    fn derivation_is_stable_and_keeps_parts_apart() {
        assert_eq!(EventId::derive(&["a", "b"]).as_str(), "evt_57aj2j2jqukp7jq1ssemdd2cue");
        assert_ne!(EventId::derive(&["a", "b"]), EventId::derive(&["ab"]));
        assert_ne!(EventId::derive(&["a", "b"]).as_str()[4..], MemoryId::derive(&["a", "b"]).as_str()[4..]);
    }
}
