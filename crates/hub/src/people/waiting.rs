//! How much waits for people.

use super::{ActionQuery, Caller, MemoryQuery, RequestError};
use crate::hub::Hub;
use marvain_domain::{action::ActionState, memory::MemoryState};

/// So many are counted of each; there may be more.
pub const WAITING_MAX: usize = 200;
/// Most pages that are counted.
const PAGES_COUNTED_MAX: usize = 10;

/// How much waits for people, each at most [`WAITING_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Actions that wait for approval.
    pub to_approve: usize,
    /// Memories that wait for review, as far as the caller may review them.
    pub to_review: usize,
}

impl Hub {
    /// Counts what waits for people.
    pub async fn waiting(&self, caller: &Caller) -> Result<Waiting, RequestError> {
        let mut waiting = Waiting { to_approve: 0, to_review: 0 };
        let state = Some(ActionState::AwaitingApproval);
        let mut query = ActionQuery { state, limit: WAITING_MAX, after: None };
        for _ in 0..PAGES_COUNTED_MAX {
            let (actions, next) = self.actions(caller, &query).await?;
            waiting.to_approve = WAITING_MAX.min(waiting.to_approve + actions.len());
            query.after = next;
            if query.after.is_none() || actions.is_empty() || waiting.to_approve == WAITING_MAX {
                break;
            }
        }
        let mut query = MemoryQuery { state: MemoryState::Candidate, limit: WAITING_MAX, after: None };
        for _ in 0..PAGES_COUNTED_MAX {
            let (memories, next) = self.memories(caller, &query).await?;
            waiting.to_review = WAITING_MAX.min(waiting.to_review + memories.len());
            query.after = next;
            if query.after.is_none() || memories.is_empty() || waiting.to_review == WAITING_MAX {
                break;
            }
        }
        Ok(waiting)
    }
}
