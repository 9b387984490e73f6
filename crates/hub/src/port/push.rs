//! Notifications to people's devices, by the push services of Apple and Google or whoever stands before them.

use super::Cause;
use async_trait::async_trait;
use marvain_domain::{
    Timestamp,
    id::ActionId,
    identity::{Platform, PushAddress},
};
use serde::{Deserialize, Serialize};

/// Longest token of a device that is looked at, in bytes. Those of Apple have 64 to 200 hex digits, those of Google some 160
/// characters; neither promises a length.
pub const PUSH_TOKEN_BYTES_MAX: usize = 1024;

/// What an app got from its push service to be reached by. It is handed on and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(String);

impl PushToken {
    /// A token of 1 to [`PUSH_TOKEN_BYTES_MAX`] printable ASCII characters; none for anything else.
    pub fn new(token: &str) -> Option<Self> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        (printable && (1..=PUSH_TOKEN_BYTES_MAX).contains(&token.len())).then(|| Self(token.to_owned()))
    }

    /// The token, for the push service.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PushToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushToken")
    }
}

/// That an action waits for approval. It passes through others' hands and lies on lock screens: names alone, no argument and no
/// word that anybody said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// Which action. A later notification of the same one takes the place of an earlier.
    pub action: ActionId,
    /// What would be used: `lamp`.
    pub capability: String,
    /// By whom: a satellite's name; none for the hub itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellite: Option<String>,
    /// Until when it can be approved.
    pub deadline: Timestamp,
    /// How long that was when the notification was made, in seconds: a push service need not keep it any longer.
    pub ttl_s: u64,
}

impl Notification {
    /// The first line of what is shown.
    pub fn title(&self) -> String {
        "An action waits for you".to_owned()
    }

    /// What is shown below.
    pub fn text(&self) -> String {
        match &self.satellite {
            Some(satellite) => format!("`{}` on {satellite} needs approval", self.capability),
            None => format!("`{}` needs approval", self.capability),
        }
    }
}

/// What became of a notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// The push service has it. Whether the device will show it nobody tells.
    Sent,
    /// The address reaches no device any more, and never will.
    Gone,
}

/// Why a push service did not do it.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Nobody has set it up.
    #[error("this hub does not reach `{platform}`{}", others(.platforms))]
    Platform {
        /// The push service that was asked for.
        platform: Platform,
        /// Those that it reaches.
        platforms: Vec<Platform>,
    },
    /// The push service does not take this token.
    #[error("`{platform}` does not take this token")]
    Token {
        /// The push service.
        platform: Platform,
        /// What it said. It may repeat the token.
        #[source]
        source: Cause,
    },
    /// It cannot be done now; it may be later.
    #[error("{what} failed")]
    Unavailable {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

fn others(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return ": it has no push service set up".to_owned();
    }
    let names: Vec<_> = platforms.iter().map(|platform| platform.as_str()).collect();
    format!(", only {}", names.join(", "))
}

/// The way to people's devices. All methods may be repeated without harm.
#[async_trait]
pub trait Push: Send + Sync {
    /// The push services that are set up, in order.
    fn platforms(&self) -> Vec<Platform>;
    /// Has a device reached by its token from now on. The same token has the same address, however often it comes.
    async fn register(&self, platform: Platform, token: &PushToken) -> Result<PushAddress, PushError>;
    /// Sends a notification.
    async fn send(&self, address: &PushAddress, notification: &Notification) -> Result<Pushed, PushError>;
    /// Has a device reached no more. One that is not known is forgotten already.
    async fn forget(&self, address: &PushAddress) -> Result<(), PushError>;
}

/// The way to devices of a hub without a push service: there is none, and it says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPush;

#[async_trait]
impl Push for NoPush {
    fn platforms(&self) -> Vec<Platform> {
        Vec::new()
    }

    async fn register(&self, platform: Platform, _: &PushToken) -> Result<PushAddress, PushError> {
        Err(PushError::Platform { platform, platforms: Vec::new() })
    }

    async fn send(&self, _: &PushAddress, _: &Notification) -> Result<Pushed, PushError> {
        // An address of an earlier set-up.
        Ok(Pushed::Gone)
    }

    async fn forget(&self, _: &PushAddress) -> Result<(), PushError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_printable_short_and_not_shown() {
        let longest = "x".repeat(PUSH_TOKEN_BYTES_MAX);
        for good in ["a", "740f4707-bebcf74f:APA91", longest.as_str()] {
            assert_eq!(PushToken::new(good).unwrap().reveal(), good);
        }
        for bad in ["", " ", "a b", "ü", "a\n", &format!("{longest}x")] {
            assert_eq!(PushToken::new(bad), None, "{bad}");
        }
        assert_eq!(format!("{:?}", PushToken::new("secret")), "Some(PushToken)");
    }

    #[tokio::test]
    async fn a_hub_without_push_services_says_so() {
        let token = PushToken::new("a").unwrap();
        let refused = NoPush.register(Platform::Fcm, &token).await.unwrap_err();
        assert_eq!(refused.to_string(), "this hub does not reach `fcm`: it has no push service set up");
        let platforms = vec![Platform::Apns, Platform::ApnsSandbox];
        let refused = PushError::Platform { platform: Platform::Fcm, platforms };
        assert_eq!(refused.to_string(), "this hub does not reach `fcm`, only apns, apns_sandbox");
    }
}
