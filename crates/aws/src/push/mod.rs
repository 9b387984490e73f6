//! Notifications by SNS mobile push ("Mobile push notifications", Amazon SNS developer guide): one platform application a push
//! service, one endpoint a device.
//!
//! An endpoint belongs to an application and a token, and outlives both an app that is removed and its coming back. So that
//! registering is enough whatever was before, it does all of what "Creating a platform endpoint" recommends: it makes the endpoint,
//! or finds the one that is there, and gives it the token and enables it where it differs. It does not know whose a device is.

mod endpoint;
mod payload;

use async_trait::async_trait;
use aws_sdk_sns::{Client, operation::publish::PublishError, types::MessageAttributeValue};
use marvain_domain::identity::{Platform, PushAddress};
use marvain_hub::port::{Cause, Notification, Push, PushError, PushToken, Pushed};
use std::collections::BTreeMap;

/// The way to devices, by the platform applications of one account and region.
#[derive(Clone, Debug)]
pub struct SnsPush {
    sns: Client,
    applications: BTreeMap<Platform, String>,
}

impl SnsPush {
    /// A way to devices of these platforms, each by the ARN of its application.
    pub fn new(sns: Client, applications: BTreeMap<Platform, String>) -> Self {
        Self { sns, applications }
    }

    async fn publish(
        &self,
        address: &PushAddress,
        platform: Platform,
        notification: &Notification,
    ) -> Result<Pushed, Cause> {
        let mut request = self.sns.publish().target_arn(address.as_str()).message_structure("json");
        for (name, value) in payload::attributes(platform, notification) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            request = request.message_attributes(name, value);
        }
        match request.message(payload::message(platform, notification)).send().await {
            Ok(_) => Ok(Pushed::Sent),
            Err(error) if error.as_service_error().is_some_and(is_gone) => Ok(Pushed::Gone),
            Err(error) => Err(error.into()),
        }
    }
}

/// The push service has said that the token reaches nobody (SNS disables the endpoint then), or the endpoint was deleted, which
/// SNS calls an invalid parameter of this name.
fn is_gone(error: &PublishError) -> bool {
    match error {
        PublishError::EndpointDisabledException(_) | PublishError::NotFoundException(_) => true,
        PublishError::InvalidParameterException(error) => {
            error.message().is_some_and(|message| message.contains("No endpoint found for the target arn"))
        }
        _ => false,
    }
}

#[async_trait]
impl Push for SnsPush {
    fn platforms(&self) -> Vec<Platform> {
        self.applications.keys().copied().collect()
    }

    async fn register(&self, platform: Platform, token: &PushToken) -> Result<PushAddress, PushError> {
        match self.applications.get(&platform) {
            Some(application) => endpoint::register(&self.sns, platform, application, token).await,
            None => Err(PushError::Platform { platform, platforms: self.platforms() }),
        }
    }

    async fn send(&self, address: &PushAddress, notification: &Notification) -> Result<Pushed, PushError> {
        let Some(platform) = endpoint::platform_of(address) else { return Ok(Pushed::Gone) };
        let sent = self.publish(address, platform, notification).await;
        sent.map_err(|source| PushError::Unavailable { what: "sending a notification", source })
    }

    async fn forget(&self, address: &PushAddress) -> Result<(), PushError> {
        if endpoint::platform_of(address).is_none() {
            return Ok(());
        }
        // Deleting what is not there is no error.
        match self.sns.delete_endpoint().endpoint_arn(address.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(PushError::Unavailable { what: "forgetting a device", source: error.into() }),
        }
    }
}
