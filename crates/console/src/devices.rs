//! The devices that people are notified on.

use crate::{
    Shared,
    error::{Answer, ApiError},
    extract::{Body, Named},
    page::List,
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    Timestamp,
    id::{DeviceName, PersonId},
    identity::{Device, Platform},
};
use marvain_hub::{
    people::{Caller, NewDevice},
    port::{PUSH_TOKEN_BYTES_MAX, PushToken},
};
use serde::{Deserialize, Serialize};

/// A device, without what reaches it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Whose.
    pub person: PersonId,
    /// What they call it.
    pub name: DeviceName,
    /// The push service that reaches it.
    pub platform: Platform,
    /// Since when.
    pub since: Timestamp,
}

impl From<Device> for DeviceInfo {
    fn from(Device { person, name, platform, since, .. }: Device) -> Self {
        Self { person, name, platform, since }
    }
}

/// How a device is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceToken {
    /// The push service: `apns`, `apns_sandbox` or `fcm`.
    pub platform: Platform,
    /// What the app on the device got from it.
    pub token: String,
}

impl std::fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceToken").field("platform", &self.platform).finish_non_exhaustive()
    }
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(person): Named<PersonId>,
) -> Answer<List<DeviceInfo>> {
    let devices = shared.hub.devices_of(&caller, &person).await?;
    // Few enough that there is no second page.
    Ok(Json(List { items: devices.into_iter().map(DeviceInfo::from).collect(), next: None }))
}

pub(crate) async fn add(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named((person, name)): Named<(PersonId, DeviceName)>,
    Body(DeviceToken { platform, token }): Body<DeviceToken>,
) -> Answer<DeviceInfo> {
    let wrong =
        || ApiError::invalid(format!("`token` must have 1 to {PUSH_TOKEN_BYTES_MAX} printable ASCII characters"));
    let token = PushToken::new(&token).ok_or_else(wrong)?;
    let new = NewDevice { person, name, platform, token };
    Ok(Json(shared.hub.add_device(&caller, &new).await?.into()))
}

pub(crate) async fn remove(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named((person, name)): Named<(PersonId, DeviceName)>,
) -> Answer<DeviceInfo> {
    Ok(Json(shared.hub.remove_device(&caller, &person, &name).await?.into()))
}
