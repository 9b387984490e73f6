//! `telemetry`: the newest value of each reading.

use super::{sender, topic_of};
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{LatestReading, reading_key},
    hub::Hub,
    port::Delivery,
};
use marvain_domain::{Timestamp, event::check_time};
use marvain_topics::{Topic, wire::TelemetryPayload};

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let Topic::Telemetry { thing } = topic_of(delivery)? else {
        return Err(StepError::reject("not a telemetry topic"));
    };
    sender(hub, delivery, &thing).await?;
    let payload = TelemetryPayload::parse(&delivery.body).map_err(StepError::reject)?;
    check_time(payload.at, now).map_err(StepError::reject)?;
    let mut changes = Changes::default();
    let mut names = std::collections::BTreeSet::new();
    for reading in payload.readings.into_iter().rev() {
        if !names.insert(reading.name.clone()) {
            continue;
        }
        let old = hub.load::<LatestReading>(&reading_key(&thing, &reading.name)).await?;
        if old.as_ref().is_some_and(|old| old.value.at >= payload.at) {
            continue;
        }
        let newest = LatestReading {
            satellite: thing.clone(),
            name: reading.name,
            value: reading.value,
            unit: reading.unit,
            at: payload.at,
        };
        changes.upsert(old.as_ref(), &newest)?;
    }
    Ok(changes)
}
