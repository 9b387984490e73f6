//! `telemetry`: every reading into the history, the newest value of each beside the satellite.

use super::{sender, topic_of};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{LatestReading, READING_TTL_S, Readings, readings_key},
    hub::Hub,
    port::{Delivery, Sample, VALUE_MAX},
};
use marvain_domain::{Timestamp, event::check_time, id::SatelliteId};
use marvain_topics::{Topic, wire::TelemetryPayload};
use std::{cmp::Reverse, collections::BTreeMap};

/// Most readings that are kept of one satellite: those measured last.
const READING_NAMES_MAX: usize = 64;

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let Topic::Telemetry { thing } = topic_of(delivery)? else {
        return Err(StepError::reject("not a telemetry topic"));
    };
    sender(hub, delivery, &thing).await?;
    let payload = TelemetryPayload::parse(&delivery.body).map_err(StepError::reject)?;
    check_time(payload.at, now).map_err(StepError::reject)?;
    // Before the commit, and repeated with it: the history takes a repetition without harm.
    hub.ports.telemetry.append(samples(&payload, &thing)).await?;
    let stored = hub.load::<Readings>(&readings_key(&thing)).await?;
    let known = stored.as_ref().map(|stored| stored.value.values.clone()).unwrap_or_default();
    let values = newest(known, payload, &thing, now);
    let mut changes = Changes::default();
    changes.upsert(stored.as_ref(), &Readings { satellite: thing, values })?;
    Ok(changes)
}

/// What is told, each name once: the last of a payload counts. A value that could not be summed up is left out.
fn samples(told: &TelemetryPayload, satellite: &SatelliteId) -> Vec<Sample> {
    let mut by_name = BTreeMap::new();
    for reading in &told.readings {
        if reading.value.abs() > VALUE_MAX {
            tracing::warn!(%satellite, "a reading is too large for the history");
            continue;
        }
        let (name, unit) = (reading.name.clone(), reading.unit.clone());
        let sample = Sample { satellite: satellite.clone(), name, at: told.at, value: reading.value, unit };
        by_name.insert(reading.name.as_str(), sample);
    }
    by_name.into_values().collect()
}

/// What is known with what is told: by name the newest, of one payload the last, and nothing that is older than
/// [`READING_TTL_S`].
fn newest(
    known: Vec<LatestReading>,
    told: TelemetryPayload,
    satellite: &SatelliteId,
    now: Timestamp,
) -> Vec<LatestReading> {
    let mut by_name: BTreeMap<String, LatestReading> =
        known.into_iter().map(|reading| (reading.name.clone(), reading)).collect();
    for reading in told.readings {
        if by_name.get(&reading.name).is_none_or(|known| known.at <= told.at) {
            let newest = LatestReading {
                satellite: satellite.clone(),
                name: reading.name.clone(),
                value: reading.value,
                unit: reading.unit,
                at: told.at,
            };
            by_name.insert(reading.name, newest);
        }
    }
    let mut values: Vec<_> = by_name.into_values().filter(|reading| reading.at.plus_s(READING_TTL_S) > now).collect();
    if values.len() > READING_NAMES_MAX {
        tracing::warn!(%satellite, limit = READING_NAMES_MAX, "the oldest readings make room for newer ones");
        values.sort_by_key(|reading| Reverse(reading.at));
        values.truncate(READING_NAMES_MAX);
        values.sort_by(|a, b| a.name.cmp(&b.name));
    }
    values
}
