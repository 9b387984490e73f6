//! Devices in memory: a way to them that passes the suite, for tests of who uses it.

use super::PushWorld;
use crate::port::{Notification, Push, PushError, PushToken, Pushed};
use async_trait::async_trait;
use marvain_domain::identity::{Platform, PushAddress};
use parking_lot::Mutex;

struct Phone {
    platform: Platform,
    token: String,
    address: PushAddress,
    /// No address reaches it any more.
    forgotten: bool,
    has_app: bool,
    sent: Vec<Notification>,
}

/// Devices of every platform but [`Platform::ApnsSandbox`].
#[derive(Default)]
pub struct Phones(Mutex<Vec<Phone>>);

impl Phones {
    /// What the device of a token was sent, oldest first, whatever address it was sent to.
    pub fn notifications(&self, token: &str) -> Vec<Notification> {
        let phones = self.0.lock();
        phones.iter().filter(|phone| phone.token == token).flat_map(|phone| phone.sent.clone()).collect()
    }

    /// Is the device of a token reached?
    pub fn is_reached(&self, token: &str) -> bool {
        self.0.lock().iter().any(|phone| phone.token == token && !phone.forgotten && phone.has_app)
    }

    /// The app on the device of a token is removed.
    pub fn remove(&self, token: &str) {
        self.0.lock().iter_mut().filter(|phone| phone.token == token).for_each(|phone| phone.has_app = false);
    }
}

#[async_trait]
impl Push for Phones {
    fn platforms(&self) -> Vec<Platform> {
        vec![Platform::Apns, Platform::Fcm]
    }

    async fn register(&self, platform: Platform, token: &PushToken) -> Result<PushAddress, PushError> {
        let platforms = self.platforms();
        if !platforms.contains(&platform) {
            return Err(PushError::Platform { platform, platforms });
        }
        let mut phones = self.0.lock();
        let same = |phone: &&mut Phone| phone.platform == platform && phone.token == token.reveal() && !phone.forgotten;
        if let Some(phone) = phones.iter_mut().find(same) {
            phone.has_app = true;
            return Ok(phone.address.clone());
        }
        let address = PushAddress::new(format!("{platform}/{}", phones.len()));
        let phone = Phone {
            platform,
            token: token.reveal().to_owned(),
            address: address.clone(),
            forgotten: false,
            has_app: true,
            sent: Vec::new(),
        };
        phones.push(phone);
        Ok(address)
    }

    async fn send(&self, address: &PushAddress, notification: &Notification) -> Result<Pushed, PushError> {
        let mut phones = self.0.lock();
        let phone = phones.iter_mut().find(|phone| phone.address == *address && !phone.forgotten && phone.has_app);
        let Some(phone) = phone else { return Ok(Pushed::Gone) };
        phone.sent.push(notification.clone());
        Ok(Pushed::Sent)
    }

    async fn forget(&self, address: &PushAddress) -> Result<(), PushError> {
        self.0.lock().iter_mut().filter(|phone| phone.address == *address).for_each(|phone| phone.forgotten = true);
        Ok(())
    }
}

#[async_trait]
impl PushWorld for Phones {
    type Push = Self;

    fn push(&self) -> &Self {
        self
    }

    fn missing(&self) -> Platform {
        Platform::ApnsSandbox
    }

    async fn sent(&self, token: &PushToken) -> Vec<String> {
        self.notifications(token.reveal()).iter().map(|sent| serde_json::to_string(sent).unwrap()).collect()
    }

    async fn remove_app(&self, address: &PushAddress) {
        self.0.lock().iter_mut().filter(|phone| phone.address == *address).for_each(|phone| phone.has_app = false);
    }
}

#[cfg(test)]
#[tokio::test]
async fn devices_in_memory_are_as_their_port_has_it() {
    super::push(async || Phones::default()).await;
}
