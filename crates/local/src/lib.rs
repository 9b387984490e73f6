//! The hub's ports on SQLite and files, and durable queues between its steps.
//!
//! It decides nothing: what is stored, queued or recalled has no meaning here. It has no clock and no network.

mod backup;
mod data_dir;
mod ledger;
mod queues;
mod recall;
mod signer;
mod store;
mod telemetry;
mod vault;

pub use backup::{BackupError, BackupFile, Manifest, replace, restore, verify_backup};
pub use data_dir::{LocalStores, holder, is_vacant, sync_directory, write_durably};
pub use ledger::SqliteLedger;
pub use queues::{
    BATCH_DELIVERIES_MAX, Batch, DELIVERY_BYTES_MAX, DeadLetter, DeadLetters, Enqueued, Fate, QueueCounts, QueueError,
    Receipt, Received, Redrive, SqliteQueues,
};
pub use recall::SqliteRecall;
pub use signer::SeedSigner;
pub use store::{OpenError, StoreError};
pub use telemetry::SqliteTelemetry;
pub use vault::FileVault;
