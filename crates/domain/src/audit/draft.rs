//! What is to be recorded, before the log gives it a place.
//!
//! It knows neither its sequence number nor its predecessor; those come with [`super::append::plan`].

use super::entry::{ENTRY_BYTES_MAX, Entry, EntryError, SEQ_MAX};
use super::hash::Hash;
use crate::{AuditDraft, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Deepest nesting of a draft's data, in arrays and objects.
pub const DATA_DEPTH_MAX: usize = 32;

/// Something that happened and belongs into the log. Once made it fits into an entry at any place of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Draft(Fields);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    time: Timestamp,
    actor: String,
    on_behalf_of: Vec<String>,
    kind: String,
    data: Value,
}

/// Why something cannot be recorded as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// No actor, or no kind.
    #[error("an audit entry needs {0}")]
    Empty(&'static str),
    /// RFC 8785 writes numbers as doubles, and this one would change.
    #[error("the integer {0} in an audit entry's data is beyond 2^53 and would change: write it as text")]
    Inexact(serde_json::Number),
    /// The data nests deeper than [`DATA_DEPTH_MAX`].
    #[error("an audit entry's data nests deeper than {DATA_DEPTH_MAX} levels")]
    Deep,
    /// The entry would be longer than [`ENTRY_BYTES_MAX`].
    #[error("the audit entry has {bytes} bytes of {ENTRY_BYTES_MAX}: record a hash of the long part instead")]
    Long {
        /// Length of the entry in bytes, at its longest.
        bytes: usize,
    },
    /// The canonical form could not be written.
    #[error("the audit entry has no canonical form: {0}")]
    Canonical(String),
}

impl Draft {
    /// A draft of what `actor` (`person:anna`, `satellite:kitchen`, `system`) did at `time`, on behalf of whom (nearest
    /// first), of which kind (`action.approved`) and with which details.
    ///
    /// # Errors
    /// [`DraftError`] if no entry can hold it.
    pub fn new(
        time: Timestamp,
        actor: impl Into<String>,
        on_behalf_of: Vec<String>,
        kind: impl Into<String>,
        data: Value,
    ) -> Result<Self, DraftError> {
        Fields { time, actor: actor.into(), on_behalf_of, kind: kind.into(), data }.try_into()
    }

    /// When it happened.
    pub const fn time(&self) -> Timestamp {
        self.0.time
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        &self.0.actor
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its details.
    pub const fn data(&self) -> &Value {
        &self.0.data
    }

    /// The entry that records it at place `seq`, after the entry with leaf hash `prev`.
    pub fn at(&self, seq: u64, prev: Hash) -> Entry {
        let Fields { time, actor, on_behalf_of, kind, data } = self.0.clone();
        Entry { v: 1, seq, time, actor, on_behalf_of, kind, data, prev }
    }
}

impl TryFrom<Fields> for Draft {
    type Error = DraftError;
    fn try_from(fields: Fields) -> Result<Self, DraftError> {
        if fields.actor.is_empty() {
            return Err(DraftError::Empty("an actor"));
        }
        if fields.kind.is_empty() {
            return Err(DraftError::Empty("a kind"));
        }
        check_data(&fields.data, DATA_DEPTH_MAX)?;
        let draft = Self(fields);
        // As it is read back, so that `1.0` is the `1` that RFC 8785 makes of it.
        match draft.at(SEQ_MAX, Hash::ZERO).to_canonical().and_then(|bytes| Entry::parse(&bytes)) {
            Ok(Entry { data, .. }) => Ok(Self(Fields { data, ..draft.0 })),
            Err(EntryError::Long(bytes)) => Err(DraftError::Long { bytes }),
            Err(e) => Err(DraftError::Canonical(e.to_string())),
        }
    }
}

impl TryFrom<AuditDraft> for Draft {
    type Error = DraftError;
    fn try_from(draft: AuditDraft) -> Result<Self, DraftError> {
        let on_behalf_of = draft.on_behalf_of.iter().map(ToString::to_string).collect();
        Self::new(draft.at, draft.actor.to_string(), on_behalf_of, draft.kind, draft.data)
    }
}

impl From<Draft> for Fields {
    fn from(draft: Draft) -> Self {
        draft.0
    }
}

fn check_data(value: &Value, depth_left: usize) -> Result<(), DraftError> {
    let inner = || depth_left.checked_sub(1).ok_or(DraftError::Deep);
    match value {
        Value::Number(number) if number.as_i64().map(i64::unsigned_abs).or(number.as_u64()) > Some(SEQ_MAX) => {
            Err(DraftError::Inexact(number.clone()))
        }
        Value::Array(items) => inner().and_then(|left| items.iter().try_for_each(|item| check_data(item, left))),
        Value::Object(fields) => inner().and_then(|left| fields.values().try_for_each(|item| check_data(item, left))),
        _ => Ok(()),
    }
}
