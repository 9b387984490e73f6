//! A batch of messages from SQS: each becomes a delivery, and those that are not done with are named in the answer, so that
//! they alone come again (AWS Lambda, "Handling errors for an SQS event source": `ReportBatchItemFailures`).
//!
//! It does not know what a delivery means.

use crate::{Function, System, TimeLeft, emf, emf::Metric, settings::Settings};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use marvain_aws::bus::{
    envelope::{EnvelopeError, decode},
    traced,
};
use marvain_domain::chain;
use marvain_hub::{Hub, Outcome, in_lanes, port::Delivery};
use marvain_topics::Queue;
use std::{collections::BTreeMap, sync::Arc};
use tracing::Instrument as _;

/// System attribute of a message that carries X-Ray's trace (Amazon SQS, "Message system attributes").
const TRACE: &str = "AWSTraceHeader";
/// Attribute of a message: how often it was received.
const RECEIVED: &str = "ApproximateReceiveCount";

/// The batch cannot be answered for message by message: all of it comes again.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// SQS names each message.
    #[error("a message has no id")]
    NoId,
    /// Two messages have one id.
    #[error("two messages have the id `{0}`")]
    SameId(String),
}

/// Why a message is no delivery.
#[derive(Debug, thiserror::Error)]
enum MessageError {
    /// It comes from a queue that this function has nothing to do with.
    #[error("the message is of none of the function's queues")]
    Queue,
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// What became of the deliveries of one queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// All.
    pub deliveries: u64,
    /// Such as the hub refused.
    pub rejected: u64,
    /// Such as come again.
    pub retried: u64,
}

/// Takes batches to the hub.
pub struct Worker {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Whose queues these are.
    pub settings: Arc<Settings>,
    /// Which function this is.
    pub function: Function,
    /// What time it is.
    pub system: System,
}

/// A message on its way.
struct Item {
    /// SQS's own id of the message.
    message: String,
    delivery: Delivery,
    /// How often it was received.
    attempt: u32,
    trace: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Rejected,
    Again,
}

impl Worker {
    /// Works on a batch: one satellite's deliveries in order, different satellites' side by side. A message that is no
    /// delivery comes again as well: after its last attempt it is a dead letter, which a person can look at. `trace` is the
    /// invocation's own, for messages that carry none.
    ///
    /// # Errors
    /// [`BatchError`], and nothing was done.
    pub async fn work(
        &self,
        event: SqsEvent,
        left: TimeLeft,
        trace: Option<&str>,
    ) -> Result<SqsBatchResponse, BatchError> {
        let began = self.system.now();
        let mut tallies: BTreeMap<Option<Queue>, Tally> = BTreeMap::new();
        let mut failures = Vec::new();
        let mut items = Vec::with_capacity(event.records.len());
        for record in check(event.records)? {
            let (message, queue) = (record.message_id.clone().unwrap_or_default(), self.queue_of(&record));
            let tally = tallies.entry(queue).or_default();
            tally.deliveries += 1;
            match Self::decode(record, queue, trace) {
                Ok(item) => items.push(item),
                Err(error) => {
                    tracing::error!(message, error = chain(&error), "the message is no delivery");
                    tally.retried += 1;
                    failures.push(message);
                }
            }
        }
        let done = in_lanes(items, |item| &item.delivery, |item| self.work_one(item, left)).await;
        for (queue, message, fate) in done {
            let tally = tallies.entry(Some(queue)).or_default();
            tally.rejected += u64::from(fate == Fate::Rejected);
            tally.retried += u64::from(fate == Fate::Again);
            if fate == Fate::Again {
                failures.push(message);
            }
        }
        let now = self.system.now();
        for (queue, Tally { deliveries, rejected, retried }) in tallies {
            let values = [
                (Metric::Deliveries, deliveries),
                (Metric::Rejected, rejected),
                (Metric::Retried, retried),
                (Metric::Duration, now.ms_since(began)),
            ];
            emf::emit(now, self.function.name(), Some(queue.map_or("unknown", Queue::name)), &values);
        }
        Ok(response(failures))
    }

    /// The queue that a message came from, if it is one of this function's.
    fn queue_of(&self, record: &SqsMessage) -> Option<Queue> {
        let queue = self.settings.queue_of(record.event_source_arn.as_deref()?)?;
        self.function.queues().contains(&queue).then_some(queue)
    }

    fn decode(record: SqsMessage, queue: Option<Queue>, trace: Option<&str>) -> Result<Item, MessageError> {
        let queue = queue.ok_or(MessageError::Queue)?;
        let delivery = decode(queue, record.body.as_deref().unwrap_or_default())?;
        let attempt = record.attributes.get(RECEIVED).and_then(|count| count.parse().ok()).unwrap_or_default();
        let trace = record.attributes.get(TRACE).cloned().or_else(|| trace.map(str::to_owned));
        Ok(Item { message: record.message_id.unwrap_or_default(), delivery, attempt, trace })
    }

    async fn work_one(&self, item: Item, left: TimeLeft) -> (Queue, String, Fate) {
        let Item { message, delivery, attempt, trace } = item;
        let queue = delivery.queue;
        let span = tracing::info_span!("delivery", id = %delivery.id, queue = queue.name(), attempt, trace);
        // What is sent meanwhile belongs to the same trace.
        let work = traced(trace.as_deref(), async {
            match left.to(self.hub.deliver(&delivery, self.system.now())).await {
                Ok(Ok(Outcome::Applied | Outcome::Repeated)) => Fate::Done,
                Ok(Ok(Outcome::Rejected(why))) => {
                    tracing::warn!(why, "delivery rejected");
                    Fate::Rejected
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = chain(&error), "the delivery is tried again");
                    Fate::Again
                }
                Err(up) => {
                    tracing::warn!("{up}: the delivery is tried again");
                    Fate::Again
                }
            }
        });
        (queue, message, work.instrument(span).await)
    }
}

/// The records, once each can be answered for.
fn check(records: Vec<SqsMessage>) -> Result<Vec<SqsMessage>, BatchError> {
    let mut ids = std::collections::BTreeSet::new();
    for record in &records {
        let id = record.message_id.as_deref().filter(|id| !id.is_empty()).ok_or(BatchError::NoId)?;
        if !ids.insert(id) {
            return Err(BatchError::SameId(id.to_owned()));
        }
    }
    drop(ids);
    Ok(records)
}

fn response(failures: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures
        .into_iter()
        .map(|message| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message;
            failure
        })
        .collect();
    response
}
