//! A million tiny packets, as fast as they go.

use std::time::Duration;

use rumqttc::QoS;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::{sleep, timeout};

use super::{Bystander, settled};
use crate::common::{PATIENCE, World};
use crate::limits::{connect_packet, raw};

const MANY: usize = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_tiny_packets_holds_up_nobody() {
    let world = World::start().await;
    let mut storm = raw(&world.device("storm").await).await;
    storm.write_all(&connect_packet("storm")).await.unwrap();
    // A million questions, whose answers it does not read: it is not read either, and keeps no memory here.
    let storm = tokio::spawn(async move {
        let _until_the_end = storm.write_all(&[0xC0, 0].repeat(1_000_000)).await;
        storm
    });
    let mut other = world.device("other").await.connect().await;
    other.subscribe("x", QoS::AtLeastOnce).await;
    for _ in 0..300 {
        other.publish("x", "", QoS::AtLeastOnce).await;
        other.receive().await;
    }
    assert!(world.core.connection("storm").is_some());
    storm.abort();
    drop(storm.await);
    world.gone("storm").await;
    world.stop().await;
}

/// Whether the broker took them all; it need not when it is the sender that does not read.
async fn wrote(mut storm: impl AsyncWrite + Unpin, packets: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut chunk = Vec::with_capacity(64 * 1024);
    for packet in packets {
        chunk.extend(packet);
        if chunk.len() > 60 * 1024 {
            if storm.write_all(&chunk).await.is_err() {
                return false;
            }
            chunk.clear();
        }
    }
    storm.write_all(&chunk).await.is_ok() && storm.flush().await.is_ok()
}

/// Reads PUBACKs until there are so many.
async fn read_pubacks(mut answers: impl AsyncRead + Unpin, count: usize) {
    let mut bytes = vec![0; 4 + 4 * count];
    timeout(PATIENCE, answers.read_exact(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes[..4], [0x20, 2, 0, 0]);
    for (number, puback) in bytes[4..].chunks_exact(4).enumerate() {
        assert_eq!(puback[..2], [0x40, 2]);
        assert_eq!(puback[2..], packet_id(number).to_be_bytes());
    }
}

fn packet_id(number: usize) -> u16 {
    (number % 60_000) as u16 + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_tiny_messages_hold_up_nobody() {
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let before = world.core.stats().messages_in;
    let mut storm = raw(&world.device("storm").await).await;
    storm.write_all(&connect_packet("storm")).await.unwrap();
    let messages = (0..MANY).map(|_| b"\x30\x03\x00\x01s".to_vec());
    let storm = tokio::spawn(async move { (wrote(&mut storm, messages).await, storm) });
    while world.core.stats().messages_in < before + 1000 {
        sleep(Duration::from_millis(1)).await;
    }
    bystander.is_joined().await;
    let (written, mut storm) = storm.await.unwrap();
    assert!(written);
    // One more, whose PUBACK comes when all before it have been taken.
    storm.write_all(b"\x32\x05\x00\x01s\x00\x01").await.unwrap();
    read_pubacks(&mut storm, 1).await;
    assert!(world.core.stats().messages_in > before + MANY as u64);
    drop(storm);
    world.gone("storm").await;
    bystander.was_served().await;
    settled(&world, 0).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_publishes_whose_pubacks_nobody_reads_hold_up_nobody() {
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let mut storm = raw(&world.device("storm").await).await;
    storm.write_all(&connect_packet("storm")).await.unwrap();
    let (answers, mut asking) = split(storm);
    let messages = (0..MANY).map(|number| {
        let [high, low] = packet_id(number).to_be_bytes();
        vec![0x32, 5, 0, 1, b's', high, low]
    });
    let storm = tokio::spawn(async move {
        wrote(&mut asking, messages).await;
        asking
    });
    // It is read until its answers wait, or to its end.
    let mut seen = 0;
    let stalled = async {
        loop {
            sleep(Duration::from_millis(500)).await;
            bystander.is_joined().await;
            let now = world.core.stats().messages_in;
            if storm.is_finished() || now == seen {
                return;
            }
            seen = now;
        }
    };
    let _it_may_go_on_for_long = timeout(Duration::from_secs(10), stalled).await;
    assert!(world.core.connection("storm").is_some());
    // Its answers were kept for it, in order.
    read_pubacks(answers, 1000).await;
    storm.abort();
    drop(storm.await);
    world.gone("storm").await;
    bystander.was_served().await;
    settled(&world, 0).await;
    world.stop().await;
}
