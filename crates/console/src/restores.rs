//! Restores: a backup takes the place of the running hub's data, and the hub starts anew.

use crate::{
    Shared,
    error::{Answer, ApiError},
    extract::Body,
    operations::RestoreInfo,
};
use axum::{Extension, Json, extract::State};
use marvain_domain::policy::Operation;
use marvain_hub::people::Caller;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which backup to restore.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRestore {
    /// Its absolute path on the hub's machine.
    pub path: PathBuf,
}

pub(crate) async fn create(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(NewRestore { path }): Body<NewRestore>,
) -> Answer<RestoreInfo> {
    shared.hub.authorise(&caller, &Operation::Backup).await?;
    if !path.is_absolute() {
        return Err(ApiError::invalid("`path` must be absolute"));
    }
    Ok(Json(shared.operations.restore(&path, &caller.person.id, caller.now).await?))
}
