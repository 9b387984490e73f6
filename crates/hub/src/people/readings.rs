//! Looking at what a satellite has measured over time.

use super::{Caller, RequestError, found};
use crate::{
    hub::Hub,
    port::{POINTS_MAX, Point, STEP_S_MAX, SeriesQuery},
};
use marvain_domain::{Timestamp, id::SatelliteId, policy::Operation};

/// Longest name of a reading, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Which readings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadingQuery {
    /// What was measured.
    pub name: String,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this one.
    pub to: Timestamp,
    /// Sums up so many seconds to a point; none for the values themselves.
    pub step_s: Option<u64>,
    /// At most so many points, the earliest, 1 to [`POINTS_MAX`].
    pub limit: usize,
}

impl Hub {
    /// Readings of a satellite, the earliest first.
    pub async fn readings(
        &self,
        caller: &Caller,
        id: &SatelliteId,
        query: &ReadingQuery,
    ) -> Result<Vec<Point>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        found(self.satellite(id).await?, "satellite", id)?;
        let invalid = |what: String| Err(RequestError::Invalid(what));
        if !(1..=NAME_BYTES_MAX).contains(&query.name.len()) {
            return invalid(format!("`name` must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        if query.from >= query.to {
            return invalid("`from` must be before `to`".to_owned());
        }
        if query.step_s.is_some_and(|step| !(1..=STEP_S_MAX).contains(&step)) {
            return invalid(format!("`step_s` must be from 1 to {STEP_S_MAX}"));
        }
        if !(1..=POINTS_MAX).contains(&query.limit) {
            return invalid(format!("`limit` must be from 1 to {POINTS_MAX}"));
        }
        let ReadingQuery { name, from, to, step_s, limit } = query.clone();
        let query = SeriesQuery { satellite: id.clone(), name, from, to, step_s, limit };
        self.ports.telemetry.series(&query).await.map_err(|error| RequestError::Unavailable(Box::new(error)))
    }
}
