//! The fleet's control plane on the embedded IoT Core, and the shadows and revocations of the bus.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use marvain_domain::id::SatelliteId;
use marvain_hub::port::{Bundle, Bus, BusError, Cause, Delivery, Fleet, FleetError};
use marvain_iotcore::{
    CertificateId, Error, IotCore, KeysAndCertificate, Status,
    names::{ShadowName as IotShadowName, ThingName},
};
use marvain_local::SqliteQueues;
use marvain_topics::{
    Queue, ShadowName,
    render::{policy, template},
    table::{POLICY_CLAIM, POLICY_SATELLITE, TEMPLATE},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// How clients reach the broker.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Puts the rendered policies and the provisioning template in force.
pub(crate) async fn install(iot: &IotCore) -> Result<(), Error> {
    iot.put_policy(POLICY_CLAIM, &policy::claim().to_string()).await?;
    iot.put_policy(POLICY_SATELLITE, &policy::satellite().to_string()).await?;
    iot.put_template(TEMPLATE, &template::template().to_string()).await
}

/// The control plane.
pub(crate) struct EmbeddedFleet {
    pub(crate) iot: IotCore,
    pub(crate) endpoint: Endpoint,
}

impl EmbeddedFleet {
    fn bundle(&self, keys: KeysAndCertificate) -> Bundle {
        Bundle {
            certificate_id: keys.certificate_id.to_string(),
            certificate_pem: keys.certificate_pem,
            private_key_pem: keys.private_key_pem,
            root_ca_pem: self.iot.root_ca_pem().to_owned(),
            endpoint: self.endpoint.host.clone(),
            port: self.endpoint.port,
        }
    }

    async fn certify(&self, id: &SatelliteId) -> Result<KeysAndCertificate, Cause> {
        let thing = ThingName::parse(id.as_str())?;
        if self.iot.describe_thing(thing.clone()).await?.is_none() {
            self.iot.create_thing(thing.clone(), BTreeMap::new()).await?;
        }
        let keys = self.iot.create_keys_and_certificate(true).await?;
        self.iot.attach_policy(POLICY_SATELLITE, keys.certificate_id).await?;
        self.iot.attach_thing(thing, keys.certificate_id).await?;
        Ok(keys)
    }
}

#[async_trait]
impl Fleet for EmbeddedFleet {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        let keys = self.iot.create_provisioning_claim(TEMPLATE, POLICY_CLAIM).await;
        let keys =
            keys.map_err(|e| FleetError { what: "making a claim certificate".to_owned(), source: Box::new(e) })?;
        Ok(self.bundle(keys))
    }

    async fn create_satellite(&self, id: &SatelliteId) -> Result<Bundle, FleetError> {
        let keys = self.certify(id).await;
        let keys = keys.map_err(|source| FleetError { what: format!("certifying satellite `{id}`"), source })?;
        Ok(self.bundle(keys))
    }
}

/// The way out of the embedded hub: its queues, and the embedded IoT Core.
pub(crate) struct EmbeddedBus {
    pub(crate) queues: Arc<SqliteQueues>,
    pub(crate) iot: IotCore,
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError> {
        let queue: Queue = delivery.queue;
        let enqueued = self.queues.enqueue(delivery, None).await;
        enqueued
            .map(|_| ())
            .map_err(|e| BusError { what: format!("a delivery to `{}`", queue.name()), source: Box::new(e) })
    }

    async fn shadow(&self, satellite: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), BusError> {
        let failed = |source| BusError { what: format!("shadow `{}` of `{satellite}`", name.as_str()), source };
        let thing = ThingName::parse(satellite.as_str()).map_err(|e| failed(Box::new(e)))?;
        let shadow = IotShadowName::parse(name.as_str()).map_err(|e| failed(Box::new(e)))?;
        let update = json!({"state": {"desired": desired}}).to_string();
        let updated = self.iot.shadow_update(thing, Some(shadow), update.as_bytes()).await;
        updated.map(|_| ()).map_err(|e| failed(Box::new(e)))
    }

    async fn revoke(&self, certificate_id: &str) -> Result<(), BusError> {
        let failed = |source| BusError { what: format!("revocation of certificate {certificate_id}"), source };
        let id: CertificateId = certificate_id.parse().map_err(|e| failed(Box::new(e)))?;
        self.iot.update_certificate(id, Status::Revoked).await.map_err(|e| failed(Box::new(e)))
    }
}
