//! Devices that people are notified on: phones and tablets with an app that a push service reaches.

use crate::{
    Timestamp,
    id::{DeviceName, PersonId},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Most devices of one person.
pub const DEVICES_MAX: usize = 8;
/// Longest address of a device at a push service, in bytes; an ARN has up to 2,048 characters.
pub const PUSH_ADDRESS_BYTES_MAX: usize = 2048;

/// A push service, as it knows its devices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Apple Push Notification service.
    Apns,
    /// Apple's service for apps in development.
    ApnsSandbox,
    /// Firebase Cloud Messaging.
    Fcm,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Apns, Self::ApnsSandbox, Self::Fcm];

    /// Its name in commands, settings and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::ApnsSandbox => "apns_sandbox",
            Self::Fcm => "fcm",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No push service is called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no push service: there are `apns`, `apns_sandbox` and `fcm`")]
pub struct NoPlatform(String);

impl FromStr for Platform {
    type Err = NoPlatform;

    fn from_str(text: &str) -> Result<Self, NoPlatform> {
        let found = Self::ALL.into_iter().find(|platform| platform.as_str() == text);
        found.ok_or_else(|| NoPlatform(text.chars().take(80).collect()))
    }
}

/// Where a push service reaches a device. Whoever has it and the hub's credentials can write to that device: it is not shown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PushAddress(String);

impl PushAddress {
    /// An address as an adapter gives it.
    pub fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }

    /// The address, for the adapter that gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PushAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushAddress")
    }
}

/// A device that somebody is notified on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Device {
    /// Whose.
    pub person: PersonId,
    /// What they call it.
    pub name: DeviceName,
    /// The service that reaches it.
    pub platform: Platform,
    /// Where that service reaches it. The token that it was made from is not kept.
    pub address: PushAddress,
    /// Since when.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_name_everywhere() {
        for platform in Platform::ALL {
            assert_eq!(platform.as_str().parse(), Ok(platform));
            assert_eq!(serde_json::json!(platform), platform.as_str());
        }
        let refused = "gcm".parse::<Platform>().unwrap_err().to_string();
        assert_eq!(refused, "`gcm` is no push service: there are `apns`, `apns_sandbox` and `fcm`");
    }

    #[test]
    fn an_address_is_not_shown() {
        assert_eq!(format!("{:?}", PushAddress::new("arn:secret")), "PushAddress");
    }
}
