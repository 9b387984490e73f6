//! Backups: made where the hub keeps them, so that nobody can have a file written anywhere else.

use crate::{Shared, error::Answer, operations::BackupInfo};
use axum::{Extension, Json, extract::State};
use marvain_domain::policy::Operation;
use marvain_hub::people::Caller;

pub(crate) async fn create(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer<BackupInfo> {
    shared.hub.authorise(&caller, &Operation::Backup).await?;
    Ok(Json(shared.operations.backup(caller.now).await?))
}
