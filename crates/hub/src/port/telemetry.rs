//! Readings of satellites over time: values for a while, summaries by the hour for longer.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::{Timestamp, id::SatelliteId};
use serde::{Deserialize, Serialize};

/// How long values keep at least, in seconds; at most a month longer.
pub const VALUES_KEPT_S: u64 = 90 * 24 * 3600;
/// How long the summaries of what was kept keep, in seconds.
pub const SUMMARIES_KEPT_S: u64 = 3 * 365 * 24 * 3600;
/// Span of a summary, in milliseconds.
pub const SUMMARY_MS: u64 = 3600 * 1000;
/// Most points of a series.
pub const POINTS_MAX: usize = 2000;
/// Longest step of a series, in seconds.
pub const STEP_S_MAX: u64 = 366 * 24 * 3600;
/// Largest magnitude of a value that is kept: sums of such values stay numbers.
pub const VALUE_MAX: f64 = 1e100;

/// One measured value.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Whose.
    pub satellite: SatelliteId,
    /// What was measured, 1 to 64 bytes.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The value, at most [`VALUE_MAX`] either way.
    pub value: f64,
    /// Its unit, at most 16 bytes; empty for a plain number.
    pub unit: String,
}

/// What to look at.
#[derive(Clone, PartialEq, Debug)]
pub struct SeriesQuery {
    /// Whose.
    pub satellite: SatelliteId,
    /// What.
    pub name: String,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this one.
    pub to: Timestamp,
    /// Sums up so many seconds to a point, 1 to [`STEP_S_MAX`]; none for the values themselves. Steps begin at whole multiples
    /// since 1970, and those that `from` and `to` cut are taken whole.
    pub step_s: Option<u64>,
    /// At most so many points, the earliest, 1 to [`POINTS_MAX`].
    pub limit: usize,
}

impl SeriesQuery {
    /// The step in milliseconds, if there is one.
    pub fn step_ms(&self) -> Option<u64> {
        self.step_s.map(|step| step.clamp(1, STEP_S_MAX) * 1000)
    }

    /// The first millisecond that is looked at, and the first that is not any more.
    pub fn window_ms(&self) -> (u64, u64) {
        let (from, to) = (self.from.as_ms(), self.to.as_ms());
        match self.step_ms() {
            None => (from, to),
            Some(step) => (from - from % step, to.div_ceil(step) * step),
        }
    }

    /// Are summaries by the hour as good as values?
    pub fn takes_summaries(&self) -> bool {
        self.step_ms().is_some_and(|step| step % SUMMARY_MS == 0)
    }
}

/// A value, or the summary of a step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// When it was measured, or the step begins.
    pub at: Timestamp,
    /// How many values.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Their unit; one of them, if there are several.
    pub unit: String,
}

/// Why telemetry did not answer.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// It is not there, or refuses.
    #[error("telemetry cannot be reached or written now")]
    Unavailable(#[source] Cause),
    /// It was at rest and wakes up: it answers within a minute or so. Nothing was done.
    #[error("telemetry was at rest and wakes up")]
    Waking(#[source] Cause),
}

/// Readings over time.
#[async_trait]
pub trait Telemetry: Send + Sync {
    /// Keeps samples. One of the same satellite, name and time that is there already stays as it is; one older than what is kept
    /// is left out. Durable on return.
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError>;
    /// A series, the earliest point first. A step of whole hours is also answered from summaries, for as long as these are kept.
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError>;
    /// Sums up and drops what is older than is kept, a bounded part of it at a time; says how many rows are gone.
    async fn purge(&self, now: Timestamp) -> Result<u64, TelemetryError>;
}
