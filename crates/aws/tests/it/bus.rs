//! The bus on moto's SQS and our IoT Core.

use crate::{clients, iot::Iot};
use async_trait::async_trait;
use marvain_aws::{
    AwsBus, QueueUrls, SqsQueues,
    bus::{envelope, traced},
};
use marvain_domain::{Timestamp, chain, id::SatelliteId};
use marvain_hub::{
    conformance::{self, BusWorld},
    port::{Bus as _, Delivery, Fleet as _},
};
use marvain_peers::Moto;
use marvain_topics::{Queue, ShadowName, Topic};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

/// Queues with their dead letters, which get what was handed out twice in vain.
pub(crate) async fn queues(sqs: &aws_sdk_sqs::Client) -> BTreeMap<Queue, QueueUrls> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut urls = BTreeMap::new();
    for queue in Queue::ALL {
        let name = format!("test{number}-{}", queue.name());
        let dead = sqs.create_queue().queue_name(format!("{name}-dead")).send().await.unwrap().queue_url.unwrap();
        let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let described = sqs.get_queue_attributes().queue_url(&dead).attribute_names(arn.clone()).send().await.unwrap();
        let redrive = json!({"deadLetterTargetArn": described.attributes().unwrap()[&arn], "maxReceiveCount": 2});
        let made = sqs.create_queue().queue_name(&name);
        let made = made
            .attributes(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, redrive.to_string())
            .attributes(aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout, "1");
        let url = made.send().await.unwrap().queue_url.unwrap();
        urls.insert(queue, QueueUrls { queue: url, dead_letters: dead });
    }
    urls
}

pub(crate) fn urls(queues: &BTreeMap<Queue, QueueUrls>) -> BTreeMap<Queue, String> {
    queues.iter().map(|(queue, urls)| (*queue, urls.queue.clone())).collect()
}

struct World {
    bus: AwsBus,
    queues: SqsQueues,
    iot: Iot,
}

impl World {
    async fn new(moto: &Moto) -> Self {
        let (sqs, iot) = (clients::sqs(&moto.url()), Iot::start().await);
        let made = queues(&sqs).await;
        let bus = AwsBus::new(sqs.clone(), iot.control.clone(), iot.data.clone(), urls(&made));
        Self { bus, queues: SqsQueues::new(sqs, made), iot }
    }
}

#[async_trait]
impl BusWorld for World {
    type Bus = AwsBus;

    fn bus(&self) -> &AwsBus {
        &self.bus
    }

    fn is_exact(&self) -> bool {
        false
    }

