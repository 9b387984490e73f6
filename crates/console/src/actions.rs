//! Actions: looking, proposing, approving, turning down, calling off.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named, Params},
    page::{LIMIT_MAX, List, limit},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    action::{Action, ActionState, ArgsHash, Invocation},
    capability::CapabilityName,
    id::ActionId,
};
use marvain_hub::people::{ActionQuery, Caller, Proposal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use marvain_domain::action::Target;

/// Which actions.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionParams {
    /// Only in this state: then a page may be short and still go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ActionState>,
    /// At most so many, 1 to [`LIMIT_MAX`], newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// An action to be proposed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAction {
    /// By whom it is to be done: `{"satellite": "kitchen"}` or `"hub"`.
    pub target: Target,
    /// With which capability.
    pub capability: CapabilityName,
    /// With which arguments.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// How long its command may wait for the satellite, in seconds; the longest if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
}

/// An approval: of exactly what the hash was made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The action's `args_hash`, as it was shown.
    pub args_hash: ArgsHash,
}

/// A rejection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Why.
    #[serde(default)]
    pub reason: String,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<ActionParams>,
) -> Answer<List<Action>> {
    let query = ActionQuery { state: params.state, limit: limit(params.limit, LIMIT_MAX)?, after: params.after };
    let (items, next) = shared.hub.actions(&caller, &query).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<ActionId>,
) -> Answer<Action> {
    Ok(Json(shared.hub.action(&caller, &id).await?))
}

pub(crate) async fn propose(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(NewAction { target, capability, args, why, ttl_s }): Body<NewAction>,
) -> Answer<Action> {
    let proposal = Proposal { invocation: Invocation { target, capability, args }, why, ttl_s };
    Ok(Json(shared.hub.propose(&caller, &proposal).await?))
}

pub(crate) async fn approve(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<ActionId>,
    Body(Approval { args_hash }): Body<Approval>,
) -> Answer<Action> {
    Ok(Json(shared.hub.approve(&caller, &id, &args_hash).await?))
}

pub(crate) async fn reject(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<ActionId>,
    Body(Rejection { reason }): Body<Rejection>,
) -> Answer<Action> {
    Ok(Json(shared.hub.reject(&caller, &id, &reason).await?))
}

pub(crate) async fn cancel(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<ActionId>,
) -> Answer<Action> {
    Ok(Json(shared.hub.cancel(&caller, &id).await?))
}
