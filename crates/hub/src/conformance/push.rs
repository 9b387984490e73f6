//! The suite of the port [`Push`].

use crate::port::{Notification, Push, PushError, PushToken, Pushed};
use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    id::ActionId,
    identity::{PUSH_ADDRESS_BYTES_MAX, Platform, PushAddress},
};

/// A way to devices, with every platform set up but one, and the devices as their push services see them.
#[async_trait]
pub trait PushWorld: Send + Sync {
    /// The adapter.
    type Push: Push;
    /// The adapter.
    fn push(&self) -> &Self::Push;
    /// The platform that is not set up.
    fn missing(&self) -> Platform;
    /// What the device of a token was sent, oldest first, each as the text that its push service gets.
    async fn sent(&self, token: &PushToken) -> Vec<String>;
    /// The push service says that the device of this address is gone: its app was removed.
    async fn remove_app(&self, address: &PushAddress);
}

/// Runs the suite; `fresh` makes a world for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn push<W: PushWorld>(fresh: impl AsyncFn() -> W) {
    a_token_has_one_address(&fresh().await).await;
    a_notification_reaches_its_device_with_names_alone(&fresh().await).await;
    a_device_that_is_gone_says_so_until_it_is_registered_anew(&fresh().await).await;
    what_is_forgotten_is_gone(&fresh().await).await;
    a_platform_that_is_not_set_up_is_refused(&fresh().await).await;
}

/// The `number`th device of a platform; each platform has tokens of its own.
fn token(platform: Platform, number: u8) -> PushToken {
    let platform = Platform::ALL.iter().position(|each| *each == platform).unwrap();
    PushToken::new(&format!("{number:062x}{platform:02x}")).unwrap()
}

fn notification(satellite: Option<&str>) -> Notification {
    Notification {
        action: ActionId::derive(&["a"]),
        capability: "lamp".to_owned(),
        satellite: satellite.map(str::to_owned),
        deadline: Timestamp::from_ms(1_795_349_100_000),
        ttl_s: 300,
    }
}

async fn a_token_has_one_address<W: PushWorld>(world: &W) {
    let mut addresses = Vec::new();
    for platform in world.push().platforms() {
        for number in 1..=2 {
            let address = world.push().register(platform, &token(platform, number)).await.unwrap();
            assert_eq!(
                world.push().register(platform, &token(platform, number)).await.unwrap(),
                address,
                "twice is as once"
            );
            assert!((1..=PUSH_ADDRESS_BYTES_MAX).contains(&address.as_str().len()));
            assert!(!addresses.contains(&address), "devices are apart");
            addresses.push(address);
        }
    }
    assert_eq!(addresses.len(), 2 * (Platform::ALL.len() - 1));
}

async fn a_notification_reaches_its_device_with_names_alone<W: PushWorld>(world: &W) {
    for platform in world.push().platforms() {
        let address = world.push().register(platform, &token(platform, 1)).await.unwrap();
        let other = world.push().register(platform, &token(platform, 2)).await.unwrap();
        assert_ne!(address, other);
        for (round, satellite) in [Some("kitchen"), None].into_iter().enumerate() {
            let sent = world.push().send(&address, &notification(satellite)).await.unwrap();
            assert_eq!(sent, Pushed::Sent);
            let received = world.sent(&token(platform, 1)).await;
            assert_eq!(received.len(), round + 1, "{received:?}");
            for part in ["lamp", satellite.unwrap_or("lamp"), notification(None).action.as_str()] {
                assert!(received[round].contains(part), "`{part}` in {}", received[round]);
            }
        }
        assert_eq!(world.sent(&token(platform, 2)).await, [""; 0]);
    }
}

async fn a_device_that_is_gone_says_so_until_it_is_registered_anew<W: PushWorld>(world: &W) {
    for platform in world.push().platforms() {
        let address = world.push().register(platform, &token(platform, 1)).await.unwrap();
        world.remove_app(&address).await;
        for _ in 0..2 {
            assert_eq!(world.push().send(&address, &notification(None)).await.unwrap(), Pushed::Gone);
        }
        let address = world.push().register(platform, &token(platform, 1)).await.unwrap();
        assert_eq!(world.push().send(&address, &notification(None)).await.unwrap(), Pushed::Sent);
    }
}

async fn what_is_forgotten_is_gone<W: PushWorld>(world: &W) {
    for platform in world.push().platforms() {
        let address = world.push().register(platform, &token(platform, 1)).await.unwrap();
        let other = world.push().register(platform, &token(platform, 2)).await.unwrap();
        for _ in 0..2 {
            world.push().forget(&address).await.unwrap();
        }
        assert_eq!(world.push().send(&address, &notification(None)).await.unwrap(), Pushed::Gone);
        assert_eq!(world.push().send(&other, &notification(None)).await.unwrap(), Pushed::Sent);
        let address = world.push().register(platform, &token(platform, 1)).await.unwrap();
        assert_eq!(world.push().send(&address, &notification(None)).await.unwrap(), Pushed::Sent);
    }
}

async fn a_platform_that_is_not_set_up_is_refused<W: PushWorld>(world: &W) {
    let (missing, platforms) = (world.missing(), world.push().platforms());
    assert!(!platforms.contains(&missing) && platforms.is_sorted(), "{platforms:?}");
    match world.push().register(missing, &token(missing, 1)).await {
        Err(PushError::Platform { platform, platforms: told }) => {
            assert_eq!((platform, told), (missing, platforms));
        }
        result => panic!("`{missing}` must be refused, not {result:?}"),
    }
}
