//! What a satellite has measured over time.

use crate::{
    Shared,
    error::Answer,
    extract::{Named, Params},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{Timestamp, id::SatelliteId};
use marvain_hub::{
    people::{Caller, ReadingQuery},
    port::Point,
};
use serde::{Deserialize, Serialize};

/// Points if nothing is said.
pub const POINTS_DEFAULT: usize = 500;
/// How far back a series begins if nothing is said, in seconds.
pub const SPAN_S_DEFAULT: u64 = 24 * 3600;

/// Which readings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesParams {
    /// What was measured.
    pub name: String,
    /// From this instant on; [`SPAN_S_DEFAULT`] before `to` if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before this one; now if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Sums up so many seconds to a point; the values themselves if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_s: Option<u64>,
    /// At most so many points, the earliest; [`POINTS_DEFAULT`] if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A series of points, the earliest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// Whose.
    pub satellite: SatelliteId,
    /// What was measured.
    pub name: String,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this one.
    pub to: Timestamp,
    /// Seconds of a point; none for values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_s: Option<u64>,
    /// The points.
    pub points: Vec<Point>,
    /// What to pass as `from` to go on; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

pub(crate) async fn series(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(satellite): Named<SatelliteId>,
    Params(params): Params<SeriesParams>,
) -> Answer<Series> {
    let SeriesParams { name, from, to, step_s, limit } = params;
    // What was measured in this very millisecond is part of what there is now.
    let to = to.unwrap_or_else(|| caller.now.plus_ms(1));
    let from = from.unwrap_or_else(|| Timestamp::from_ms(to.as_ms().saturating_sub(SPAN_S_DEFAULT * 1000)));
    let limit = limit.unwrap_or(POINTS_DEFAULT);
    let query = ReadingQuery { name: name.clone(), from, to, step_s, limit };
    let points = shared.hub.readings(&caller, &satellite, &query).await?;
    let behind = |at: Timestamp| step_s.map_or_else(|| at.plus_ms(1), |step| at.plus_s(step));
    let last = points.last().filter(|_| points.len() == limit).map(|last| behind(last.at));
    let next = last.filter(|next| *next < to);
    Ok(Json(Series { satellite, name, from, to, step_s, points, next }))
}
