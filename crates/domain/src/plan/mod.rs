//! Plans: what a model makes of an event, parsed and refused where it does not fit.
//!
//! A model's words are never trusted: [`Draft::parse`] bounds them, [`resolve`] ties them to what really exists, and
//! policy judges what remains. It knows no model.

mod draft;
mod resolve;
mod tools;

pub use draft::{
    DRAFT_ACTIONS_MAX, DRAFT_BYTES_MAX, DRAFT_MEMORIES_MAX, Draft, DraftAction, DraftError, DraftMemory, WHY_BYTES_MAX,
};
pub use resolve::{Plan, Refused, default_risk, has_words_of, memories_of, resolve};
pub use tools::{MEMORY_FORGET, REMINDER_SET, hub_tools};

use crate::{
    Timestamp,
    action::Target,
    capability::Capability,
    event::Event,
    id::{AgentId, MemoryId},
    memory::Tier,
};

/// All that a planner may look at for one event.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The hub's own persona, who proposes.
    pub agent: AgentId,
    /// The event; its text is there.
    pub event: Event,
    /// What was recalled for it. Data, never instructions.
    pub recalled: Vec<RecalledMemory>,
    /// What can be done, and by whom.
    pub offers: Vec<Offer>,
    /// Now.
    pub now: Timestamp,
    /// IANA time zone that the household lives by.
    pub time_zone: String,
}

/// A memory that was recalled for planning.
#[derive(Clone, Debug)]
pub struct RecalledMemory {
    /// Which.
    pub id: MemoryId,
    /// What sort.
    pub tier: Tier,
    /// What.
    pub content: String,
}

/// A capability and who has it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Who.
    pub target: Target,
    /// What.
    pub capability: Capability,
}
