//! The end of the store: what was handed to the writer is committed, then the database is one file that nobody holds.

use std::sync::atomic::Ordering;

use super::{Store, StoreError};

impl Store {
    /// Completes when the writer takes no more jobs: the store was closed, or its thread has died.
    pub(crate) async fn ended(&self) {
        self.writer.jobs.closed().await;
    }

    /// Finishes the reads and the jobs there are, moves the write-ahead log into the database, and lets go of the lock.
    /// Whatever is asked afterwards fails with [`StoreError::Closed`]. May be called again, and cancelled.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.closing.store(true, Ordering::Release);
        // Only to wake it; refused if it takes none already.
        let _refused = self.writer.jobs.send(Box::new(|_| Box::new(|_| ()))).await;
        match self.writer.ended.clone().wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Err(StoreError::Closed)),
            Err(_) => Err(StoreError::Closed),
        }
    }
}
