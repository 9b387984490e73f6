//! Memories: looking, reviewing, editing, forgetting, recalling.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named, Params},
    page::{LIMIT_MAX, List, limit},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    id::MemoryId,
    memory::{Memory, MemoryChange, MemoryState, Tier},
    recall::Recalled,
};
use marvain_hub::{
    RECALL_RESULTS_MAX,
    people::{Caller, MemoryQuery, RecallRequest},
};
use serde::{Deserialize, Serialize};

/// Results of a recall if nothing is said.
pub const RECALL_LIMIT_DEFAULT: usize = 10;

/// Which memories.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryParams {
    /// In this state.
    pub state: MemoryState,
    /// At most so many, 1 to [`LIMIT_MAX`], newest change first. What is not for the caller is left out: a page may be
    /// short and still go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What is asked of a memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Accept a candidate.
    Commit {},
    /// Turn a candidate down.
    Reject {},
    /// Give it other words.
    Edit {
        /// The words.
        content: String,
    },
    /// Put another in its place.
    Supersede {
        /// The one that takes over.
        by: MemoryId,
    },
    /// Forget it for good.
    Forget {},
}

impl From<Change> for MemoryChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Commit {} => Self::Commit,
            Change::Reject {} => Self::Reject,
            Change::Edit { content } => Self::Edit { content },
            Change::Supersede { by } => Self::Supersede { by },
            Change::Forget {} => Self::Forget,
        }
    }
}

/// What to recall.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// In words.
    pub text: String,
    /// Only these sorts; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// At most so many; [`RECALL_LIMIT_DEFAULT`] if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<MemoryParams>,
) -> Answer<List<Memory>> {
    let query = MemoryQuery { state: params.state, limit: limit(params.limit, LIMIT_MAX)?, after: params.after };
    let (items, next) = shared.hub.memories(&caller, &query).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<MemoryId>,
) -> Answer<Memory> {
    Ok(Json(shared.hub.memory(&caller, &id).await?))
}

pub(crate) async fn change(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<MemoryId>,
    Body(change): Body<Change>,
) -> Answer<Memory> {
    Ok(Json(shared.hub.change_memory(&caller, &id, &change.into()).await?))
}

pub(crate) async fn recall(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(question): Body<Question>,
) -> Answer<List<Recalled>> {
    let limit = limit(Some(question.limit.unwrap_or(RECALL_LIMIT_DEFAULT)), RECALL_RESULTS_MAX)?;
    let request = RecallRequest { text: question.text, tiers: question.tiers, limit };
    Ok(Json(List { items: shared.hub.recall(&caller, &request).await?, next: None }))
}
