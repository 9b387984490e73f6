//! Spaces and their privacy mode.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named, Params},
    page::{List, PageParams, page},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    id::{LocationId, SpaceId},
    identity::Space,
};
use marvain_hub::people::Caller;
use serde::{Deserialize, Serialize};

/// A space to be added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSpace {
    /// Its name.
    pub id: SpaceId,
    /// The site it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
}

/// Privacy mode, on or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyMode {
    /// On?
    pub on: bool,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Answer<List<Space>> {
    let all = shared.hub.spaces(&caller).await?;
    Ok(Json(page(all, &params, |space: &Space| space.id.as_str())?))
}

pub(crate) async fn add(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(NewSpace { id, location }): Body<NewSpace>,
) -> Answer<Space> {
    Ok(Json(shared.hub.add_space(&caller, &id, location.as_ref()).await?))
}

pub(crate) async fn set_privacy(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<SpaceId>,
    Body(PrivacyMode { on }): Body<PrivacyMode>,
) -> Answer<Space> {
    Ok(Json(shared.hub.set_privacy(&caller, &id, on).await?))
}
