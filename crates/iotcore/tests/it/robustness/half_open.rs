//! Half-open connections: peers that are gone without a word, with their sockets never closed.

use std::time::Duration;

use marvain_iotcore::limits::KEEP_ALIVE_MIN;
use mqtt_protocol_core::mqtt::packet::Qos;
use rumqttc::QoS;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until};

use super::{Bystander, settled};
use crate::common::World;
use crate::limits::raw;
use crate::peer5::{Peer, connect};

/// CONNECT of MQTT 3.1.1 with a keep-alive of 10 s, which is read as 30 s, and the will `gone` on `wills`.
fn connect_with_will(client_id: &str) -> Vec<u8> {
    let mut packet = b"\x10\x00\x00\x04MQTT\x04\x0e\x00\x0a".to_vec();
    for text in [client_id, "wills", "gone"] {
        packet.extend((text.len() as u16).to_be_bytes());
        packet.extend(text.as_bytes());
    }
    packet[1] = packet.len() as u8 - 2;
    packet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_for_too_long_is_gone_and_its_will_is_sent() {
    const PEERS: usize = 20;
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let mut watcher = world.device("watcher").await.connect().await;
    for topic in ["wills", "$aws/events/presence/disconnected/+"] {
        watcher.subscribe(topic, QoS::AtLeastOnce).await;
    }
    let device = world.device("vanished").await;
    let began = Instant::now();
    // Nobody reads or writes these any more, and nobody closes them.
    let mut sockets = Vec::new();
    let mut peers = Vec::new();
    for number in 0..PEERS {
        let client_id = format!("vanished-{number}");
        if number % 2 == 0 {
            let mut socket = raw(&device).await;
            socket.write_all(&connect_with_will(&client_id)).await.unwrap();
            sockets.push(socket);
        } else {
            let asking = connect(&client_id).keep_alive(10).will("wills", Qos::AtLeastOnce, Vec::new());
            peers.push(Peer::connect(&device, asking).await.0);
        }
    }
    settled(&world, PEERS as u64 + 2).await;
    let silence = KEEP_ALIVE_MIN * 3 / 2;
    sleep_until(began + silence - Duration::from_secs(1)).await;
    assert_eq!(world.core.stats().connections, PEERS as u64 + 2, "not before their time");
    let (mut wills, mut events) = (0, 0);
    while wills < PEERS || events < PEERS {
        let (topic, payload) = watcher.receive_text().await;
        if topic == "wills" {
            assert_eq!(payload, "gone");
            wills += 1;
        } else {
            let event: serde_json::Value = serde_json::from_str(&payload).unwrap();
            assert_eq!(event["disconnectReason"], "MQTT_KEEP_ALIVE_TIMEOUT");
            events += 1;
        }
    }
    settled(&world, 2).await;
    // MQTT 5 was told, if it ever looks.
    for mut peer in peers {
        assert_eq!(peer.told_goodbye().await, 0x8D);
    }
    bystander.was_served().await;
    drop(sockets);
    world.stop().await;
}
