//! What the API offers and the hub does not own: queues, backup, the audit log's objects, counters.
//!
//! Whoever composes a hub implements it over what it is composed of. It need not ask who may: that is done before.

use async_trait::async_trait;
use marvain_domain::{Timestamp, id::PersonId};
use marvain_hub::{people::RequestError, port::Head};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueueInfo {
    /// Its name.
    pub name: String,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that are worked on, or wait for their next attempt.
    pub in_flight: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Since when the oldest waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

/// A delivery that was given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// The topic it came on; none for the hub's own hops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The certificate that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was given up.
    pub error: String,
    /// Its payload as text, cut to [`LETTER_BYTES_MAX`]; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// Longest text of a dead letter's payload, in bytes.
pub const LETTER_BYTES_MAX: usize = 2048;

impl DeadLetter {
    /// A payload as [`DeadLetter::body`] shows it.
    pub fn shown(body: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(body).into_owned();
        let mut end = text.len().min(LETTER_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}

/// A backup that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackupInfo {
    /// Where it is, on the hub's machine.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Size of the audit log in it, in entries.
    pub audit_size: u64,
}

/// A restore that has begun.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RestoreInfo {
    /// When the backup was made.
    pub of: Timestamp,
    /// Where the hub's data from before are kept, on the hub's machine, once it is done.
    pub aside: PathBuf,
}

/// Counters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stats {
    /// Since when the hub runs.
    pub started_at: Timestamp,
    /// Effects that wait to go out.
    pub outbox: u64,
    /// Entries of the audit log.
    pub audit_size: u64,
    /// Audit rows that wait to be sealed.
    pub audit_waiting: u64,
    /// The broker.
    pub broker: BrokerStats,
}

/// What the broker has counted since it was started.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BrokerStats {
    /// Connections now.
    pub connections: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// Messages that came in.
    pub messages_in: u64,
    /// Messages that went out.
    pub messages_out: u64,
    /// Messages dropped because their subscriber was too slow or its queue full.
    pub dropped: u64,
    /// Messages not delivered because no policy allows it.
    pub denied: u64,
}

/// What the API offers and the hub does not own.
#[async_trait]
pub trait Operations: Send + Sync {
    /// All queues.
    async fn queues(&self) -> Result<Vec<QueueInfo>, RequestError>;
    /// Deliveries that queue `name` has given up, oldest first, and where to go on.
    async fn dead_letters(
        &self,
        name: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), RequestError>;
    /// Puts those with these ids, or all if none are named, back into queue `name`. Says how many.
    async fn redrive(&self, name: &str, ids: &[String]) -> Result<u64, RequestError>;
    /// Makes a backup where this hub keeps its backups: whoever asks has no say in the path.
    async fn backup(&self, now: Timestamp) -> Result<BackupInfo, RequestError>;
    /// Checks a backup and has it take the place of the hub's data at once, for `by`: the hub answers, stops, and starts
    /// anew.
    async fn restore(&self, backup: &Path, by: &PersonId, now: Timestamp) -> Result<RestoreInfo, RequestError>;
    /// The newest sealed state of the audit log, as the ledger knows it.
    async fn audit_head(&self) -> Result<Option<Head>, RequestError>;
    /// Keys of the audit log's objects in their order, and where to go on. A checkpoint's objects are there when it is.
    async fn audit_objects(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), RequestError>;
    /// One object of the audit log.
    async fn audit_object(&self, key: &str) -> Result<Option<Vec<u8>>, RequestError>;
    /// Counters.
    async fn stats(&self) -> Result<Stats, RequestError>;
}
