//! What verification found.

use super::super::hash::Hash;
use serde::Serialize;

/// Most findings that a report lists; the rest is counted.
pub const FINDINGS_MAX: usize = 100;

/// What was done to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// An entry, or an object derived from entries, was changed.
    Edited,
    /// Entries were taken out.
    Dropped,
    /// Entries, or objects that no log has, were put in.
    Inserted,
    /// Entries changed places.
    Reordered,
    /// The end is missing although a checkpoint speaks of it.
    Truncated,
    /// The log is an earlier state of itself: a trusted checkpoint is larger.
    RolledBack,
    /// Two histories were signed with the same key.
    Forked,
    /// A checkpoint is not signed by the log's key.
    BadSignature,
    /// An object is missing, later ones are there.
    Missing,
    /// An object or an entry cannot be read.
    Malformed,
    /// Objects beyond the newest checkpoint: an append under way or interrupted, or checkpoints that were removed, which
    /// only a trusted checkpoint can tell apart. Alone it does not count against the log.
    Unpublished,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was done.
    pub class: Class,
    /// The first entry that is affected, or the first that may be.
    pub seq: Option<u64>,
    /// Key of the object that shows it.
    pub object: Option<String>,
    /// What was expected and what is there.
    pub detail: String,
}

/// The outcome of verifying a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many entries the newest checkpoint speaks of.
    pub size: u64,
    /// The root that it signs; [`Hash::EMPTY_ROOT`] without a checkpoint.
    pub root: Hash,
    /// How many of the log's checkpoints have a valid signature.
    pub checkpoints: u64,
    /// How many entries were read.
    pub entries: u64,
    /// What is wrong, the first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings more there are.
    pub findings_left_out: u64,
}

impl Report {
    /// Whether the log is what was signed.
    pub fn is_intact(&self) -> bool {
        self.findings.iter().all(|finding| finding.class == Class::Unpublished)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}
