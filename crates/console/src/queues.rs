//! Queues and their dead letters.

use crate::{
    Shared,
    error::{Answer, ApiError},
    extract::{Body, Named, Params},
    operations::{DeadLetter, QueueInfo},
    page::{LIMIT_MAX, List, PageParams, limit},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::policy::Operation;
use marvain_hub::people::Caller;
use serde::{Deserialize, Serialize};

/// Which dead letters to redrive.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    /// Their ids, at most [`LIMIT_MAX`]; all of the queue if none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

/// How many were put back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Redriven {
    /// So many.
    pub redriven: u64,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Answer<List<QueueInfo>> {
    shared.hub.authorise(&caller, &Operation::ManageQueues).await?;
    Ok(Json(List { items: shared.operations.queues().await?, next: None }))
}

pub(crate) async fn dead_letters(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(name): Named<String>,
    Params(params): Params<PageParams>,
) -> Answer<List<DeadLetter>> {
    shared.hub.authorise(&caller, &Operation::ManageQueues).await?;
    let limit = limit(params.limit, LIMIT_MAX)?;
    let (items, next) = shared.operations.dead_letters(&name, limit, params.after.as_deref()).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn redrive(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(name): Named<String>,
    Body(Redrive { ids }): Body<Redrive>,
) -> Answer<Redriven> {
    shared.hub.authorise(&caller, &Operation::ManageQueues).await?;
    if ids.len() > LIMIT_MAX {
        return Err(ApiError::invalid(format!("`ids` must have at most {LIMIT_MAX}")));
    }
    Ok(Json(Redriven { redriven: shared.operations.redrive(&name, &ids).await? }))
}
