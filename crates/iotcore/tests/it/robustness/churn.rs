//! Connections that come and go: in one name, and without a word.

use rumqttc::QoS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bystander, settled};
use crate::common::{Identity, World};
use crate::limits::{connect_packet, raw};

/// Takes the name from whoever has it, and goes, in one way or another.
async fn restless(twin: Identity, number: usize) {
    for round in 0..40 {
        let mut stream = raw(&twin).await;
        stream.write_all(&connect_packet("twin")).await.unwrap();
        // From here on another one may have taken over.
        let _unless_taken = stream.write_all(b"\x82\x06\x00\x01\x00\x01t\x01").await;
        match (round + number) % 4 {
            // Without waiting for the CONNACK.
            0 => {}
            // With a DISCONNECT.
            1 => drop(stream.write_all(&[0xE0, 0]).await),
            // In the middle of a packet.
            2 => drop(stream.write_all(b"\x30\x7f\x00").await),
            // After the CONNACK, if there is one.
            _ => {
                let mut connack = [0; 4];
                if stream.read_exact(&mut connack).await.is_ok() {
                    assert_eq!(connack, [0x20, 2, 0, 0]);
                }
            }
        }
        // Half a handshake beside it.
        let mut half = TcpStream::connect(twin.address).await.unwrap();
        half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_fight_for_a_name_hold_up_nobody() {
    let world = World::start().await;
    let bystander = Bystander::start(&world).await;
    let twin = world.device("twin").await;
    let fighting: Vec<_> = (0..8).map(|number| tokio::spawn(restless(twin.clone(), number))).collect();
    for fighter in fighting {
        fighter.await.unwrap();
        bystander.is_joined().await;
    }
    settled(&world, 1).await;
    // The name is free, nobody has the subscriptions of those who had it, and it works.
    let mut last = twin.connect().await;
    last.publish("t", "nobody", QoS::AtLeastOnce).await;
    last.subscribe("t", QoS::AtLeastOnce).await;
    last.publish("t", "mine", QoS::AtLeastOnce).await;
    assert_eq!(last.receive_text().await.1, "mine");
    last.disconnect().await;
    bystander.was_served().await;
    settled(&world, 0).await;
    world.stop().await;
}
