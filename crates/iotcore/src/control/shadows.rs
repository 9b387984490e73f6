//! Shadows, by the same path as requests over MQTT. AWS IoT API Reference, data plane, `GetThingShadow`,
//! `UpdateThingShadow`, `DeleteThingShadow`, `ListNamedShadowsForThing`.

use mqtt_protocol_core::mqtt::prelude::IntoPayload;

use crate::core::IotCore;
use crate::error::Error;
use crate::names::{ShadowName, ThingName};
use crate::shadow::{Rejected, Shadow, ShadowAddress};
use crate::shadows::{self, Request, Verb};
use crate::store::StoreError;

/// Why a shadow request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ShadowRequestError {
    /// The shadow service rejected it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IotCore {
    /// The shadow's document, as on `get/accepted`; nothing is published. No `name` is the classic shadow.
    ///
    /// # Errors
    /// [`ShadowRequestError`].
    pub async fn shadow_get(&self, thing: ThingName, name: Option<ShadowName>) -> Result<Vec<u8>, ShadowRequestError> {
        let (address, now_s) = (ShadowAddress { thing, name }, self.broker.clock.now_ms() / 1000);
        let read = move |connection: &rusqlite::Connection| {
            let shadow = shadows::load(connection, &address)?;
            Ok(Shadow::get(shadow.as_ref(), &address, b"", now_s)?)
        };
        self.broker.store.read(read).await
    }

    /// Updates the shadow by a request document, and publishes what follows from it. Returns the document of
    /// `update/accepted`.
    ///
    /// # Errors
    /// [`ShadowRequestError`]; `update/rejected` is published as well.
    pub async fn shadow_update(
        &self,
        thing: ThingName,
        name: Option<ShadowName>,
        payload: &[u8],
    ) -> Result<Vec<u8>, ShadowRequestError> {
        self.shadow_request(Request { address: ShadowAddress { thing, name }, verb: Verb::Update }, payload).await
    }

    /// Deletes the shadow. Returns the document of `delete/accepted`.
    ///
    /// # Errors
    /// [`ShadowRequestError`]; `delete/rejected` is published as well.
    pub async fn shadow_delete(
        &self,
        thing: ThingName,
        name: Option<ShadowName>,
    ) -> Result<Vec<u8>, ShadowRequestError> {
        self.shadow_request(Request { address: ShadowAddress { thing, name }, verb: Verb::Delete }, b"").await
    }

    /// The names of a thing's shadows after the name `after` (empty for the first page), in their order, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_named_shadows(&self, thing: ThingName, after: &str) -> Result<Vec<ShadowName>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| shadows::list_named(connection, &thing, &after)).await?)
    }

    async fn shadow_request(&self, request: Request, payload: &[u8]) -> Result<Vec<u8>, ShadowRequestError> {
        let pending = shadows::submit(&self.broker, request, payload.into_payload(), None, None).await?;
        Ok(pending.durable().await??)
    }
}
