//! Actions: proposed → (allowed | awaiting approval) → approved → dispatched → acknowledged → an end.
//!
//! An action is an immutable [`Invocation`] and a state that moves only through [`advance`]. Nothing here carries it
//! out: a command exists only for an action whose [`Grant`] matches the hash of its invocation.

mod advance;

pub use advance::{ActionError, Step, advance};

use crate::{
    Timestamp,
    capability::CapabilityName,
    id::{ActionId, EventId, MemoryId, PersonId, SatelliteId, SpaceId},
    principal::Principal,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// How long an approval is waited for, in seconds.
pub const APPROVAL_TTL_S: u64 = 15 * 60;
/// How long a command may wait for its satellite unless its proposer says less, in seconds.
pub const COMMAND_TTL_S: u64 = 5 * 60;
/// How long after a command's expiry its result is still waited for, in seconds: a clock may be off, a program slow.
pub const RESULT_GRACE_S: u64 = 120;
/// Most commands open on one satellite: they share a shadow document of 8 KB (AWS IoT Core quotas, "Device Shadow").
pub const COMMANDS_OPEN_MAX: usize = 8;
/// Longest arguments of one action, as JSON, in bytes.
pub const ARGS_BYTES_MAX: usize = 640;
/// Longest result kept, as JSON, in bytes.
pub const RESULT_BYTES_MAX: usize = 4096;

/// Who carries an action out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A satellite.
    Satellite(SatelliteId),
    /// The hub, on its own records.
    Hub,
}

/// What exactly is to be done. Approval is bound to the hash of this.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Invocation {
    /// By whom.
    pub target: Target,
    /// With which capability.
    pub capability: CapabilityName,
    /// With which arguments.
    pub args: Map<String, Value>,
}

/// Hex SHA-256 over the RFC 8785 form of an [`Invocation`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArgsHash(String);

impl ArgsHash {
    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArgsHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The invocation has no canonical form, so nobody could say what is approved.
#[derive(Debug, thiserror::Error)]
#[error("the arguments have no canonical form")]
pub struct NotCanonical(#[source] serde_json::Error);

/// Why something cannot be proposed.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// See [`NotCanonical`].
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// More than a command may carry.
    #[error("`args` has {0} bytes of JSON, more than {ARGS_BYTES_MAX}")]
    TooLong(usize),
}

impl Invocation {
    /// What an approval of this is bound to.
    pub fn hash(&self) -> Result<ArgsHash, NotCanonical> {
        let canonical = serde_json_canonicalizer::to_vec(self).map_err(NotCanonical)?;
        Ok(ArgsHash(hex::encode(Sha256::digest(canonical))))
    }
}

/// How much harm an action can do; the policies decide what follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Says or shows something.
    Low,
    /// Changes something that can be changed back.
    Medium,
    /// Changes something for good, or touches safety.
    High,
}

impl Risk {
    /// Name as written in records and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What brought an action about.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The event that was planned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellite: Option<SatelliteId>,
    /// The space it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Memories whose words it may carry. When one of them is forgotten, its words go too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memories: Vec<MemoryId>,
}

/// What policy said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Ids of the policies that decided it.
    pub policies: Vec<String>,
    /// What went wrong while deciding. Any error turns an allow into an ask, and an ask stays one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// Allow, ask or deny.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may run unattended.
    Allow,
    /// A person decides.
    Ask,
    /// It may not run.
    Deny,
}

/// The recorded permission to carry out one invocation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Who gave it: `system` for policy alone, else the person who approved.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// What it is bound to.
    pub args_hash: ArgsHash,
}

/// Where an action is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Waits for policy.
    Proposed,
    /// Waits for a person.
    AwaitingApproval,
    /// Policy lets it run unattended.
    Allowed,
    /// A person lets it run.
    Approved,
    /// Its command lies with the satellite.
    Dispatched,
    /// The satellite has begun.
    Acknowledged,
    /// Done.
    Succeeded,
    /// Tried, and not done.
    Failed,
    /// Policy, a person or the satellite turned it down.
    Rejected,
    /// Nobody answered, or the command came too late.
    Expired,
    /// The satellite never said how it ended.
    TimedOut,
    /// Called off.
    Canceled,
}

impl ActionState {
    /// All states.
    pub const ALL: [Self; 12] = [
        Self::Proposed,
        Self::AwaitingApproval,
        Self::Allowed,
        Self::Approved,
        Self::Dispatched,
        Self::Acknowledged,
        Self::Succeeded,
        Self::Failed,
        Self::Rejected,
        Self::Expired,
        Self::TimedOut,
        Self::Canceled,
    ];

