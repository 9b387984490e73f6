//! What goes wrong inside: a database that takes nothing for a while, targets that panic, callers that do not wait for the end.

use std::sync::Arc;
use std::time::Duration;

use marvain_iotcore::topic::TopicFilter;
use marvain_iotcore::{Rule, RuleError, RuleMessage, RuleTarget, Status};
use mqtt_protocol_core::mqtt::packet::{SubEntry, v5_0};
use rumqttc::{LastWill, PublishOptions, QoS};
use tokio::sync::Notify;

use crate::common::{Setup, World, next, rule};
use crate::peer5::{Peer, qos1, resume};

/// Time for what a test can only give time to.
const A_WHILE: Duration = Duration::from_millis(300);

impl World {
    /// Nothing can be committed until this is dropped; the broker gives up after five seconds, each time.
    fn commit_nothing(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.data.path().join("iot/iotcore.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_while_nothing_can_be_committed_is_gone_soon_after() {
    let (events, mut gone) = rule("$aws/events/presence/disconnected/+");
    let (mut wills, mut willed) = rule("will");
    wills.name = "wills".into();
    let world = World::with(Setup { rules: vec![events, wills], ..Setup::default() }).await;
    let device = world.device("a").await;
    let client = device.connect_with_will(LastWill::new("will", "gone", QoS::AtLeastOnce, false)).await;
    let blocker = world.commit_nothing();
    client.vanish().await;
    world.gone("a").await;
    assert!(gone.try_recv().is_err() && willed.try_recv().is_err());
    drop(blocker);
    let event: serde_json::Value = serde_json::from_slice(&next(&mut gone).await.payload).unwrap();
    assert_eq!((&event["clientId"], &event["disconnectReason"]), (&"a".into(), &"CONNECTION_LOST".into()));
    assert_eq!(&*next(&mut willed).await.payload, b"gone");
    // Once, and whoever comes back is connected.
    let back = device.connect().await;
    world.core.sweep().await.unwrap();
    assert!(world.core.connection("a").is_some());
    back.disconnect().await;
    let event: serde_json::Value = serde_json::from_slice(&next(&mut gone).await.payload).unwrap();
    assert_eq!(event["disconnectReason"], "CLIENT_INITIATED_DISCONNECT");
    world.stop().await;
    assert!(willed.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_that_cannot_be_committed_is_not_forgotten() {
    let (mut wills, mut willed) = rule("will");
    wills.name = "wills".into();
    let world = World::with(Setup { rules: vec![wills], ..Setup::default() }).await;
    let device = world.device("a").await;
    let client = device.connect_with_will(LastWill::new("will", "gone", QoS::AtLeastOnce, false)).await;
    let blocker = world.commit_nothing();
    client.disconnect().await;
    world.gone("a").await;
    // It is back before anything else is committed.
    let back = {
        let device = device.clone();
        tokio::spawn(async move { device.connect().await })
    };
    tokio::time::sleep(A_WHILE).await;
    drop(blocker);
    back.await.unwrap().disconnect().await;
    world.stop().await;
    assert!(willed.try_recv().is_err());
}

/// Panics when it is told to.
#[derive(Default)]
struct Bomb {
    reached: Notify,
    fuse: Notify,
}

#[async_trait::async_trait]
impl RuleTarget for Bomb {
    async fn deliver(&self, _: RuleMessage) -> Result<(), RuleError> {
        self.reached.notify_one();
        self.fuse.notified().await;
        std::panic::resume_unwind(Box::new("as it was told"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_panics_when_its_client_has_gone_keeps_nobody_connected() {
    let target = Arc::new(Bomb::default());
    let filter = Some(TopicFilter::parse("t").unwrap());
    let bomb = Rule { name: "bomb".into(), filter, target: Arc::clone(&target) as _, error: None };
    let (events, mut gone) = rule("$aws/events/presence/disconnected/+");
    let world = World::with(Setup { rules: vec![bomb, events], ..Setup::default() }).await;
    let device = world.device("a").await;
    let client = device.connect().await;
    client.mqtt.publish("t", "", PublishOptions::at_least_once()).await.unwrap();
    target.reached.notified().await;
    client.vanish().await;
    // Now the end of the connection waits for it.
    tokio::time::sleep(A_WHILE).await;
    target.fuse.notify_one();
    world.gone("a").await;
    let event: serde_json::Value = serde_json::from_slice(&next(&mut gone).await.payload).unwrap();
    assert_eq!(event["disconnectReason"], "CONNECTION_LOST");
    assert_eq!(world.core.stats().panicked, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_taken_over_from_does_not_subscribe_for_its_successor() {
    let world = World::start().await;
    let device = world.device("a").await;
    let (mut before, _) = Peer::connect(&device, resume("a", 60)).await;
    let publisher = world.device("p").await.connect().await;
    // What is asked meanwhile happens in one commit, in this order: the takeover, the subscription.
    let blocker = world.commit_nothing();
    let first = {
        let core = world.core.clone();
        tokio::spawn(async move { core.sweep().await.unwrap() })
    };
    let taking_over = {
        let device = device.clone();
        tokio::spawn(async move { Peer::connect(&device, resume("a", 60)).await })
    };
    tokio::time::sleep(A_WHILE).await;
    let entries = vec![SubEntry::new("late", qos1()).unwrap()];
    before.send(&v5_0::Subscribe::builder().packet_id(9_u16).entries(entries).build().unwrap()).await;
    tokio::time::sleep(A_WHILE).await;
    drop(blocker);
    first.await.unwrap();
    let (mut after, present) = taking_over.await.unwrap();
    assert!(present);
    publisher.publish("late", "", QoS::AtLeastOnce).await;
    assert_eq!(after.subscribe("own", qos1()).await, [1]);
    publisher.publish("own", "mine", QoS::AtLeastOnce).await;
    assert_eq!(after.take().await.text(), ("own", "mine"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_nobody_waits_for_ends_connections_all_the_same() {
    let world = World::start().await;
    let device = world.device("a").await;
    let client = device.connect().await;
    let blocker = world.commit_nothing();
    let revoking = {
        let (core, id) = (world.core.clone(), device.id);
        tokio::spawn(async move { core.update_certificate(id, Status::Revoked).await })
    };
    tokio::time::sleep(A_WHILE).await;
    revoking.abort();
    assert!(revoking.await.unwrap_err().is_cancelled());
    assert!(world.core.connection("a").is_some());
    drop(blocker);
    client.closed().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_of_a_claim_ends_with_it() {
    let world = World::start().await;
    world.core.put_template("fleet", &crate::provisioning::template()).await.unwrap();
    let (claim, _) = world.core.create_temporary_claim("fleet").await.unwrap();
    let claim = world.identity("claim-1", claim.certificate_id, &claim.certificate_pem, &claim.private_key_pem);
    let client = claim.connect().await;
    world.clock.advance(Duration::from_secs(6 * 60));
    world.core.sweep().await.unwrap();
    client.closed().await;
    world.stop().await;
}
