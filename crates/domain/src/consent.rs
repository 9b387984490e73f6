//! Consent: what a person lets the hub do with what is theirs.
//!
//! Enforced where data is used, not where it is stored; [`Consent::is_active`] is the only question, and no record means no.

use crate::{Timestamp, id::PersonId, principal::Principal};
use serde::{Deserialize, Serialize};

/// What is consented to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Matching a voice.
    Voice,
    /// Matching a face.
    Face,
    /// Keeping recordings.
    Recording,
    /// Remembering what they say or what is said of them.
    Memory,
    /// Telling others what is remembered of them.
    Disclosure,
}

impl ConsentKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Voice, Self::Face, Self::Recording, Self::Memory, Self::Disclosure];

    /// Name as written in commands, records and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Face => "face",
            Self::Recording => "recording",
            Self::Memory => "memory",
            Self::Disclosure => "disclosure",
        }
    }
}

/// One person's consent to one kind of use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Consent {
    /// Whose.
    pub person: PersonId,
    /// To what.
    pub kind: ConsentKind,
    /// What for, in the person's words; at most 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Since when.
    pub granted_at: Timestamp,
    /// Who recorded it.
    pub granted_by: Principal,
    /// Until when; none for until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Consent {
    /// Does it hold at `now`? Not before it was granted, not from its expiry or revocation on.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now >= self.granted_at && self.expires_at.is_none_or(|at| now < at) && self.revoked_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_holds_from_grant_to_expiry_or_revocation() {
        let anna: PersonId = "anna".parse().unwrap();
        let at = Timestamp::from_ms;
        let mut consent = Consent {
            person: anna.clone(),
            kind: ConsentKind::Memory,
            purpose: String::new(),
            granted_at: at(10),
            granted_by: Principal::Person(anna),
            expires_at: Some(at(20)),
            revoked_at: None,
        };
        assert_eq!([9, 10, 19, 20].map(|ms| consent.is_active(at(ms))), [false, true, true, false]);
        consent.revoked_at = Some(at(15));
        assert_eq!([14, 15].map(|ms| consent.is_active(at(ms))), [true, false]);
    }
}
