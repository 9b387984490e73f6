//! What operating needs of the queues: how much waits, what was given up, and putting it back. And the two halves of a poller,
//! which on AWS is Lambda's event source mapping.
//!
//! SQS counts approximately, and shows what a queue holds only by handing it out: a look hides messages for a moment, and two that
//! look at the same time may each see a part. It does not tell how old the oldest message is: CloudWatch does
//! (`ApproximateAgeOfOldestMessage`).

mod dead;
mod poll;

pub use dead::{DEAD_LETTERS_MAX, DeadLetter, LOOKED_AT_MAX};
pub use poll::Message;

use crate::bus::NoQueue;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use marvain_hub::port::Cause;
use marvain_topics::Queue;
use std::collections::BTreeMap;

/// A queue and its dead letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueUrls {
    /// URL of the queue.
    pub queue: String,
    /// URL of the queue of what it has given up.
    pub dead_letters: String,
}

/// The queues of one hub.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    sqs: Client,
    urls: BTreeMap<Queue, QueueUrls>,
}

/// How a queue is doing; all of it approximate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that are worked on, or wait for their next attempt.
    pub in_flight: u64,
    /// Messages that were given up.
    pub dead: u64,
}

/// Why a queue did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{what} failed")]
pub struct QueueError {
    /// What.
    pub what: String,
    /// Why.
    #[source]
    pub source: Cause,
}

/// What failed, around why.
fn failed<E: Into<Cause>>(what: impl Into<String>) -> impl FnOnce(E) -> QueueError {
    let what = what.into();
    move |source| QueueError { what, source: source.into() }
}

impl SqsQueues {
    /// These queues.
    pub fn new(sqs: Client, urls: BTreeMap<Queue, QueueUrls>) -> Self {
        Self { sqs, urls }
    }

    /// Counts the messages of a queue and of its dead letters.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn counts(&self, queue: Queue) -> Result<Counts, QueueError> {
        let urls = self.urls(queue)?;
        let [waiting, hidden, delayed] = self.numbers(&urls.queue).await.map_err(failed(counting(queue)))?;
        let [dead, looked_at, _] = self.numbers(&urls.dead_letters).await.map_err(failed(counting(queue)))?;
        Ok(Counts { waiting, in_flight: hidden + delayed, dead: dead + looked_at })
    }

    /// Messages that are visible, hidden and delayed ("GetQueueAttributes").
    async fn numbers(&self, url: &str) -> Result<[u64; 3], Cause> {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let got = request.send().await?;
        let mut numbers = [0; 3];
        for (number, name) in numbers.iter_mut().zip(&names) {
            let text = got.attributes().and_then(|all| all.get(name)).ok_or("the answer lacks a number")?;
            *number = text.parse()?;
        }
        Ok(numbers)
    }

    fn urls(&self, queue: Queue) -> Result<&QueueUrls, QueueError> {
        let urls = self.urls.get(&queue).ok_or_else(|| NoQueue(queue.name().to_owned()));
        urls.map_err(failed(format!("finding queue `{}`", queue.name())))
    }
}

fn counting(queue: Queue) -> String {
    format!("counting queue `{}`", queue.name())
}
