//! What the API offers and the hub does not own, on AWS: SQS's queues, the audit log's objects in the vault, counters.
//!
//! Backups are not made here: DynamoDB keeps every state of the table's last 35 days by itself.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use marvain_aws::{
    DynamoLedger, S3Vault, SqsQueues,
    queues::{Counts, DeadLetter as Letter},
};
use marvain_console::operations::{BackupInfo, BrokerStats, DeadLetter, Operations, QueueInfo, RestoreInfo, Stats};
use marvain_domain::{Timestamp, chain, id::PersonId};
use marvain_hub::{
    people::RequestError,
    port::{Cause, Head, Ledger as _, Vault as _},
};
use marvain_topics::Queue;
use std::{path::Path, sync::Arc};

/// Where a person reads how the data are restored.
const RESTORE: &str = "the table's point-in-time recovery is the backup: docs/operations.md#restore says how";

/// Most that is counted of what waits.
const BACKLOG_MAX: usize = 4096;

/// A deployment's operations.
pub struct AwsOperations {
    /// The queues.
    pub queues: SqsQueues,
    /// Facts.
    pub ledger: Arc<DynamoLedger>,
    /// The audit log.
    pub vault: Arc<S3Vault>,
    /// Since when this instance runs.
    pub started_at: Timestamp,
}

fn unavailable(error: impl Into<Cause>) -> RequestError {
    RequestError::Unavailable(error.into())
}

fn queue(name: &str) -> Result<Queue, RequestError> {
    Queue::from_name(name).ok_or_else(|| RequestError::NotFound { what: "queue", id: name.chars().take(80).collect() })
}

/// SQS keeps neither why nor when it was given up: shown is where to look for the one, and when it was sent.
fn shown(letter: Letter) -> DeadLetter {
    let sent_at = letter.sent_at.unwrap_or(Timestamp::EPOCH);
    let (id, attempts) = (letter.id, letter.handed_out);
    match letter.delivery {
        Ok(delivery) => DeadLetter {
            error: format!("look for `{}` in the function's log", delivery.id),
            id,
            topic: delivery.topic,
            principal: delivery.principal,
            received_at: delivery.received_at,
            died_at: sent_at,
            attempts,
            body: DeadLetter::shown(&delivery.body),
        },
        Err(error) => DeadLetter {
            error: chain(&error),
            id,
            topic: None,
            principal: None,
            received_at: sent_at,
            died_at: sent_at,
            attempts,
            body: String::new(),
        },
    }
}

impl AwsOperations {
    async fn info(&self, queue: Queue) -> Result<QueueInfo, RequestError> {
        let Counts { waiting, in_flight, dead } = self.queues.counts(queue).await.map_err(unavailable)?;
        Ok(QueueInfo { name: queue.name().to_owned(), waiting, in_flight, dead, oldest: None })
    }
}

#[async_trait]
impl Operations for AwsOperations {
    async fn queues(&self) -> Result<Vec<QueueInfo>, RequestError> {
        try_join_all(Queue::ALL.map(|queue| self.info(queue))).await
    }

    /// SQS has no places to go on from: the first ones are shown, and there is no next page.
    async fn dead_letters(
        &self,
        name: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), RequestError> {
        if after.is_some() {
            return Err(RequestError::Invalid("`after` is no place in this list".to_owned()));
        }
        let letters = self.queues.dead_letters(queue(name)?, limit).await.map_err(unavailable)?;
        Ok((letters.into_iter().map(shown).collect(), None))
    }

    async fn redrive(&self, name: &str, ids: &[String]) -> Result<u64, RequestError> {
        let queue = queue(name)?;
        let redriven = if ids.is_empty() {
            self.queues.redrive_all(queue).await
        } else {
            self.queues.redrive(queue, &ids.iter().cloned().collect()).await
        };
        redriven.map_err(unavailable)
    }

    async fn backup(&self, _: Timestamp) -> Result<BackupInfo, RequestError> {
        Err(RequestError::Conflict(RESTORE.to_owned()))
    }

    async fn restore(&self, _: &Path, _: &PersonId, _: Timestamp) -> Result<RestoreInfo, RequestError> {
        Err(RequestError::Conflict(RESTORE.to_owned()))
    }

    async fn audit_head(&self) -> Result<Option<Head>, RequestError> {
        Ok(self.ledger.head().await?)
    }

    async fn audit_objects(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), RequestError> {
        self.vault.page(limit, after).await.map_err(unavailable)
    }

    async fn audit_object(&self, key: &str) -> Result<Option<Vec<u8>>, RequestError> {
        self.vault.get(key).await.map_err(unavailable)
    }

    /// The broker counts for itself, in CloudWatch's namespace `AWS/IoT`.
    async fn stats(&self) -> Result<Stats, RequestError> {
        let (head, backlog) = tokio::try_join!(self.ledger.head(), self.ledger.backlog(BACKLOG_MAX))?;
        Ok(Stats {
            started_at: self.started_at,
            outbox: backlog.effects as u64,
            audit_size: head.map_or(0, |head| head.size),
            audit_waiting: backlog.audit_rows as u64,
            broker: BrokerStats::default(),
        })
    }
}
