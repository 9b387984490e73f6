//! Peers that are silent, slow, many or hostile do not hold up the others.

mod certificates;
mod churn;
mod half_open;
mod handshakes;
mod slow;
mod storms;
mod subscriptions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::QoS;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::common::{Identity, PATIENCE, World};

/// A client that publishes and receives what it publishes, again and again, whatever the others do.
pub(crate) struct Bystander {
    device: Identity,
    over: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

impl Bystander {
    /// When this is done it has had its first message.
    pub(crate) async fn start(world: &World) -> Self {
        let device = world.device("bystander").await;
        let mut client = device.connect().await;
        client.subscribe("bystander", QoS::AtLeastOnce).await;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        client.publish("bystander", "0", QoS::AtLeastOnce).await;
        assert_eq!(client.receive_text().await.1, "0");
        let running = tokio::spawn(async move {
            for number in 1_u64.. {
                let last = is_over.load(Ordering::Relaxed);
                client.publish("bystander", number.to_string(), QoS::AtLeastOnce).await;
                assert_eq!(client.receive_text().await.1, number.to_string());
                if last {
                    return client.disconnect().await;
                }
                // As a device does, so that the storms have the processor.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self { device, over, running }
    }

    /// A newcomer connects, publishes and receives, too.
    pub(crate) async fn is_joined(&self) {
        let mut options = self.device.options();
        options.set_client_id("newcomer".into());
        let mut newcomer = crate::common::Client::connect(options).await.unwrap();
        newcomer.subscribe("newcomer", QoS::AtLeastOnce).await;
        newcomer.publish("newcomer", "here", QoS::AtLeastOnce).await;
        assert_eq!(newcomer.receive_text().await.1, "here");
        newcomer.disconnect().await;
    }

    /// It was served all the time, and still is; then it goes.
    pub(crate) async fn was_served(self) {
        self.over.store(true, Ordering::Relaxed);
        self.running.await.unwrap();
    }
}

/// Waits until there are so many connections, and no bug was found on the way.
pub(crate) async fn settled(world: &World, connections: u64) {
    let settling = async {
        while world.core.stats().connections != connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let settled = timeout(PATIENCE, settling).await;
    let stats = world.core.stats();
    assert!(settled.is_ok() && stats.panicked == 0, "{stats:?}");
}
