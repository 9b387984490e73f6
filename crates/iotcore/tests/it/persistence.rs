//! What survives: queues, subscriptions and presence, over disconnects, restarts and `kill -9`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use marvain_iotcore::{Error, StoreError};
use rumqttc::{PublishOptions, QoS};
use tempfile::TempDir;

use crate::common::{Client, Identity, Setup, World, next, rule};

impl World {
    /// Graceful, and then nobody holds the data directory, which it gives.
    pub(crate) async fn close(self) -> Arc<TempDir> {
        let core = self.core.clone();
        let data = self.stop().await;
        core.close().await.unwrap();
        data
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persistent_session_gets_what_it_missed_after_a_restart() {
    let world = World::start().await;
    let (publisher, subscriber) = (world.device("publisher").await, world.device("subscriber").await);
    let client = subscriber.connect_persistent().await;
    assert!(!client.session_present);
    client.subscribe("news/#", QoS::AtLeastOnce).await;
    client.disconnect().await;
    world.gone("subscriber").await;
    let p = publisher.connect().await;
    for number in 0..150_u32 {
        p.publish(&format!("news/{number}"), number.to_string(), QoS::AtLeastOnce).await;
    }
    p.publish("news/qos0", "not queued", QoS::AtMostOnce).await;
    let data = world.stop().await;
    let world = World::at(data, Setup::default()).await;
    let mut client = subscriber.at(world.address).connect_persistent().await;
    assert!(client.session_present);
    for number in 0..150_u32 {
        assert_eq!(client.receive_text().await, (format!("news/{number}"), number.to_string()));
    }
    let p = publisher.at(world.address).connect().await;
    p.publish("news/now", "live", QoS::AtLeastOnce).await;
    assert_eq!(client.receive_text().await.1, "live");
    client.disconnect().await;
    // A clean session discards it.
    let clean = subscriber.at(world.address).connect().await;
    assert!(!clean.session_present);
    clean.disconnect().await;
    assert!(!subscriber.at(world.address).connect_persistent().await.session_present);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_absent_sessions_share_a_payload_and_each_gets_it() {
    let world = World::start().await;
    let mut devices = Vec::new();
    for name in ["a", "b", "c"] {
        let device = world.device(name).await;
        let client = device.connect_persistent().await;
        client.subscribe("all", QoS::AtLeastOnce).await;
        client.disconnect().await;
        world.gone(name).await;
        devices.push(device);
    }
    world.device("p").await.connect().await.publish("all", "shared", QoS::AtLeastOnce).await;
    for device in devices {
        assert_eq!(device.connect_persistent().await.receive_text().await.1, "shared");
    }
    world.stop().await;
}

/// A persistent session whose client acknowledges nothing by itself.
pub(crate) fn unacknowledging(device: &Identity) -> rumqttc::MqttOptions {
    let mut options = device.options();
    options.set_clean_session(false);
    options.set_ack_mode(rumqttc::AckMode::Manual);
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unacknowledged_message_comes_again() {
    let world = World::start().await;
    let subscriber = world.device("subscriber").await;
    let mut client = Client::connect(unacknowledging(&subscriber)).await.unwrap();
    client.subscribe("x", QoS::AtLeastOnce).await;
    let publisher = world.device("publisher").await.connect().await;
    publisher.publish("x", "first", QoS::AtLeastOnce).await;
    publisher.publish("x", "second", QoS::AtLeastOnce).await;
    let first = client.receive().await;
    client.mqtt.ack(&first).await.unwrap();
    assert_eq!(client.receive_text().await.1, "second");
    // Sent after the acknowledgement, and answered.
    client.publish("y", "", QoS::AtLeastOnce).await;
    client.vanish().await;
    world.gone("subscriber").await;
    let mut client = subscriber.connect_persistent().await;
    assert_eq!(client.receive_text().await.1, "second");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_expire() {
    let world = World::with(Setup { session_expiry_s: Some(60), ..Setup::default() }).await;
    let device = world.device("a").await;
    let client = device.connect_persistent().await;
    client.subscribe("x", QoS::AtLeastOnce).await;
    world.clock.advance(Duration::from_secs(3600));
    world.core.sweep().await.unwrap();
    client.disconnect().await;
    world.gone("a").await;
    // Expired though not swept yet.
    let data = world.stop().await;
    let world = World::at(data, Setup { session_expiry_s: Some(60), ..Setup::default() }).await;
    world.clock.advance(Duration::from_secs(2 * 3600));
    let device = device.at(world.address);
    let client = device.connect_persistent().await;
    assert!(!client.session_present);
    client.disconnect().await;
    world.gone("a").await;
    world.clock.advance(Duration::from_secs(61));
    world.core.sweep().await.unwrap();
    assert!(!device.connect_persistent().await.session_present);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_does_not_stick_when_the_process_is_killed() {
    let world = World::start().await;
    let device = world.device("a").await;
    let client = Client::connect(unacknowledging(&device)).await.unwrap();
    client.subscribe("x", QoS::AtLeastOnce).await;
    let publisher = world.device("b").await.connect().await;
    publisher.publish("x", "acknowledged", QoS::AtLeastOnce).await;
    let data = world.kill().await;
    let (rule, mut events) = rule("$aws/events/presence/disconnected/+");
    let world = World::at(data, Setup { rules: vec![rule], ..Setup::default() }).await;
    // Both were connected until the first world was gone: a client that goes earlier has its event already.
    drop((client, publisher));
    for client_id in ["a", "b"] {
        let event: serde_json::Value = serde_json::from_slice(&next(&mut events).await.payload).unwrap();
        assert_eq!(event["clientId"], client_id);
        assert_eq!(event["disconnectReason"], "SERVER_ERROR");
        assert_eq!(event["versionNumber"], 0);
    }
    assert_eq!(device.at(world.address).connect_persistent().await.receive_text().await.1, "acknowledged");
    world.stop().await;
}

/// A process of its own that serves until it is killed: not a test, but what the next one runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by what_was_acknowledged_survives_kill_9 as its child"]
async fn child_process() {
    let Ok(data) = std::env::var("IOTCORE_TEST_DATA") else { return };
    let (core, _clock) = crate::common::open(data.as_ref(), Setup::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("port={}", listener.local_addr().unwrap().port());
    core.serve(listener, std::future::pending()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    survives_kill_9(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_though_its_client_has_it_already() {
    survives_kill_9(true).await;
}

/// Whether the subscriber is connected, and does not acknowledge what it gets.
async fn survives_kill_9(is_connected: bool) {
    let world = World::start().await;
    let (publisher, subscriber) = (world.device("publisher").await, world.device("subscriber").await);
    let client = subscriber.connect_persistent().await;
    client.subscribe("stream", QoS::AtLeastOnce).await;
    client.disconnect().await;
    let data = world.stop().await;

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "persistence::child_process", "--ignored", "--nocapture"])
        .env("IOTCORE_TEST_DATA", data.path().join("iot"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port: u16 = lines.map_while(Result::ok).find_map(|line| line.split_once("port=")?.1.parse().ok()).unwrap();
    let address = ([127, 0, 0, 1], port).into();
    let connected = match is_connected {
        true => Some(Client::connect(unacknowledging(&subscriber.at(address))).await.unwrap()),
        false => None,
    };
    let p = publisher.at(address).connect().await;
    let mut acknowledged = 0_u32;
    for number in 0..200_u32 {
        // Killed while the second hundred is on its way.
        if number == 100 {
            child.kill().unwrap();
        }
        let options = PublishOptions::at_least_once();
        let Ok(notice) = p.mqtt.publish_tracked("stream", number.to_string(), options).await else { break };
        match notice.wait_completion_async().await {
            Ok(()) => acknowledged += 1,
            Err(_) => break,
        }
    }
    child.wait().unwrap();
    assert!(acknowledged >= 100);
    drop(connected);

    let world = World::at(data, Setup::default()).await;
    let mut client = subscriber.at(world.address).connect_persistent().await;
    for number in 0..acknowledged {
        assert_eq!(client.receive_text().await.1, number.to_string());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_reported_and_left_alone() {
    let data = World::start().await.close().await;
    let path = data.path().join("iot/iotcore.db");
    std::fs::write(&path, b"this is not a database, and not a small file either".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let parts =
        marvain_iotcore::Parts { clock: Arc::new(Fixed), entropy: Arc::new(Fixed), hook: None, rules: Vec::new() };
    let error =
        marvain_iotcore::IotCore::open(marvain_iotcore::Config::new(data.path().join("iot")), parts).await.unwrap_err();
    assert!(error.to_string().contains("iotcore.db"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

struct Fixed;

impl marvain_iotcore::Clock for Fixed {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

impl marvain_iotcore::Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_running_opens() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::start().await;
    let device = world.device("a").await;
    let copy = TempDir::new().unwrap();
    std::fs::create_dir_all(copy.path().join("iot/ca")).unwrap();
    world.core.backup(&copy.path().join("iot/iotcore.db")).await.unwrap();
    assert!(world.core.backup(&copy.path().join("iot/iotcore.db")).await.is_err());
    for file in ["root-ca.pem", "root-ca.key"] {
        std::fs::copy(world.data.path().join("iot/ca").join(file), copy.path().join("iot/ca").join(file)).unwrap();
    }
    for private in ["iotcore.db", "iotcore.db-wal", "ca/root-ca.key"] {
        let mode = std::fs::metadata(world.data.path().join("iot").join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    world.stop().await;
    let world = World::at(Arc::new(copy), Setup::default()).await;
    device.at(world.address).connect().await.publish("x", "", QoS::AtLeastOnce).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_root_is_reported_and_not_replaced() {
    let world = World::start().await;
    world.device("a").await;
    let data = world.stop().await;
    let root = data.path().join("iot/ca/root-ca.pem");
    std::fs::remove_file(&root).unwrap();
    let parts =
        marvain_iotcore::Parts { clock: Arc::new(Fixed), entropy: Arc::new(Fixed), hook: None, rules: Vec::new() };
    let error =
        marvain_iotcore::IotCore::open(marvain_iotcore::Config::new(data.path().join("iot")), parts).await.unwrap_err();
    assert!(error.to_string().contains("root-ca.pem"), "{error}");
    assert!(!root.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_core_has_kept_everything_and_holds_nothing() {
    let world = World::start().await;
    let subscriber = world.device("subscriber").await;
    let client = subscriber.connect_persistent().await;
    client.subscribe("news", QoS::AtLeastOnce).await;
    client.disconnect().await;
    world.device("publisher").await.connect().await.publish("news", "kept", QoS::AtLeastOnce).await;
    let another_handle = world.core.clone();
    let data = world.close().await;
    let mut left: Vec<_> =
        std::fs::read_dir(data.path().join("iot")).unwrap().map(|f| f.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["ca", "iotcore.db", "iotcore.lock"]);
    assert!(matches!(another_handle.list_things("").await, Err(Error::Store(StoreError::Closed))));
    assert!(matches!(another_handle.sweep().await, Err(StoreError::Closed)));
    another_handle.close().await.unwrap();
    let world = World::at(data, Setup::default()).await;
    assert_eq!(subscriber.at(world.address).connect_persistent().await.receive_text().await.1, "kept");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serving_ends_when_nothing_can_be_kept_any_more() {
    let data = TempDir::new().unwrap();
    let (core, _clock) = crate::common::open(data.path(), Setup::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = {
        let core = core.clone();
        tokio::spawn(async move { core.serve(listener, std::future::pending()).await })
    };
    core.close().await.unwrap();
    let ended = tokio::time::timeout(crate::common::PATIENCE, serving).await.unwrap().unwrap();
    assert!(matches!(ended, Err(marvain_iotcore::ServeError::Closed)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persistent_sessions_are_bounded_in_number() {
    let world = World::start().await;
    let device = world.device("a").await;
    let data = world.close().await;
    let full = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
                INSERT INTO sessions (client_id, mqtt5, expiry_s, expires_ms)
                SELECT 's' || i, 0, 3600, 9000000000000 FROM n";
    rusqlite::Connection::open(data.path().join("iot/iotcore.db")).unwrap().execute_batch(full).unwrap();
    let world = World::at(data, Setup::default()).await;
    let device = device.at(world.address);
    let mut persistent = device.options();
    persistent.set_clean_session(false);
    assert!(Client::connect(persistent.clone()).await.is_err());
    device.connect().await.publish("x", "without a session", QoS::AtLeastOnce).await;
    persistent.set_client_id("s1".into());
    assert!(Client::connect(persistent).await.unwrap().session_present);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_takes_no_room_in_the_queue_of_an_absent_client() {
    let world = World::start().await;
    let (device, publisher) = (world.device("a").await, world.device("publisher").await);
    let client = device.connect_persistent().await;
    client.subscribe("news", QoS::AtLeastOnce).await;
    client.disconnect().await;
    let data = world.close().await;
    // As full as it may be.
    let full = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                INSERT INTO queue (session_id, seq, topic, retain, expires_ms, payload)
                SELECT id, i, 'news', 0, iif(i = 1, NULL, 1700000000000 + i), x'31' FROM sessions, n";
    rusqlite::Connection::open(data.path().join("iot/iotcore.db")).unwrap().execute_batch(full).unwrap();
    let world = World::at(data, Setup::default()).await;
    world.clock.advance(Duration::from_secs(10));
    world.core.sweep().await.unwrap();
    assert_eq!(world.core.stats().expired, 9999);
    publisher.at(world.address).connect().await.publish("news", "2", QoS::AtLeastOnce).await;
    assert_eq!(world.core.stats().dropped_queue_full, 0);
    let mut client = device.at(world.address).connect_persistent().await;
    assert_eq!((client.receive_text().await.1, client.receive_text().await.1), ("1".into(), "2".into()));
    world.stop().await;
}
