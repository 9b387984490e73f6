//! What a device is sent: "Publishing to a mobile device", "Using Amazon SNS message attributes for mobile push", "Using Google
//! Firebase Cloud Messaging v1 payloads"; Apple's "Generating a remote notification"; Google's `projects.messages`.
//!
//! A later notification of one action takes the place of an earlier: both have its id as what they collapse by. The app finds the
//! action by `action`, and asks the hub for what is to be approved.

use super::endpoint::sns_name;
use marvain_domain::identity::Platform;
use marvain_hub::port::Notification;
use serde_json::{Value, json};

/// The message by push service, as text in JSON; SNS asks for a `default` that no device gets.
pub(super) fn message(platform: Platform, notification: &Notification) -> String {
    let payload = match platform {
        Platform::Apns | Platform::ApnsSandbox => apple(notification),
        Platform::Fcm => google(notification),
    };
    json!({"default": notification.text(), (sns_name(platform)): payload.to_string()}).to_string()
}

fn apple(notification: &Notification) -> Value {
    json!({
        "aps": {
            "alert": {"title": notification.title(), "body": notification.text()},
            "sound": "default",
            "category": "approval",
            "interruption-level": "time-sensitive",
        },
        "action": notification.action,
        "deadline": notification.deadline,
    })
}

fn google(notification: &Notification) -> Value {
    let action = notification.action.as_str();
    json!({"fcmV1Message": {"message": {
        "notification": {"title": notification.title(), "body": notification.text()},
        // Its values are text.
        "data": {"action": action, "deadline": notification.deadline},
        "android": {
            "priority": "high",
            "collapse_key": action,
            "ttl": format!("{}s", notification.ttl_s),
            "notification": {"tag": action},
        },
    }}})
}

/// What SNS hands to the push service beside the message. Google's has all of it in the message.
pub(super) fn attributes(platform: Platform, notification: &Notification) -> Vec<(String, String)> {
    let ttl = |name: &str| (format!("AWS.SNS.MOBILE.{name}.TTL"), notification.ttl_s.to_string());
    match platform {
        Platform::Apns | Platform::ApnsSandbox => vec![
            ttl(sns_name(platform)),
            // For both of Apple's services alike.
            ("AWS.SNS.MOBILE.APNS.PUSH_TYPE".to_owned(), "alert".to_owned()),
            ("AWS.SNS.MOBILE.APNS.PRIORITY".to_owned(), "10".to_owned()),
            ("AWS.SNS.MOBILE.APNS.COLLAPSE_ID".to_owned(), notification.action.to_string()),
        ],
        Platform::Fcm => vec![ttl("FCM")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_domain::{Timestamp, id::ActionId};

    /// Apple's limit; Google's is the same for what both have together.
    const PAYLOAD_BYTES_MAX: usize = 4096;

    #[test]
    fn a_payload_is_text_in_json_and_within_the_limits() {
        let longest = Notification {
            action: ActionId::derive(&["a"]),
            capability: "c".repeat(64),
            satellite: Some("s".repeat(64)),
            deadline: Timestamp::from_ms(1_795_349_100_000),
            ttl_s: 300,
        };
        for platform in Platform::ALL {
            let message: Value = serde_json::from_str(&message(platform, &longest)).unwrap();
            let payload = message[sns_name(platform)].as_str().unwrap();
            assert!(payload.len() < PAYLOAD_BYTES_MAX, "{}", payload.len());
            let payload: Value = serde_json::from_str(payload).unwrap();
            let (shown, action) = match platform {
                Platform::Fcm => {
                    (&payload["fcmV1Message"]["message"]["notification"], &payload["fcmV1Message"]["message"]["data"])
                }
                _ => (&payload["aps"]["alert"], &payload),
            };
            assert_eq!((&shown["title"], &shown["body"]), (&json!(longest.title()), &json!(longest.text())));
            assert_eq!(action["action"], longest.action.as_str());
            assert_eq!(action["deadline"], "2026-11-22T12:05:00.000Z");
            assert!(
                attributes(platform, &longest).iter().any(|(name, value)| name.ends_with(".TTL") && value == "300")
            );
        }
    }
}
