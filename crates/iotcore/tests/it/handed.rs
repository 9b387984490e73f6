//! Messages that connected clients of persistent sessions get before they are stored: none is lost, nor overtaken, while clients
//! come, go and take over from each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use rumqttc::{Publish, PublishOptions, QoS};
use tokio::task::JoinHandle;

use crate::common::{Client, Identity, Setup, World};
use crate::persistence::unacknowledging;

const MESSAGES: u32 = 2000;

/// Publishes all messages, many at a time, and returns when each is acknowledged.
fn publish_all(client: Client, topic: String) -> JoinHandle<Client> {
    tokio::spawn(async move {
        let mut notices = Vec::new();
        for number in 0..MESSAGES {
            let options = PublishOptions::at_least_once();
            notices.push(client.mqtt.publish_tracked(&topic, number.to_string(), options).await.unwrap());
        }
        for notice in notices {
            notice.wait_completion_async().await.unwrap();
        }
        client
    })
}

/// What a subscriber has seen of each publisher.
#[derive(Default)]
struct Seen {
    numbers: [BTreeSet<u32>; 2],
    count: usize,
}

impl Seen {
    fn is_complete(&self) -> bool {
        self.numbers.iter().all(|numbers| numbers.len() == MESSAGES as usize)
    }

    /// A message may come again, but none may come for the first time after one that was published later.
    fn add(&mut self, publish: &Publish) {
        let publisher = usize::from(publish.topic == "stream/1");
        let number = std::str::from_utf8(&publish.payload).unwrap().parse().unwrap();
        let numbers = &mut self.numbers[publisher];
        let next = numbers.len() as u32;
        assert!(number <= next, "{number} of publisher {publisher} before {next}");
        numbers.insert(number);
        self.count += 1;
    }
}

/// Receives until it has everything, and acknowledges each message when it is seen. Every now and then, after so many messages,
/// its connection is lost, or another takes its place.
async fn receive_all(device: Identity, pattern: [usize; 5]) -> Seen {
    let connect = || async { Client::connect(unacknowledging(&device)).await.unwrap() };
    let mut seen = Seen::default();
    let mut client = connect().await;
    for (turn, many) in pattern.into_iter().cycle().enumerate() {
        let until = seen.count + many;
        while seen.count < until && !seen.is_complete() {
            let publish = client.receive().await;
            seen.add(&publish);
            client.mqtt.ack(&publish).await.unwrap();
        }
        if seen.is_complete() {
            break;
        }
        if turn % 3 == 0 {
            client.vanish().await;
            client = connect().await;
        } else {
            std::mem::replace(&mut client, connect().await).closed().await;
        }
        assert!(client.session_present);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_overtaken_while_clients_come_and_go() {
    let world = World::start().await;
    let mut subscribers = Vec::new();
    for (number, pattern) in [[100_000; 5], [1, 7, 90, 300, 2], [250, 3, 33, 120, 1]].into_iter().enumerate() {
        let device = world.device(&format!("subscriber-{number}")).await;
        let client = device.connect_persistent().await;
        client.subscribe("stream/+", QoS::AtLeastOnce).await;
        client.disconnect().await;
        subscribers.push(tokio::spawn(receive_all(device, pattern)));
    }
    let mut publishers = Vec::new();
    for number in 0..2 {
        let client = world.device(&format!("publisher-{number}")).await.connect().await;
        publishers.push(publish_all(client, format!("stream/{number}")));
    }
    for publisher in publishers {
        publisher.await.unwrap().disconnect().await;
    }
    for subscriber in subscribers {
        assert!(subscriber.await.unwrap().is_complete());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_has_and_has_not_acknowledged_is_kept_by_its_session_alone() {
    let world = World::start().await;
    let device = world.device("subscriber").await;
    let mut client = Client::connect(unacknowledging(&device)).await.unwrap();
    client.subscribe("x", QoS::AtLeastOnce).await;
    let mut prompt = world.device("prompt").await.connect_persistent().await;
    prompt.subscribe("x", QoS::AtLeastOnce).await;
    let publisher = world.device("publisher").await.connect().await;
    for number in 0..10_u32 {
        publisher.publish("x", number.to_string(), QoS::AtLeastOnce).await;
        assert_eq!(client.receive_text().await.1, number.to_string());
        assert_eq!(prompt.receive_text().await.1, number.to_string());
    }
    // Its acknowledgements are with the broker when it has the answer to this.
    prompt.publish("y", "", QoS::AtLeastOnce).await;
    let data = world.kill().await;
    drop((client, prompt, publisher));
    let world = World::at(Arc::clone(&data), Setup::default()).await;
    let mut client = device.at(world.address).connect_persistent().await;
    for number in 0..10_u32 {
        assert_eq!(client.receive_text().await.1, number.to_string());
    }
    world.stop().await;
}
