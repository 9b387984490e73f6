//! The way out: real queues and the simulated broker, behind calls that fail before or after the fact.

use super::simulated;
use crate::{broker::Broker, executor, options::Plant, shared::Shared};
use async_trait::async_trait;
use marvain_domain::id::SatelliteId;
use marvain_hub::port::{Bundle, Bus, BusError, Delivery, Fleet, FleetError};
use marvain_local::SqliteQueues;
use marvain_topics::ShadowName;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct SimBus {
    pub(crate) queues: Arc<SqliteQueues>,
    pub(crate) broker: Arc<Mutex<Broker>>,
    pub(crate) shared: Shared,
}

impl SimBus {
    async fn send<T>(&self, what: &str, work: impl Future<Output = Result<T, BusError>>) -> Result<(), BusError> {
        // Here a crash leaves the commit without its effects.
        self.shared.boundary().await;
        let failed = |why| BusError { what: what.to_owned(), source: simulated(why) };
        if self.shared.strikes(|weather| weather.bus_down) {
            self.shared.note(|| format!("bus: {what} refused"));
            return Err(failed("away"));
        }
        if self.shared.planted(Plant::BusDropsEffects, 100) {
            self.shared.note(|| format!("bus: {what} dropped"));
            return Ok(());
        }
        work.await?;
        self.shared.note(|| format!("bus: {what}"));
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.bus_lost) {
            return Err(failed("answer lost"));
        }
        Ok(())
    }
}

#[async_trait]
impl Bus for SimBus {
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError> {
        let queue = delivery.queue;
        let what = format!("{} to {}", delivery.id, queue.name());
        let failed = |source| BusError { what: what.clone(), source };
        let work = async {
            self.shared.lock().stirred.insert(queue);
            self.queues.enqueue(delivery, None).await.map_err(|e| failed(Box::new(e)))
        };
        self.send(&what, work).await
    }

    async fn shadow(&self, satellite: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), BusError> {
        let what = format!("shadow {} of {satellite} {desired}", name.as_str());
        let failed = |why: String| BusError { what: what.clone(), source: why.into() };
        let work = async { self.broker.lock().desire(satellite, name, desired).map_err(failed) };
        self.send(&what, work).await
    }

    async fn revoke(&self, certificate_id: &str) -> Result<(), BusError> {
        let work = async {
            self.broker.lock().revoke(certificate_id);
            Ok(())
        };
        self.send("a revocation", work).await
    }
}

/// Certificates that nobody can forge because there is nobody else.
pub(crate) struct SimFleet {
    pub(crate) broker: Arc<Mutex<Broker>>,
}

impl SimFleet {
    fn bundle(certificate_id: String) -> Bundle {
        Bundle {
            certificate_id,
            certificate_pem: String::new(),
            private_key_pem: String::new(),
            root_ca_pem: String::new(),
            endpoint: "hub".to_owned(),
            port: 8883,
        }
    }
}

#[async_trait]
impl Fleet for SimFleet {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        Err(FleetError { what: "a claim".to_owned(), source: simulated("nobody enrols here") })
    }

    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError> {
        executor::pause().await;
        Ok(Self::bundle(self.broker.lock().certify(id)))
    }
}
