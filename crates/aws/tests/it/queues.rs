//! Counting, dead letters and polling, on moto's SQS and on ElasticMQ, which alone has tasks that move messages.

use crate::{
    bus::{queues, urls},
    clients,
};
use marvain_aws::{AwsBus, SqsQueues, queues::Counts};
use marvain_domain::Timestamp;
use marvain_hub::port::{Bus as _, Delivery};
use marvain_peers::{ElasticMq, Moto};
use marvain_topics::Queue;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// Longer than a message of a test's queue stays hidden.
const HIDDEN: Duration = Duration::from_millis(1100);

struct World {
    queues: SqsQueues,
    bus: AwsBus,
    sqs: aws_sdk_sqs::Client,
    /// Of the queue that is looked at.
    url: String,
}

impl World {
    async fn new(endpoint: &str) -> Self {
        let sqs = clients::sqs(endpoint);
        let made = queues(&sqs).await;
        // Nothing is asked of an IoT Core here.
        let (iot, data) = clients::iot(endpoint, "", ("a", "b"));
        let bus = AwsBus::new(sqs.clone(), iot, data, urls(&made));
        let url = made[&Queue::Plan].queue.clone();
        Self { queues: SqsQueues::new(sqs.clone(), made), bus, sqs, url }
    }

    async fn put(&self, causes: impl IntoIterator<Item = usize>) {
        for cause in causes {
            self.bus.enqueue(hop(cause)).await.unwrap();
        }
    }

    /// Hands everything out in vain until it is given up.
    async fn give_up(&self) {
        for _ in 0..20 {
            while !self.queues.receive(Queue::Plan, 10, 0).await.unwrap().is_empty() {}
            let Counts { waiting, in_flight, .. } = self.queues.counts(Queue::Plan).await.unwrap();
            if waiting + in_flight == 0 {
                return;
            }
            tokio::time::sleep(HIDDEN).await;
        }
        panic!("some are not given up");
    }
}

fn hop(cause: usize) -> Delivery {
    Delivery::hop(Queue::Plan, &cause.to_string(), Timestamp::from_ms(1), &json!({"cause": cause}))
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_of_moto() {
    let moto = Moto::start().await;
    of_a_batch_what_failed_comes_again_and_the_rest_is_gone(&World::new(&moto.url()).await).await;
    dead_letters_are_shown_more_than_once_and_some_are_put_back(&World::new(&moto.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Maven: scripts/test --all"]
async fn queues_of_elasticmq() {
    let elasticmq = ElasticMq::start().await;
    of_a_batch_what_failed_comes_again_and_the_rest_is_gone(&World::new(&elasticmq.url()).await).await;
    dead_letters_are_shown_more_than_once_and_some_are_put_back(&World::new(&elasticmq.url()).await).await;
    all_dead_letters_are_put_back_by_a_task(&World::new(&elasticmq.url()).await).await;
}

async fn all_dead_letters_are_put_back_by_a_task(world: &World) {
    assert_eq!(world.queues.redrive_all(Queue::Plan).await.unwrap(), 0);
    world.put(0..12).await;
    world.give_up().await;
    assert_eq!(world.queues.redrive_all(Queue::Plan).await.unwrap(), 12);
    // The task goes on by itself.
    let mut back = BTreeSet::new();
    while back.len() < 12 {
        let batch = world.queues.receive(Queue::Plan, 10, 10).await.unwrap();
        assert!(!batch.is_empty(), "only {} are back", back.len());
        back.extend(batch.iter().map(|message| message.body.clone()));
        world.queues.finish(Queue::Plan, &batch, &BTreeSet::new()).await.unwrap();
    }
    assert_eq!(world.queues.counts(Queue::Plan).await.unwrap(), Counts::default());
}

async fn of_a_batch_what_failed_comes_again_and_the_rest_is_gone(world: &World) {
    world.put(0..3).await;
    assert_eq!(world.queues.counts(Queue::Plan).await.unwrap(), Counts { waiting: 3, in_flight: 0, dead: 0 });
    let batch = world.queues.receive(Queue::Plan, 10, 0).await.unwrap();
    assert_eq!(batch.len(), 3);
    assert_eq!(world.queues.counts(Queue::Plan).await.unwrap(), Counts { waiting: 0, in_flight: 3, dead: 0 });
    let failed = BTreeSet::from([batch[1].id.clone()]);
    world.queues.finish(Queue::Plan, &batch, &failed).await.unwrap();
    tokio::time::sleep(HIDDEN).await;
    let again = world.queues.receive(Queue::Plan, 10, 0).await.unwrap();
    assert_eq!(again.iter().map(|message| &message.id).collect::<Vec<_>>(), [&batch[1].id]);
    assert_eq!(again[0].attributes["ApproximateReceiveCount"], "2");
    assert_eq!(again[0].body, batch[1].body);
    world.queues.finish(Queue::Plan, &[], &BTreeSet::new()).await.unwrap();
}

async fn dead_letters_are_shown_more_than_once_and_some_are_put_back(world: &World) {
    world.put(0..12).await;
    world.sqs.send_message().queue_url(&world.url).message_body("no delivery").send().await.unwrap();
    world.give_up().await;
    assert_eq!(world.queues.counts(Queue::Plan).await.unwrap(), Counts { waiting: 0, in_flight: 0, dead: 13 });
    let mut looks = Vec::new();
    for _ in 0..2 {
        let letters = world.queues.dead_letters(Queue::Plan, 100).await.unwrap();
        assert_eq!(letters.len(), 13);
        assert!(letters.iter().all(|letter| letter.sent_at.is_some() && letter.handed_out > 0));
        assert_eq!(letters.iter().filter(|letter| letter.delivery.is_err()).count(), 1);
        looks.push(letters.into_iter().map(|letter| letter.id).collect::<BTreeSet<_>>());
    }
    assert_eq!(looks[0], looks[1], "a look leaves them where they are");
    assert_eq!(world.queues.dead_letters(Queue::Plan, 4).await.unwrap().len(), 4);

    let letters = world.queues.dead_letters(Queue::Plan, 100).await.unwrap();
    let wanted = [hop(3), hop(7)];
    let mut ids: BTreeSet<String> = BTreeSet::from(["none of them".to_owned()]);
    for letter in &letters {
        if letter.delivery.as_ref().is_ok_and(|delivery| wanted.contains(delivery)) {
            ids.insert(letter.id.clone());
        }
    }
    assert_eq!(world.queues.redrive(Queue::Plan, &ids).await.unwrap(), 2);
    assert_eq!(world.queues.redrive(Queue::Plan, &ids).await.unwrap(), 0, "they are back already");
    assert_eq!(world.queues.counts(Queue::Plan).await.unwrap(), Counts { waiting: 2, in_flight: 0, dead: 11 });
    let batch = world.queues.receive(Queue::Plan, 10, 0).await.unwrap();
    let mut back: Vec<_> =
        batch.iter().map(|message| marvain_aws::bus::envelope::decode(Queue::Plan, &message.body).unwrap()).collect();
    back.sort_by_key(|delivery| wanted.iter().position(|wanted| wanted == delivery));
    assert_eq!(back, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_not_there_is_named() {
    let moto = Moto::start().await;
    let queues = SqsQueues::new(clients::sqs(&moto.url()), std::collections::BTreeMap::new());
    let error = marvain_domain::chain(&queues.counts(Queue::Judge).await.unwrap_err());
    assert_eq!(error, "finding queue `judge` failed: the URL of queue `judge` is not in the settings");
}
