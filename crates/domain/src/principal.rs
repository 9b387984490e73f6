//! Who does something: a person, a satellite, an agent, or the hub itself.
//!
//! A principal is made from an authenticated credential (a certificate, a person's token), never from a payload.

use crate::id::{AgentId, IdError, PersonId, SatelliteId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Whoever acts. Written `person:anna`, `satellite:kitchen`, `agent:marvain` or `system`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Principal {
    /// A person with a credential of their own.
    Person(PersonId),
    /// A satellite, by its certificate.
    Satellite(SatelliteId),
    /// An agent: the hub's own persona, or one that it manages.
    Agent(AgentId),
    /// The hub's own upkeep: time-outs, expiry, sealing.
    System,
}

/// Why a text names no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// No `kind:name` with a known kind.
    #[error("`{0}` is no principal: use `person:NAME`, `satellite:NAME`, `agent:NAME` or `system`")]
    Kind(String),
    /// The name behind the kind is none.
    #[error(transparent)]
    Name(#[from] IdError),
}

impl Principal {
    /// The person, if it is one.
    pub fn person(&self) -> Option<&PersonId> {
        if let Self::Person(id) = self { Some(id) } else { None }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Satellite(id) => write!(f, "satellite:{id}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("person", name)) => Ok(Self::Person(name.parse()?)),
            Some(("satellite", name)) => Ok(Self::Satellite(name.parse()?)),
            Some(("agent", name)) => Ok(Self::Agent(name.parse()?)),
            None if text == "system" => Ok(Self::System),
            _ => Err(PrincipalError::Kind(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_principal_reads_back_and_nothing_else_does() {
        for text in ["person:anna", "satellite:kitchen", "agent:marvain", "system"] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        for bad in ["", "anna", "person:", "person:a b", "root:anna", "system:x"] {
            assert!(bad.parse::<Principal>().is_err(), "{bad}");
        }
    }
}
