//! Reminders that have not gone off.

use crate::{
    Shared,
    error::Answer,
    extract::{Named, Params},
    page::{LIMIT_MAX, List, PageParams, limit},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{id::ReminderId, reminder::Reminder};
use marvain_hub::people::{Caller, ReminderQuery};
use serde::{Deserialize, Serialize};

/// A reminder that was called off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Canceled {
    /// Which.
    pub reminder: ReminderId,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Answer<List<Reminder>> {
    let query = ReminderQuery { limit: limit(params.limit, LIMIT_MAX)?, after: params.after };
    let (items, next) = shared.hub.reminders(&caller, &query).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn cancel(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(reminder): Named<ReminderId>,
) -> Answer<Canceled> {
    shared.hub.cancel_reminder(&caller, &reminder).await?;
    Ok(Json(Canceled { reminder }))
}
