//! What a decision wants the audit log to say. Sequencing and sealing come later, in `audit`.

use crate::{Timestamp, principal::Principal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fact for the audit log, not yet in sequence. It carries ids and decisions, never speech or contents: the log
/// cannot forget, so it must not know.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditDraft {
    /// When it was so.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Principal,
    /// On whose behalf, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<Principal>,
    /// What, as `subject.participle`: `action.approved`.
    pub kind: String,
    /// Ids, states, hashes, reasons.
    pub data: Value,
}
