//! Memory: candidate → committed → edited | superseded | tombstoned, always with evidence.
//!
//! It decides what a memory may become; whether somebody may ask for it is policy, and how it is found is recall.

mod change;

pub use change::{MemoryChange, MemoryError, change};

use crate::{
    Timestamp,
    id::{EventId, MemoryId, PersonId, SatelliteId, SessionId, SpaceId},
    principal::Principal,
};
use serde::{Deserialize, Serialize};

/// Longest content of a memory, in bytes.
pub const MEMORY_BYTES_MAX: usize = 4096;
/// Longest excerpt of an event kept as evidence, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 512;
/// Most edits that a memory keeps; older ones are forgotten first.
pub const MEMORY_EDITS_MAX: usize = 16;

/// What sort of thing is remembered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Something that happened.
    Episodic,
    /// A fact.
    Semantic,
    /// How something is done.
    Procedural,
    /// What somebody likes.
    Preference,
    /// How people stand to each other.
    Relationship,
    /// About a place.
    Location,
    /// About a device.
    Device,
    /// A rule of the house.
    Policy,
}

impl Tier {
    /// All tiers.
    pub const ALL: [Self; 8] = [
        Self::Episodic,
        Self::Semantic,
        Self::Procedural,
        Self::Preference,
        Self::Relationship,
        Self::Location,
        Self::Device,
        Self::Policy,
    ];

    /// Name as written in commands and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Episodic => "episodic",
            Self::Semantic => "semantic",
            Self::Procedural => "procedural",
            Self::Preference => "preference",
            Self::Relationship => "relationship",
            Self::Location => "location",
            Self::Device => "device",
            Self::Policy => "policy",
        }
    }
}

/// Where a memory is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryState {
    /// Proposed; not recalled.
    Candidate,
    /// Turned down; not recalled.
    Rejected,
    /// Accepted; recalled.
    Committed,
    /// Accepted and since changed; recalled.
    Edited,
    /// Replaced by another; not recalled.
    Superseded,
    /// Forgotten; its content is gone.
    Tombstoned,
}

impl MemoryState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Candidate, Self::Rejected, Self::Committed, Self::Edited, Self::Superseded, Self::Tombstoned];

    /// Name as written in commands and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Rejected => "rejected",
            Self::Committed => "committed",
            Self::Edited => "edited",
            Self::Superseded => "superseded",
            Self::Tombstoned => "tombstoned",
        }
    }

    /// May it be recalled?
    pub const fn is_recallable(self) -> bool {
        matches!(self, Self::Committed | Self::Edited)
    }
}

/// What a memory rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The event.
    pub event: EventId,
    /// Who noticed it.
    pub satellite: SatelliteId,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// In which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whose words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// When.
    pub at: Timestamp,
    /// The words themselves, cut to [`EXCERPT_BYTES_MAX`]; empty once forgotten.
    pub excerpt: String,
}

/// One earlier content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edit {
    /// When it was replaced.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// What it was.
    pub before: String,
}

/// Something remembered, or proposed to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Id, derived from its evidence and its place in the plan.
    pub id: MemoryId,
    /// What sort.
    pub tier: Tier,
    /// What; empty once forgotten.
    pub content: String,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<PersonId>,
    /// Where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Where it is in its life.
    pub state: MemoryState,
    /// What it rests on; never empty.
    pub evidence: Vec<Evidence>,
    /// How sure its proposer is, 0 to 1.
    pub confidence: f32,
    /// Who proposed it: an agent, with the model that it used, or a person.
    pub proposed_by: Principal,
    /// The model that worded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Who last changed it.
    pub changed_by: Principal,
    /// The one that replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<MemoryId>,
    /// The one that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<MemoryId>,
    /// Earlier contents, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
}
