//! Dead letters: looking at them, and putting them back where they came from.
//!
//! Putting back may do it twice if it is interrupted, which the ledger makes nothing of.

use super::{
    QueueError, SqsQueues, failed,
    poll::{BATCH_MAX, Message},
};
use crate::bus::{
    envelope::{EnvelopeError, decode},
    trace_attribute,
};
use aws_sdk_sqs::{
    error::BuildError,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName as Attribute,
        MessageSystemAttributeNameForSends, QueueAttributeName,
    },
};
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, Delivery};
use marvain_topics::Queue;
use std::collections::{BTreeMap, BTreeSet};

/// Most dead letters that one look shows.
pub const DEAD_LETTERS_MAX: usize = 200;
/// Most dead letters that are gone through for those that somebody names.
pub const LOOKED_AT_MAX: usize = 2000;
/// How long a look hides a message if it is interrupted, in seconds.
const LOOK_S: i32 = 60;
/// How long a look waits for messages, in seconds: a wait asks all of SQS's servers, no wait only some ("Short and long polling").
const LOOK_WAIT_S: u8 = 1;

/// A message that was given up.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its message's id, by which it can be put back.
    pub id: String,
    /// What it carries, or why that is no delivery.
    pub delivery: Result<Delivery, EnvelopeError>,
    /// When it was first put into its queue.
    pub sent_at: Option<Timestamp>,
    /// How often it has been handed out, looks included.
    pub handed_out: u32,
}

impl SqsQueues {
    /// Up to `max` dead letters of a queue, at most [`DEAD_LETTERS_MAX`], oldest first among those that are seen. Which are seen is
    /// up to SQS when there are more; there is no going on behind them.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn dead_letters(&self, queue: Queue, max: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let url = &self.urls(queue)?.dead_letters;
        let what = || format!("looking at the dead letters of `{}`", queue.name());
        let max = max.min(DEAD_LETTERS_MAX);
        let mut seen = BTreeMap::new();
        let looked = self.look(url, &mut seen, |seen| seen.len() >= max).await;
        let shown = self.show_again(url, seen.values()).await;
        looked.and(shown).map_err(failed(what()))?;
        let mut letters: Vec<DeadLetter> = seen.into_values().map(|message| letter(queue, &message)).collect();
        letters.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        letters.truncate(max);
        Ok(letters)
    }

    /// Puts those dead letters back into their queue whose ids are named, as far as they are among the [`LOOKED_AT_MAX`] that are
    /// gone through; says how many.
    ///
    /// # Errors
    /// [`QueueError`]; some may be put back.
    pub async fn redrive(&self, queue: Queue, ids: &BTreeSet<String>) -> Result<u64, QueueError> {
        let urls = self.urls(queue)?;
        let mut seen = BTreeMap::new();
        let all = |seen: &BTreeMap<String, Message>| {
            ids.iter().all(|id| seen.contains_key(id)) || seen.len() >= LOOKED_AT_MAX
        };
        let looked = self.look(&urls.dead_letters, &mut seen, all).await;
        let (named, others): (Vec<_>, Vec<_>) = seen.values().partition(|message| ids.contains(&message.id));
        let shown = self.show_again(&urls.dead_letters, others.into_iter()).await;
        let mut redriven = 0;
        for message in named {
            let back = self.put_back(&urls.queue, &urls.dead_letters, message).await;
            back.map_err(failed(format!("putting dead letter `{}` back", message.id)))?;
            redriven += 1;
        }
        looked.and(shown).map_err(failed(format!("going through the dead letters of `{}`", queue.name())))?;
        Ok(redriven)
    }

    /// Has SQS put all dead letters of a queue back ("StartMessageMoveTask"), which goes on by itself; says about how many there
    /// are. A task that is going on already does the same, so that nothing is begun then.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn redrive_all(&self, queue: Queue) -> Result<u64, QueueError> {
        let urls = self.urls(queue)?;
        let begun = self.move_all(&urls.dead_letters).await;
        begun.map_err(failed(format!("putting all dead letters of `{}` back", queue.name())))
    }

    async fn move_all(&self, dead_letters: &str) -> Result<u64, Cause> {
        let [waiting, ..] = self.numbers(dead_letters).await?;
        let request = self.sqs.get_queue_attributes().queue_url(dead_letters);
        let got = request.attribute_names(QueueAttributeName::QueueArn).send().await?;
        let arn =
            got.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn)).ok_or("the queue has no ARN")?;
        let tasks = self.sqs.list_message_move_tasks().source_arn(arn).send().await?;
        if tasks.results().iter().any(|task| task.status() == Some("RUNNING")) {
            return Ok(waiting);
        }
        self.sqs.start_message_move_task().source_arn(arn).send().await?;
        Ok(waiting)
    }

    /// Takes messages, each once, until there is enough or nothing more comes. They are hidden then.
    async fn look(
        &self,
        url: &str,
        seen: &mut BTreeMap<String, Message>,
        enough: impl Fn(&BTreeMap<String, Message>) -> bool,
    ) -> Result<(), Cause> {
        while !enough(seen) {
            let messages = self.take(url, BATCH_MAX, Some(LOOK_S), LOOK_WAIT_S).await?;
            let before = seen.len();
            // A later receipt is the one that counts.
            seen.extend(messages.into_iter().map(|message| (message.id.clone(), message)));
            if seen.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Makes messages visible that were looked at. One that somebody else has meanwhile is theirs.
    async fn show_again(&self, url: &str, messages: impl Iterator<Item = &Message>) -> Result<(), Cause> {
        let messages: Vec<&Message> = messages.collect();
        for batch in messages.chunks(BATCH_MAX) {
            let entry = |(place, message): (usize, &&Message)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
                entry.receipt_handle(&message.receipt).visibility_timeout(0).build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, BuildError>>()?;
            self.sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries)).send().await?;
        }
        Ok(())
    }

    async fn put_back(&self, queue: &str, dead_letters: &str, message: &Message) -> Result<(), Cause> {
        let mut request = self.sqs.send_message().queue_url(queue).message_body(&message.body);
        let header = message.attributes.get(Attribute::AwsTraceHeader.as_str()).cloned();
        if let Some(value) = trace_attribute(header)? {
            request = request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        request.send().await?;
        self.delete(dead_letters, &[message]).await
    }
}

fn letter(queue: Queue, message: &Message) -> DeadLetter {
    let number = |name: Attribute| message.attributes.get(name.as_str())?.parse::<u64>().ok();
    DeadLetter {
        id: message.id.clone(),
        delivery: decode(queue, &message.body),
        sent_at: number(Attribute::SentTimestamp).map(Timestamp::from_ms),
        handed_out: number(Attribute::ApproximateReceiveCount).and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
    }
}
