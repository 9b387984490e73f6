//! Taking messages out of a queue and being done with them, as an event source mapping does ("Using Lambda with Amazon SQS"): a
//! batch is handed out, those that failed are left to come again, the others are deleted.

use super::{QueueError, SqsQueues, failed};
use aws_sdk_sqs::{
    error::BuildError,
    types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName},
};
use marvain_hub::port::Cause;
use marvain_topics::Queue;
use std::collections::{BTreeMap, BTreeSet};

/// Most messages that SQS hands out or deletes at once ("Amazon SQS message quotas").
pub(super) const BATCH_MAX: usize = 10;

/// A message that was handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its id, which stays when it becomes a dead letter.
    pub id: String,
    /// What it is deleted by, good for this handing out alone.
    pub receipt: String,
    /// Its text: see [`crate::bus::envelope`].
    pub body: String,
    /// Its system attributes by name, as Lambda passes them on: `SentTimestamp`, `ApproximateReceiveCount`, `AWSTraceHeader` …
    pub attributes: BTreeMap<String, String>,
}

impl SqsQueues {
    /// Takes up to `max` messages, 1 to 10, and hides them for the queue's own time. Waits up to `wait_s` seconds, at most 20, for
    /// the first.
    ///
    /// # Errors
    /// [`QueueError`]; what was taken comes again.
    pub async fn receive(&self, queue: Queue, max: usize, wait_s: u8) -> Result<Vec<Message>, QueueError> {
        let url = &self.urls(queue)?.queue;
        let taken = self.take(url, max, None, wait_s).await;
        taken.map_err(failed(format!("reading queue `{}`", queue.name())))
    }

    /// The work on these is done, but for those whose ids failed: they come again when they are visible again.
    ///
    /// # Errors
    /// [`QueueError`]; what is not deleted comes again.
    pub async fn finish(
        &self,
        queue: Queue,
        batch: &[Message],
        failed_ids: &BTreeSet<String>,
    ) -> Result<(), QueueError> {
        let url = &self.urls(queue)?.queue;
        let done: Vec<&Message> = batch.iter().filter(|message| !failed_ids.contains(&message.id)).collect();
        self.delete(url, &done).await.map_err(failed(format!("deleting from queue `{}`", queue.name())))
    }

    pub(super) async fn take(
        &self,
        url: &str,
        max: usize,
        hidden_s: Option<i32>,
        wait_s: u8,
    ) -> Result<Vec<Message>, Cause> {
        let max = i32::try_from(max.clamp(1, BATCH_MAX))?;
        let request = self.sqs.receive_message().queue_url(url).max_number_of_messages(max);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.set_visibility_timeout(hidden_s).wait_time_seconds(i32::from(wait_s.min(20)));
        let mut messages = Vec::new();
        for message in request.send().await?.messages.unwrap_or_default() {
            let attributes = message.attributes.unwrap_or_default().into_iter();
            messages.push(Message {
                id: message.message_id.ok_or("a message has no id")?,
                receipt: message.receipt_handle.ok_or("a message has no receipt")?,
                body: message.body.unwrap_or_default(),
                attributes: attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
            });
        }
        Ok(messages)
    }

    pub(super) async fn delete(&self, url: &str, messages: &[&Message]) -> Result<(), Cause> {
        for batch in messages.chunks(BATCH_MAX) {
            let entry = |(place, message): (usize, &&Message)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
                entry.receipt_handle(&message.receipt).build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, BuildError>>()?;
            let deleted = self.sqs.delete_message_batch().queue_url(url).set_entries(Some(entries)).send().await?;
            if let Some(refused) = deleted.failed().first() {
                return Err(format!("a message was not deleted: {}", refused.code()).into());
            }
        }
        Ok(())
    }
}
