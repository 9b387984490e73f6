//! What the API offers and the hub does not own, over the embedded hub's stores and broker.

use super::{restore::Restore, system::System};
use async_trait::async_trait;
use marvain_console::operations::{BackupInfo, BrokerStats, DeadLetter, Operations, QueueInfo, RestoreInfo, Stats};
use marvain_domain::{
    Timestamp, chain,
    id::{DeliveryId, PersonId},
};
use marvain_hub::{
    SEAL_ROWS_MAX, TICK_MAX,
    people::RequestError,
    port::{Cause, Head, Ledger as _, Vault as _},
};
use marvain_iotcore::IotCore;
use marvain_local::{LocalStores, Redrive, verify_backup};
use marvain_topics::Queue;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, error::TrySendError},
    },
    task,
};

/// Most objects of the audit log in one listing.
const OBJECTS_MAX: usize = 1000;

/// The embedded hub's operations.
pub(crate) struct LocalOperations {
    stores: Arc<LocalStores>,
    iot: IotCore,
    system: System,
    restores: mpsc::Sender<Restore>,
    /// One backup at a time, and none when a restore has begun: it could not have the data before the backup ends.
    whole_data: Arc<Semaphore>,
    started_at: Timestamp,
}

impl LocalOperations {
    pub(crate) fn new(stores: LocalStores, iot: IotCore, system: System, restores: mpsc::Sender<Restore>) -> Self {
        let started_at = system.now();
        let (stores, whole_data) = (Arc::new(stores), Arc::new(Semaphore::new(1)));
        Self { stores, iot, system, restores, whole_data, started_at }
    }

    fn whole_data(&self) -> Result<OwnedSemaphorePermit, RequestError> {
        let permit = Arc::clone(&self.whole_data).try_acquire_owned();
        permit.map_err(|_| RequestError::Conflict("a backup or a restore is under way".to_owned()))
    }
}

fn unavailable(error: impl Into<Cause>) -> RequestError {
    RequestError::Unavailable(error.into())
}

fn queue(name: &str) -> Result<Queue, RequestError> {
    Queue::from_name(name).ok_or_else(|| RequestError::NotFound { what: "queue", id: name.chars().take(80).collect() })
}

fn cursor(after: Option<&str>) -> Result<Option<u64>, RequestError> {
    let parsed = after.map(str::parse).transpose();
    parsed.map_err(|_| RequestError::Invalid("`after` is no place in this list".to_owned()))
}

#[async_trait]
impl Operations for LocalOperations {
    async fn queues(&self) -> Result<Vec<QueueInfo>, RequestError> {
        let counts = self.stores.queues.counts(self.system.now()).await.map_err(unavailable)?;
        let info = counts.into_iter().map(|count| QueueInfo {
            name: count.queue.name().to_owned(),
            waiting: count.ready,
            in_flight: count.in_flight + count.delayed,
            dead: count.dead,
            oldest: count.oldest_at,
        });
        Ok(info.collect())
    }

    async fn dead_letters(
        &self,
        name: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), RequestError> {
        let page = self.stores.queues.dead(Some(queue(name)?), cursor(after)?, limit).await.map_err(unavailable)?;
        let letters = page.letters.into_iter().map(|letter| DeadLetter {
            id: letter.delivery.id.to_string(),
            topic: letter.delivery.topic,
            principal: letter.delivery.principal,
            received_at: letter.delivery.received_at,
            died_at: letter.dead_at,
            attempts: letter.attempts,
            error: letter.error,
            body: DeadLetter::shown(&letter.delivery.body),
        });
        Ok((letters.collect(), page.next.map(|next| next.to_string())))
    }

    async fn redrive(&self, name: &str, ids: &[String]) -> Result<u64, RequestError> {
        let queue = queue(name)?;
        let mut redriven = 0;
        if ids.is_empty() {
            redriven = self.stores.queues.redrive(Redrive::Queue(queue)).await.map_err(unavailable)?;
        }
        for id in ids {
            let id: DeliveryId = id.parse().map_err(|e| RequestError::Invalid(format!("{e}")))?;
            redriven += self.stores.queues.redrive(Redrive::Delivery(queue, id)).await.map_err(unavailable)?;
        }
        Ok(redriven as u64)
    }

    async fn backup(&self, now: Timestamp) -> Result<BackupInfo, RequestError> {
        let mut beside = self.stores.directory().as_os_str().to_owned();
        beside.push("-backups");
        let path = PathBuf::from(beside).join(now.to_string().replace(':', ""));
        let (permit, stores, to) = (self.whole_data()?, Arc::clone(&self.stores), path.clone());
        // Of its own, because it goes on when whoever has asked for it goes away.
        let backup = tokio::spawn(async move {
            let _permit = permit;
            stores.backup(&to, now).await
        });
        let manifest = backup.await.map_err(unavailable)?.map_err(unavailable)?;
        let audit_size = self.stores.ledger.head().await?.map_or(0, |head| head.size);
        Ok(BackupInfo { path, bytes: manifest.files.iter().map(|file| file.bytes).sum(), at: now, audit_size })
    }

    async fn restore(&self, backup: &Path, by: &PersonId, now: Timestamp) -> Result<RestoreInfo, RequestError> {
        let permit = self.whole_data()?;
        let backup = backup.to_owned();
        let restore = Restore { backup: backup.clone(), by: Some(by.clone()), at: now };
        let aside = restore.aside(self.stores.directory());
        let manifest = task::spawn_blocking(move || verify_backup(&backup)).await.map_err(unavailable)?;
        let of = manifest.map_err(|error| RequestError::Invalid(chain(&error)))?.at;
        self.restores.try_send(restore).map_err(|error| match error {
            TrySendError::Full(_) => RequestError::Conflict("another restore has begun".to_owned()),
            TrySendError::Closed(_) => unavailable(error),
        })?;
        permit.forget();
        Ok(RestoreInfo { of, aside })
    }

    async fn audit_head(&self) -> Result<Option<Head>, RequestError> {
        Ok(self.stores.ledger.head().await?)
    }

    async fn audit_objects(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), RequestError> {
        let limit = limit.clamp(1, OBJECTS_MAX);
        let page = self.stores.vault.page(after, limit).await.map_err(unavailable)?;
        let next = page.last().filter(|_| page.len() == limit).cloned();
        Ok((page, next))
    }

    async fn audit_object(&self, key: &str) -> Result<Option<Vec<u8>>, RequestError> {
        self.stores.vault.get(key).await.map_err(unavailable)
    }

    async fn stats(&self) -> Result<Stats, RequestError> {
        let ledger = &self.stores.ledger;
        let broker = self.iot.stats();
        Ok(Stats {
            started_at: self.started_at,
            outbox: ledger.outbox(TICK_MAX).await?.len() as u64,
            audit_size: ledger.head().await?.map_or(0, |head| head.size),
            audit_waiting: ledger.unsealed(SEAL_ROWS_MAX).await?.len() as u64,
            broker: BrokerStats {
                connections: broker.connections,
                accepted: broker.accepted,
                refused: broker.refused,
                messages_in: broker.messages_in,
                messages_out: broker.messages_out,
                dropped: broker.dropped_qos0 + broker.dropped_queue_full,
                denied: broker.denied_receive,
            },
        })
    }
}
