//! Reminders: something to say to somebody at a time.

use crate::{
    Timestamp,
    action::Origin,
    id::{ReminderId, SatelliteId},
};
use serde::{Deserialize, Serialize};

/// Longest text of a reminder, in bytes.
pub const REMINDER_BYTES_MAX: usize = 400;
/// How far ahead a reminder may lie, in seconds.
pub const REMINDER_AHEAD_S_MAX: u64 = 366 * 24 * 3600;

/// Something to say at a time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reminder {
    /// Id, derived from the action that set it.
    pub id: ReminderId,
    /// What to say; empty once it was said.
    pub text: String,
    /// When.
    pub due: Timestamp,
    /// Through which satellite.
    pub satellite: SatelliteId,
    /// What brought it about: who asked for it, and where. That may be elsewhere than where it is said.
    #[serde(default)]
    pub origin: Origin,
    /// When it went off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Timestamp>,
}