    /// Name as written in commands and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Allowed => "allowed",
            Self::Approved => "approved",
            Self::Dispatched => "dispatched",
            Self::Acknowledged => "acknowledged",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
        }
    }

    /// Is this an end?
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Rejected | Self::Expired | Self::TimedOut | Self::Canceled
        )
    }
}

/// How an action ended, or what a satellite reports of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

const fn command_ttl_s() -> u64 {
    COMMAND_TTL_S
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// An action with all that was decided about it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// Id, derived from its cause.
    pub id: ActionId,
    /// What is to be done.
    pub invocation: Invocation,
    /// The hash that approvals are bound to.
    pub args_hash: ArgsHash,
    /// Why, in the proposer's words; at most 400 bytes.
    pub why: String,
    /// Who proposed it.
    pub proposer: Principal,
    /// What brought it about.
    pub origin: Origin,
    /// How much harm it can do.
    pub risk: Risk,
    /// Where it is.
    pub state: ActionState,
    /// What policy said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The permission to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Until when the present state may last: an approval's or a result's deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How long its command may wait for the satellite, in seconds; at most [`COMMAND_TTL_S`].
    #[serde(default = "command_ttl_s")]
    pub command_ttl_s: u64,
    /// Until when it waits for a place among its satellite's open commands; then a tick tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Until when the satellite may begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_expires_at: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// A report that came after the end; kept, and changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Outcome>,
    /// Have its words been forgotten: arguments, reason, outcome?
    #[serde(default, skip_serializing_if = "is_false")]
    pub forgotten: bool,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When it last moved.
    pub changed_at: Timestamp,
}

impl Action {
    /// An action that nobody has judged yet.
    ///
    /// # Errors
    /// [`ProposeError`], if nobody could approve it or no command could carry it.
    pub fn propose(
        id: ActionId,
        invocation: Invocation,
        why: String,
        proposer: Principal,
        origin: Origin,
        risk: Risk,
        now: Timestamp,
    ) -> Result<Self, ProposeError> {
        let bytes = serde_json::to_string(&invocation.args).map_or(usize::MAX, |json| json.len());
        if bytes > ARGS_BYTES_MAX {
            return Err(ProposeError::TooLong(bytes));
        }
        Ok(Self {
            id,
            args_hash: invocation.hash()?,
            invocation,
            why,
            proposer,
            origin,
            risk,
            state: ActionState::Proposed,
            decision: None,
            grant: None,
            deadline: None,
            command_ttl_s: COMMAND_TTL_S,
            waits_until: None,
            command_expires_at: None,
            outcome: None,
            late: None,
            forgotten: false,
            created_at: now,
            changed_at: now,
        })
    }
    /// When its present state is over, if time ends it: nobody judges, approves, takes it up or answers any more.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.state {
            ActionState::Proposed => Some(self.created_at.plus_s(self.command_ttl_s)),
            ActionState::Allowed | ActionState::Approved => {
                self.grant.as_ref().map(|grant| grant.at.plus_s(self.command_ttl_s))
            }
            state if state.is_final() => None,
            _ => self.deadline,
        }
    }

    /// The action without words: who, what, when and the hash stay.
    #[must_use]
    pub fn forget(&self) -> Self {
        let mut next = self.clone();
        next.forgotten = true;
        next.invocation.args = Map::new();
        next.why = String::new();
        next.outcome = next.outcome.map(|_| Outcome::default());
        next.late = next.late.map(|_| Outcome::default());
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_no_command_could_carry_cannot_be_proposed() {
        let propose = |bytes: usize| {
            let invocation = Invocation {
                target: Target::Hub,
                capability: "say".parse().unwrap(),
                args: json!({"t": "x".repeat(bytes)}).as_object().unwrap().clone(),
            };
            let id = ActionId::derive(&["1"]);
            let (by, origin) = (Principal::System, Origin::default());
            Action::propose(id, invocation, String::new(), by, origin, Risk::Low, Timestamp::EPOCH)
        };
        assert!(propose(ARGS_BYTES_MAX - r#"{"t":""}"#.len()).is_ok());
        let error = propose(ARGS_BYTES_MAX).unwrap_err();
        assert_eq!(error.to_string(), "`args` has 648 bytes of JSON, more than 640");
    }
}
