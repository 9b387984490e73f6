//! The changes that a memory may go through, each guarded by its state.

use super::{Edit, Evidence, MEMORY_BYTES_MAX, MEMORY_EDITS_MAX, Memory, MemoryState};
use crate::{Timestamp, id::MemoryId, principal::Principal};

/// What is asked of a memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemoryChange {
    /// Accept a candidate.
    Commit,
    /// Turn a candidate down.
    Reject,
    /// Give an accepted memory, or a candidate, other words.
    Edit {
        /// The new content.
        content: String,
    },
    /// Put another in its place.
    Supersede {
        /// The one that takes over.
        by: MemoryId,
    },
    /// Forget: the content goes, the lineage stays.
    Forget,
}

/// Why a memory does not change so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The state does not allow it.
    #[error("memory `{id}` is {}: it cannot be {asked}", state.as_str())]
    State {
        /// Which.
        id: MemoryId,
        /// Where it is.
        state: MemoryState,
        /// What was asked, as a participle.
        asked: &'static str,
    },
    /// The content does not fit.
    #[error("`content` must have 1 to {MEMORY_BYTES_MAX} bytes, not {0}")]
    Content(usize),
    /// It would replace itself.
    #[error("memory `{0}` cannot supersede itself")]
    Itself(MemoryId),
}

/// Is this a content that a memory may have?
pub(crate) fn check_content(content: &str) -> Result<(), MemoryError> {
    if content.trim().is_empty() || content.len() > MEMORY_BYTES_MAX {
        return Err(MemoryError::Content(content.len()));
    }
    Ok(())
}

/// The memory after `change`, asked for by `by` at `now`.
pub fn change(memory: &Memory, change: &MemoryChange, by: &Principal, now: Timestamp) -> Result<Memory, MemoryError> {
    use MemoryState::{Candidate, Committed, Edited, Rejected, Superseded, Tombstoned};
    let mut next = Memory { changed_at: now, changed_by: by.clone(), ..memory.clone() };
    let refuse = |asked| Err(MemoryError::State { id: memory.id.clone(), state: memory.state, asked });
    match (change, memory.state) {
        (MemoryChange::Commit, Candidate) => next.state = Committed,
        (MemoryChange::Commit, _) => return refuse("committed"),
        (MemoryChange::Reject, Candidate) => next.state = Rejected,
        (MemoryChange::Reject, _) => return refuse("rejected"),
        (MemoryChange::Edit { content }, Candidate | Committed | Edited) => {
            check_content(content)?;
            let before = std::mem::replace(&mut next.content, content.clone());
            if next.edits.len() >= MEMORY_EDITS_MAX {
                next.edits.remove(0);
            }
            next.edits.push(Edit { at: now, by: by.clone(), before });
            if memory.state != Candidate {
                next.state = Edited;
            }
        }
        (MemoryChange::Edit { .. }, _) => return refuse("edited"),
        (MemoryChange::Supersede { by }, Committed | Edited) => {
            if *by == memory.id {
                return Err(MemoryError::Itself(by.clone()));
            }
            next.state = Superseded;
            next.superseded_by = Some(by.clone());
        }
        (MemoryChange::Supersede { .. }, _) => return refuse("superseded"),
        (MemoryChange::Forget, Candidate | Rejected | Committed | Edited | Superseded) => {
            next.state = Tombstoned;
            next.content = String::new();
            next.edits = Vec::new();
            next.evidence = memory.evidence.iter().map(|e| Evidence { excerpt: String::new(), ..e.clone() }).collect();
        }
        (MemoryChange::Forget, Tombstoned) => return refuse("forgotten again"),
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::EventId, memory::Tier};

    fn memory(state: MemoryState) -> Memory {
        Memory {
            id: MemoryId::derive(&["1"]),
            tier: Tier::Semantic,
            content: "tea is in the tin".into(),
            subject: None,
            space: None,
            state,
            evidence: vec![Evidence {
                event: EventId::derive(&["1"]),
                satellite: "den".parse().unwrap(),
                space: None,
                session: None,
                person: None,
                at: Timestamp::EPOCH,
                excerpt: "remember that tea is in the tin".into(),
            }],
            confidence: 1.0,
            proposed_by: Principal::System,
            model: None,
            created_at: Timestamp::EPOCH,
            changed_at: Timestamp::EPOCH,
            changed_by: Principal::System,
            superseded_by: None,
            supersedes: None,
            edits: Vec::new(),
        }
    }

    #[test]
    fn every_change_from_every_state() {
        let other = MemoryId::derive(&["2"]);
        let changes = [
            ("commit", MemoryChange::Commit),
            ("reject", MemoryChange::Reject),
            ("edit", MemoryChange::Edit { content: "x".into() }),
            ("supersede", MemoryChange::Supersede { by: other }),
            ("forget", MemoryChange::Forget),
        ];
        let mut table = String::new();
        for (name, asked) in &changes {
            for state in MemoryState::ALL {
                let to = change(&memory(state), asked, &Principal::System, Timestamp::EPOCH);
                let to = to.map_or("-", |m| m.state.as_str());
                table.push_str(&format!("{name} {}: {to}\n", state.as_str()));
            }
        }
        insta::assert_snapshot!(table, @r"
        commit candidate: committed
        commit rejected: -
        commit committed: -
        commit edited: -
        commit superseded: -
        commit tombstoned: -
        reject candidate: rejected
        reject rejected: -
        reject committed: -
        reject edited: -
        reject superseded: -
        reject tombstoned: -
        edit candidate: candidate
        edit rejected: -
        edit committed: edited
        edit edited: edited
        edit superseded: -
        edit tombstoned: -
        supersede candidate: -
        supersede rejected: -
        supersede committed: superseded
        supersede edited: superseded
        supersede superseded: -
        supersede tombstoned: -
        forget candidate: tombstoned
        forget rejected: tombstoned
        forget committed: tombstoned
        forget edited: tombstoned
        forget superseded: tombstoned
        forget tombstoned: -
        ");
    }

    #[test]
    fn forgetting_leaves_lineage_and_no_words() {
        let by = Principal::System;
        let edited = change(
            &memory(MemoryState::Committed),
            &MemoryChange::Edit { content: "in the jar".into() },
            &by,
            Timestamp::EPOCH,
        )
        .unwrap();
        assert_eq!(edited.edits.first().unwrap().before, "tea is in the tin");
        let gone = change(&edited, &MemoryChange::Forget, &by, Timestamp::EPOCH).unwrap();
        let json = serde_json::to_string(&gone).unwrap();
        assert!(!json.contains("tea") && !json.contains("jar"), "{json}");
        assert_eq!(gone.evidence.first().unwrap().event, EventId::derive(&["1"]));
    }

    #[test]
    fn edits_and_contents_are_bounded() {
        let by = Principal::System;
        let mut m = memory(MemoryState::Committed);
        for n in 0..40 {
            m = change(&m, &MemoryChange::Edit { content: n.to_string() }, &by, Timestamp::EPOCH).unwrap();
        }
        assert_eq!(m.edits.len(), MEMORY_EDITS_MAX);
        for bad in ["", " ", &"x".repeat(MEMORY_BYTES_MAX + 1)] {
            let asked = MemoryChange::Edit { content: bad.into() };
            assert!(matches!(change(&m, &asked, &by, Timestamp::EPOCH), Err(MemoryError::Content(_))));
        }
        let asked = MemoryChange::Supersede { by: m.id.clone() };
        assert!(matches!(change(&m, &asked, &by, Timestamp::EPOCH), Err(MemoryError::Itself(_))));
    }
}
