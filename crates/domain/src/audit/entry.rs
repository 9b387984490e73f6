//! One record of the log: RFC 8785 canonical JSON, chained to its predecessor.
//!
//! It does not know where its bytes are kept, nor whether they are the log's: [`super::verify`] does.

use super::hash::Hash;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest entry in bytes: C2SP tlog-tiles, "Log Entries", gives each a 16-bit length.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Greatest sequence number, 2^53 - 1: RFC 8785 §3.2.2.3 writes numbers as doubles, exact only so far.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// A recorded fact. Its leaf in the tree is its canonical JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of this format: 1.
    pub v: u8,
    /// Place in the log, from 0, without gaps.
    pub seq: u64,
    /// When it happened, by the hub's clock.
    pub time: Timestamp,
    /// Who did it: `person:anna`, `satellite:kitchen`, `system`.
    pub actor: String,
    /// For whom, nearest first.
    pub on_behalf_of: Vec<String>,
    /// What kind of thing it is: `action.approved`.
    pub kind: String,
    /// Details, by kind.
    pub data: serde_json::Value,
    /// RFC 6962 leaf hash of the entry before; [`Hash::ZERO`] for the first.
    pub prev: Hash,
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("the entry has {0} bytes of {ENTRY_BYTES_MAX}")]
    Long(usize),
    /// Not JSON, a field missing, unknown or of the wrong type, or not writable as canonical JSON.
    #[error("the entry is not the JSON of an entry")]
    Json(#[from] serde_json::Error),
    /// Written in a way that RFC 8785 does not.
    #[error("the entry is not in the canonical form of RFC 8785")]
    NotCanonical,
    /// A version that this code does not know.
    #[error("the entry has version {0}, known is 1")]
    Version(u8),
}

impl Entry {
    /// The entry as RFC 8785 writes it: the bytes that are hashed and kept.
    ///
    /// # Errors
    /// [`EntryError::Long`], or [`EntryError::Json`] if the data has no canonical form.
    pub fn to_canonical(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = serde_json_canonicalizer::to_vec(self)?;
        if bytes.len() > ENTRY_BYTES_MAX { Err(EntryError::Long(bytes.len())) } else { Ok(bytes) }
    }

    /// The entry that `bytes` are the canonical form of; any other spelling is refused, so that an entry has one hash.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::Long(bytes.len()));
        }
        let entry: Self = serde_json::from_slice(bytes)?;
        if entry.v != 1 {
            return Err(EntryError::Version(entry.v));
        }
        if entry.to_canonical()? != bytes {
            return Err(EntryError::NotCanonical);
        }
        Ok(entry)
    }
}
