//! What the audit log says of a restore: the log that goes on is the backup's, and this is where it was cut.

use crate::{changes::Changes, hub::Hub, port::LedgerError};
use marvain_domain::{
    Principal, Timestamp,
    id::{DeliveryId, PersonId},
};
use serde_json::json;

impl Hub {
    /// Records that the hub's data were replaced at `at` by a backup made at `of`; `by` is who asked a running hub for
    /// it, and nobody if it was done with the hub's own files. Saying the same twice says it once.
    ///
    /// # Errors
    /// [`LedgerError`], if it could not be made durable.
    pub async fn restored(&self, by: Option<&PersonId>, of: Timestamp, at: Timestamp) -> Result<(), LedgerError> {
        let actor = by.map_or(Principal::System, |person| Principal::Person(person.clone()));
        let mut changes = Changes::default();
        changes.audit(at, &actor, "hub.restored", json!({"of": of}));
        let id = DeliveryId::derive(&["restored", &of.to_string(), &at.to_string()]);
        self.apply(changes, id, at).await.map(|_| ())
    }
}
