//! Connections over HTTPS: who is connected, and the end of a connection.

use crate::clients::run;
use crate::common::World;
use crate::https::{Https, KEY, SECRET};

/// Of a device under whose certificate several clients connect, and that may end the connections of some.
const DEVICE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/den*"},
    {"Effect": "Allow", "Action": "iot:DeleteConnection", "Resource": "arn:aws:iot:*:*:client/den-*"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/dt/den/*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": "arn:aws:iot:*:*:topic/dt/den/*"}
]}"#;

#[tokio::test]
async fn aws_connections() {
    // In 2023, so that what is known of it is old when the clients begin.
    let world = World::start().await;
    let den = world.device_with("den", DEVICE).await;
    world.device("never").await;
    let gone = world.device("gone").await.connect().await;
    gone.disconnect().await;
    world.gone("gone").await;
    let mut nobody = world.device("nobody").await;
    nobody.name = "no-thing".into();
    nobody.connect().await.disconnect().await;
    world.gone("no-thing").await;

    let https = Https::of(world).await;
    https.world.core.sweep().await.unwrap();
    let port = https.address.port().to_string();
    run("python/connections.py", &[&port, KEY, SECRET], &den).await;
    https.stop().await;
}
