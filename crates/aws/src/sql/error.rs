//! Why a statement was not executed.

use marvain_hub::port::Cause;

/// Why a statement was not executed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The database refused it, and would again.
    #[error("the database refused a statement")]
    Refused(#[source] Cause),
    /// The database, or the way to it, is not there now.
    #[error("the database cannot be reached now")]
    Unavailable(#[source] Cause),
    /// The cluster was at zero capacity and has not woken up in time.
    #[error("the database is still resuming after {waited_s} s")]
    Resuming {
        /// How long it was waited for.
        waited_s: u64,
        /// What it says.
        #[source]
        source: Cause,
    },
    /// The answer is not of the form that the statement was written for.
    #[error("the database answers something else than was asked for: {0}")]
    Unexpected(String),
}