    async fn queued(&self, queue: Queue) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        loop {
            let batch = self.queues.receive(queue, 10, 0).await.unwrap();
            if batch.is_empty() {
                return deliveries;
            }
            deliveries.extend(batch.iter().map(|message| envelope::decode(queue, &message.body).unwrap()));
            self.queues.finish(queue, &batch, &BTreeSet::new()).await.unwrap();
        }
    }

    async fn satellite(&self, name: &str) -> (SatelliteId, String) {
        let id: SatelliteId = name.parse().unwrap();
        let bundle = self.iot.fleet().create_satellite(&id).await.unwrap();
        (id, bundle.certificate_id)
    }

    async fn desired(&self, satellite: &SatelliteId, name: ShadowName) -> Value {
        let got =
            self.iot.data.get_thing_shadow().thing_name(satellite.as_str()).shadow_name(name.as_str()).send().await;
        match got {
            Ok(got) => {
                serde_json::from_slice::<Value>(got.payload().unwrap().as_ref()).unwrap()["state"]["desired"].clone()
            }
            Err(error) => {
                assert!(error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()), "{error:?}");
                Value::Null
            }
        }
    }

    async fn is_active(&self, certificate_id: &str) -> bool {
        let described = self.iot.control.describe_certificate().certificate_id(certificate_id).send().await.unwrap();
        let status = described.certificate_description().unwrap().status();
        status == Some(&aws_sdk_iot::types::CertificateStatus::Active)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_is_as_its_port_has_it() {
    let moto = Moto::start().await;
    conformance::bus(async || World::new(&moto).await).await;
}

/// What connects a satellite's revocation with its end: no event of it is taken any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_satellite_is_thrown_out_and_a_claim_or_nobody_can_be_revoked_too() {
    let moto = Moto::start().await;
    let world = World::new(&moto).await;
    let fleet = world.iot.fleet();
    let kitchen = fleet.create_satellite(&"kitchen".parse().unwrap()).await.unwrap();
    let den = fleet.create_satellite(&"den".parse().unwrap()).await.unwrap();
    let connected = world.iot.connect(&kitchen, "kitchen").await.unwrap();
    let mut other = world.iot.connect(&den, "den").await.unwrap();
    world.bus.revoke(&kitchen.certificate_id).await.unwrap();
    connected.closed().await;
    assert!(world.iot.connect(&kitchen, "kitchen").await.is_none());
    let topic = Topic::Telemetry { thing: "den".parse().unwrap() }.to_string();
    assert!(other.publish(&topic, "{}").await, "others stay");
    let claim = fleet.create_claim().await.unwrap();
    for certificate in [&claim.certificate_id, &kitchen.certificate_id, &"0".repeat(64)] {
        world.bus.revoke(certificate).await.unwrap();
    }
    assert!(!world.is_active(&claim.certificate_id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_no_shadow_can_hold_is_refused_by_its_name() {
    let moto = Moto::start().await;
    let world = World::new(&moto).await;
    let (den, _) = world.satellite("den").await;
    // The first is too large by itself, the others together.
    let cases = [(9000, false), (5000, true), (5000, false)];
    for (number, (bytes, fits)) in cases.into_iter().enumerate() {
        let desired = json!({(format!("key{number}")): "x".repeat(bytes)});
        match world.bus.shadow(&den, ShadowName::Commands, &desired).await {
            Ok(()) => assert!(fits, "{bytes} bytes"),
            Err(error) => {
                assert!(!fits, "{bytes} bytes: {}", chain(&error));
                let told = "shadow `commands` of `den` did not go out: the state would be larger than 8192 bytes";
                assert_eq!(chain(&error), told);
            }
        }
    }
    let missing = world.bus.shadow(&"nobody".parse().unwrap(), ShadowName::Config, &json!({"privacy": true})).await;
    // AWS keeps shadows of things that are not registered; a device that is not there reads none.
    assert!(missing.is_ok(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_the_trace_that_it_belongs_to() {
    let moto = Moto::start().await;
    let sqs = clients::sqs(&moto.url());
    let made = queues(&sqs).await;
    let iot = clients::iot_of_moto(&moto);
    let data = clients::iot(&moto.url(), "", ("a", "b")).1;
    let bus = AwsBus::new(sqs.clone(), iot, data, urls(&made));
    let queues = SqsQueues::new(sqs, made);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let hop = |cause: &str| Delivery::hop(Queue::Judge, cause, Timestamp::from_ms(1), &json!({}));
    for (cause, header) in [("a", Some(header)), ("b", Some("nonsense")), ("c", None)] {
        traced(header, bus.enqueue(hop(cause))).await.unwrap();
        let batch = queues.receive(Queue::Judge, 10, 0).await.unwrap();
        let carried = batch[0].attributes.get("AWSTraceHeader").map(String::as_str);
        assert_eq!(carried, header.filter(|header| header.starts_with("Root")), "{cause}");
        queues.finish(Queue::Judge, &batch, &BTreeSet::new()).await.unwrap();
    }
    let unknown = AwsBus::new(
        clients::sqs(&moto.url()),
        clients::iot_of_moto(&moto),
        clients::iot(&moto.url(), "", ("a", "b")).1,
        BTreeMap::new(),
    );
    let error = unknown.enqueue(hop("d")).await.unwrap_err();
    assert_eq!(chain(&error), "a delivery to `judge` did not go out: the URL of queue `judge` is not in the settings");
}
