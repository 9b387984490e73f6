//! Saying something to the hub.

use crate::{Shared, error::Answer, extract::Body};
use axum::{Extension, Json, extract::State};
use marvain_domain::id::{EventId, SatelliteId};
use marvain_hub::people::{Caller, Speech};
use serde::{Deserialize, Serialize};

/// Something to say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utterance {
    /// Through which satellite: where the answer goes.
    pub satellite: SatelliteId,
    /// The words.
    pub text: String,
}

/// That it was heard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// The event it became; in privacy mode there will never be one.
    pub event: EventId,
}

pub(crate) async fn speak(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(Utterance { satellite, text }): Body<Utterance>,
) -> Answer<Heard> {
    Ok(Json(Heard { event: shared.hub.speak(&caller, &Speech { satellite, text }).await? }))
}
