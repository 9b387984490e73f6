//! The real telemetry, away at times.

use super::simulated;
use crate::shared::Shared;
use async_trait::async_trait;
use marvain_domain::Timestamp;
use marvain_hub::port::{Point, Sample, SeriesQuery, Telemetry, TelemetryError};
use marvain_local::SqliteTelemetry;

pub(crate) struct SimTelemetry {
    pub(crate) inner: SqliteTelemetry,
    pub(crate) shared: Shared,
}

impl SimTelemetry {
    async fn reach(&self) -> Result<(), TelemetryError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.telemetry_down) {
            return Err(TelemetryError::Unavailable(simulated("away")));
        }
        Ok(())
    }
}

#[async_trait]
impl Telemetry for SimTelemetry {
    async fn append(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        self.reach().await?;
        self.inner.append(samples).await?;
        self.shared.boundary().await;
        Ok(())
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Point>, TelemetryError> {
        self.reach().await?;
        self.inner.series(query).await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        self.reach().await?;
        self.inner.purge(now).await
    }
}
