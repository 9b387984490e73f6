//! Peers before their CONNACK: silent, a byte at a time, too many.

use std::time::Duration;

use marvain_iotcore::limits::{CONNECT_TIMEOUT, UNAUTHENTICATED_PEERS_MAX};
use rumqttc::QoS;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::Bystander;
use crate::common::{PATIENCE, World};
use crate::limits::raw;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_peers_and_slow_handshakes_hold_up_nobody() {
    let world = World::start().await;
    let device = world.device("a").await;
    let mut strangers = Vec::new();
    for number in 0..100 {
        let mut stranger = TcpStream::connect(world.address).await.unwrap();
        if number % 2 == 0 {
            // The first bytes of a TLS record that never ends.
            stranger.write_all(&[0x16, 3, 1, 2]).await.unwrap();
        }
        strangers.push(stranger);
    }
    // And one that has shown its certificate and says nothing more.
    let silent = raw(&device).await;
    device.connect().await.publish("x", "", QoS::AtLeastOnce).await;
    assert_eq!(world.core.stats().accepted, 1);
    drop((strangers, silent));
    world.stop().await;
}

/// Both ends of so many connections are open files of this process.
fn allow_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = limit.maximum.map_or(Some(count), |maximum| Some(count.min(maximum)));
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

/// How a TLS 1.2 ClientHello begins: a record of 512 bytes.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    hello.extend([0x5A; 32]);
    hello
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_handshakes_a_byte_at_a_time_than_may_be_open_shut_out_nobody() {
    const STRANGERS: usize = UNAUTHENTICATED_PEERS_MAX + 100;
    allow_files(2 * STRANGERS as u64 + 1000);
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        strangers.push(TcpStream::connect(world.address).await.unwrap());
    }
    let began = Instant::now();
    for (at, byte) in client_hello().into_iter().enumerate() {
        for stranger in &strangers {
            // Who has lost its place cannot write any more.
            let _written_or_not = stranger.try_write(&[byte]);
        }
        if at % 10 == 0 {
            bystander.is_joined().await;
        }
    }
    // The oldest had to make room, and the time of the others ends though each of them has sent something.
    let all_refused = async {
        while world.core.stats().refused < STRANGERS as u64 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(CONNECT_TIMEOUT + PATIENCE, all_refused).await.unwrap();
    assert!(began.elapsed() > CONNECT_TIMEOUT / 2, "nobody was turned away at once");
    bystander.is_joined().await;
    bystander.was_served().await;
    assert_eq!(world.core.stats().panicked, 0);
    drop(strangers);
    world.stop().await;
}
