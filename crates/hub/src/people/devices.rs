//! The devices that people are notified on.

use super::{Caller, RequestError, conflict, found};
use crate::{
    changes::Changes,
    entity::{ReachedAt, device_key, reached_key},
    hub::Hub,
    port::{LedgerError, PushError, PushToken},
};
use marvain_domain::{
    id::{DeviceName, PersonId},
    identity::{DEVICES_MAX, Device, Platform, PushAddress},
    policy::{Operation, Somebody},
};
use serde_json::json;

/// A device to be notified on.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Whose.
    pub person: PersonId,
    /// What they call it.
    pub name: DeviceName,
    /// The push service that reaches it.
    pub platform: Platform,
    /// What the app on it got from that service.
    pub token: PushToken,
}

impl Hub {
    /// The push services that this hub reaches.
    pub fn push_platforms(&self) -> Vec<Platform> {
        self.ports.push.platforms()
    }

    /// The devices that somebody is notified on, by name.
    pub async fn devices_of(&self, caller: &Caller, id: &PersonId) -> Result<Vec<Device>, RequestError> {
        self.may_manage_devices(caller, id).await?;
        Ok(self.devices(id).await?)
    }

    /// Has somebody notified on a device, in place of one of that name. An app's token changes now and then: then it comes
    /// again. A device is one person's: whoever brings its token takes it over.
    pub async fn add_device(&self, caller: &Caller, new: &NewDevice) -> Result<Device, RequestError> {
        self.may_manage_devices(caller, &new.person).await?;
        self.check_room(new).await?;
        let address = self.ports.push.register(new.platform, &new.token).await.map_err(unregistered)?;
        self.request(caller, || async {
            self.check_room(new).await?;
            let mut changes = Changes::default();
            self.take_over(caller, new, &address, &mut changes).await?;
            let old = self.load::<Device>(&device_key(&new.person, &new.name)).await?;
            if let Some(old) = old.as_ref().filter(|old| old.value.address != address) {
                self.unreach(&old.value, &mut changes).await?;
            }
            let device = Device {
                person: new.person.clone(),
                name: new.name.clone(),
                platform: new.platform,
                address: address.clone(),
                since: caller.now,
            };
            changes.upsert(old.as_ref(), &device)?;
            let data = json!({"person": new.person, "device": new.name, "platform": new.platform});
            changes.audit(caller.now, &caller.principal(), "device.added", data);
            Ok(changes)
        })
        .await?;
        self.device_of(&new.person, &new.name).await
    }

    /// Has somebody notified on a device no more.
    pub async fn remove_device(
        &self,
        caller: &Caller,
        id: &PersonId,
        name: &DeviceName,
    ) -> Result<Device, RequestError> {
        self.may_manage_devices(caller, id).await?;
        let removed = self.device_of(id, name).await?;
        self.request(caller, || async {
            let stored = found(self.load::<Device>(&device_key(id, name)).await?, "device", name)?;
            let mut changes = Changes::default();
            changes.remove(&stored);
            self.unreach(&stored.value, &mut changes).await?;
            let data = json!({"person": id, "device": name, "platform": stored.value.platform});
            changes.audit(caller.now, &caller.principal(), "device.removed", data);
            Ok(changes)
        })
        .await?;
        Ok(removed)
    }

    async fn may_manage_devices(&self, caller: &Caller, id: &PersonId) -> Result<(), RequestError> {
        let person = found(self.person(id).await?, "person", id)?;
        self.authorise(caller, &Operation::ManageDevices { of: Somebody::from(&person.value) }).await
    }

    async fn device_of(&self, id: &PersonId, name: &DeviceName) -> Result<Device, RequestError> {
        Ok(found(self.load::<Device>(&device_key(id, name)).await?, "device", name)?.value)
    }

    async fn check_room(&self, new: &NewDevice) -> Result<(), RequestError> {
        let devices = self.devices(&new.person).await?;
        if devices.len() >= DEVICES_MAX && devices.iter().all(|device| device.name != new.name) {
            return Err(conflict(format!("`{}` has {DEVICES_MAX} devices already: remove one first", new.person)));
        }
        Ok(())
    }

    /// Has `new` be the one that is reached at `address`, and nobody else's.
    async fn take_over(
        &self,
        caller: &Caller,
        new: &NewDevice,
        address: &PushAddress,
        changes: &mut Changes,
    ) -> Result<(), LedgerError> {
        let reached = self.load::<ReachedAt>(&reached_key(address)).await?;
        if let Some(ReachedAt { person, device, .. }) = reached.as_ref().map(|reached| &reached.value)
            && (person, device) != (&new.person, &new.name)
            && let Some(other) = self.load::<Device>(&device_key(person, device)).await?
            && other.value.address == *address
        {
            changes.remove(&other);
            let data = json!({"person": person, "device": device, "platform": other.value.platform});
            changes.audit(caller.now, &caller.principal(), "device.removed", data);
        }
        let now = ReachedAt { address: address.clone(), person: new.person.clone(), device: new.name.clone() };
        changes.upsert(reached.as_ref(), &now)
    }
}

/// The push service's own words may repeat the token: they go no further.
fn unregistered(error: PushError) -> RequestError {
    match error {
        PushError::Platform { .. } | PushError::Token { .. } => RequestError::Invalid(error.to_string()),
        PushError::Unavailable { .. } => RequestError::Unavailable(Box::new(error)),
    }
}
