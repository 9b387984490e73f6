//! The shape that a planner's answer must have.

use crate::{
    action::{ARGS_BYTES_MAX, Target},
    capability::CapabilityName,
    id::PersonId,
    memory::{MEMORY_BYTES_MAX, Tier},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most memories one plan may propose.
pub const DRAFT_MEMORIES_MAX: usize = 8;
/// Most actions one plan may propose.
pub const DRAFT_ACTIONS_MAX: usize = 4;
/// Longest answer that is looked at, in bytes.
pub const DRAFT_BYTES_MAX: usize = 64 * 1024;
/// Longest reason of an action, in bytes.
pub const WHY_BYTES_MAX: usize = 400;

/// What a planner proposes for one event.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What to remember.
    pub memories: Vec<DraftMemory>,
    /// What to do.
    pub actions: Vec<DraftAction>,
}

/// A proposed memory. Its evidence is the event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftMemory {
    /// What sort.
    pub tier: Tier,
    /// What.
    pub content: String,
    /// Whom it is about, if the planner knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<PersonId>,
    /// How sure, 0 to 1.
    pub confidence: f32,
}

/// A proposed action.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftAction {
    /// By whom.
    pub target: Target,
    /// With what.
    pub capability: CapabilityName,
    /// How.
    pub args: Map<String, Value>,
    /// Why.
    pub why: String,
}

/// Why an answer is no draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Too long to look at.
    #[error("the plan has {0} bytes, more than {DRAFT_BYTES_MAX}")]
    TooLong(usize),
    /// Not JSON of this shape.
    #[error("the plan does not have the shape of one")]
    Shape(#[source] serde_json::Error),
    /// A field is out of bounds.
    #[error("`{field}` must be {expected}")]
    Field {
        /// Which.
        field: String,
        /// What it may be.
        expected: String,
    },
}

impl Draft {
    /// Parses and bounds a planner's answer.
    pub fn parse(json: &str) -> Result<Self, DraftError> {
        if json.len() > DRAFT_BYTES_MAX {
            return Err(DraftError::TooLong(json.len()));
        }
        let draft: Self = serde_json::from_str(json).map_err(DraftError::Shape)?;
        draft.check()?;
        Ok(draft)
    }

    fn check(&self) -> Result<(), DraftError> {
        let unfit = |field: String, expected: String| Err(DraftError::Field { field, expected });
        if self.memories.len() > DRAFT_MEMORIES_MAX {
            return unfit("memories".into(), format!("at most {DRAFT_MEMORIES_MAX}"));
        }
        if self.actions.len() > DRAFT_ACTIONS_MAX {
            return unfit("actions".into(), format!("at most {DRAFT_ACTIONS_MAX}"));
        }
        for (i, memory) in self.memories.iter().enumerate() {
            if memory.content.trim().is_empty() || memory.content.len() > MEMORY_BYTES_MAX {
                return unfit(format!("memories[{i}].content"), format!("1 to {MEMORY_BYTES_MAX} bytes"));
            }
            if !(0.0..=1.0).contains(&memory.confidence) {
                return unfit(format!("memories[{i}].confidence"), "from 0 to 1".into());
            }
        }
        for (i, action) in self.actions.iter().enumerate() {
            if action.why.len() > WHY_BYTES_MAX {
                return unfit(format!("actions[{i}].why"), format!("at most {WHY_BYTES_MAX} bytes"));
            }
            if serde_json::to_string(&action.args).map_or(usize::MAX, |json| json.len()) > ARGS_BYTES_MAX {
                return unfit(format!("actions[{i}].args"), format!("at most {ARGS_BYTES_MAX} bytes of JSON"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bounded_drafts_of_the_right_shape_pass() {
        let good = r#"{"memories":[{"tier":"semantic","content":"x","confidence":0.5}],
            "actions":[{"target":{"satellite":"den"},"capability":"lamp","args":{"state":"on"},"why":"asked"}]}"#;
        assert_eq!(Draft::parse(good).unwrap().actions.len(), 1);
        for bad in [
            "",
            "sure, here is the plan",
            r#"{"memories":[]}"#,
            r#"{"memories":[],"actions":[],"auto_approve":true}"#,
            r#"{"memories":[{"tier":"secret","content":"x","confidence":0.5}],"actions":[]}"#,
            r#"{"memories":[{"tier":"semantic","content":"","confidence":0.5}],"actions":[]}"#,
            r#"{"memories":[{"tier":"semantic","content":"x","confidence":7}],"actions":[]}"#,
            r#"{"memories":[],"actions":[{"target":"hub","capability":"RM -rf","args":{},"why":""}]}"#,
        ] {
            assert!(Draft::parse(bad).is_err(), "{bad}");
        }
        let long = format!(
            r#"{{"memories":[],"actions":[{{"target":"hub","capability":"x","args":{{"a":"{}"}},"why":""}}]}}"#,
            "y".repeat(700)
        );
        assert!(matches!(Draft::parse(&long), Err(DraftError::Field { .. })));
    }
}
