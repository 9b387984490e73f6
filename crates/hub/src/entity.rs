//! How domain types lie in the ledger: one key each, and a place in the lists and in what is due.

use crate::port::{IndexKey, Key};
use marvain_domain::{
    Timestamp,
    action::{Action, ActionState},
    consent::{Consent, ConsentKind},
    event::{Event, SESSION_GAP_S, Session},
    id::{AccountId, ActionId, DeviceName, EventId, MemoryId, PersonId, ReminderId, SatelliteId, SpaceId},
    identity::{Device, EnrolmentCode, Person, Presence, PushAddress, Satellite, Space},
    memory::{Memory, MemoryState},
    reminder::Reminder,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// How long events keep, in seconds.
pub const EVENT_TTL_S: u64 = 90 * 24 * 3600;
/// How long actions keep after they end, in seconds.
pub const ACTION_TTL_S: u64 = 400 * 24 * 3600;
/// How long the newest value of a reading keeps, in seconds.
pub const READING_TTL_S: u64 = 30 * 24 * 3600;
/// How long a step may leave an action where it is before a tick sends it on again, in milliseconds.
pub const STUCK_MS: u64 = 10_000;
/// Partition of everything that is due at some time.
pub const DUE: &str = "due";

/// Something that is kept as one record.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    /// Where it lies.
    fn key(&self) -> Key;
    /// Its place in a list.
    fn list(&self) -> Option<IndexKey> {
        None
    }
    /// When a tick has to look at it.
    fn due(&self) -> Option<IndexKey> {
        None
    }
    /// When it may be dropped.
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

fn index(pk: impl Into<String>, sk: impl Into<String>) -> Option<IndexKey> {
    Some(IndexKey { pk: pk.into(), sk: sk.into() })
}

/// A time as a sort key: 15 digits of milliseconds.
pub fn sort_time(at: Timestamp) -> String {
    format!("{:015}", at.as_ms())
}

fn timed(at: Timestamp, id: &str) -> String {
    format!("{}#{id}", sort_time(at))
}

/// Key of a satellite.
pub fn satellite_key(id: &SatelliteId) -> Key {
    key(format!("satellite#{id}"), "satellite")
}

/// List of all satellites.
pub const SATELLITES: &str = "satellites";

impl Entity for Satellite {
    fn key(&self) -> Key {
        satellite_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        index(SATELLITES, self.id.as_str())
    }
}

/// A satellite's presence, kept apart because it changes often.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PresenceOf {
    /// Whose.
    pub satellite: SatelliteId,
    /// Version of its shadow `presence` that was seen last.
    #[serde(default)]
    pub shadow_version: u64,
    /// What is known.
    #[serde(flatten)]
    pub presence: Presence,
}

/// Key of a satellite's presence.
pub fn presence_key(id: &SatelliteId) -> Key {
    key(format!("satellite#{id}"), "presence")
}

impl Entity for PresenceOf {
    fn key(&self) -> Key {
        presence_key(&self.satellite)
    }
}

/// The commands that are open on a satellite: what its shadow `commands` holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenCommands {
    /// Whose.
    pub satellite: SatelliteId,
    /// Which, at most [`marvain_domain::action::COMMANDS_OPEN_MAX`].
    pub actions: Vec<ActionId>,
}

/// Key of a satellite's open commands.
pub fn open_commands_key(id: &SatelliteId) -> Key {
    key(format!("satellite#{id}"), "commands")
}

impl Entity for OpenCommands {
    fn key(&self) -> Key {
        open_commands_key(&self.satellite)
    }
}

/// The newest value of one reading.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LatestReading {
    /// Whose.
    pub satellite: SatelliteId,
    /// What.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Unit; empty for a plain number.
    pub unit: String,
    /// When.
    pub at: Timestamp,
}

/// The newest values of all that a satellite measures.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Readings {
    /// Whose.
    pub satellite: SatelliteId,
    /// Which, by name.
    pub values: Vec<LatestReading>,
}

/// Key of a satellite's readings.
pub fn readings_key(id: &SatelliteId) -> Key {
    key(format!("satellite#{id}"), "readings")
}

impl Entity for Readings {
    fn key(&self) -> Key {
        readings_key(&self.satellite)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.values.iter().map(|reading| reading.at.plus_s(READING_TTL_S)).max()
    }
}

/// Key of an enrolment code.
pub fn enrolment_key(serial: &SatelliteId) -> Key {
    key(format!("enrolment#{serial}"), "code")
}

impl Entity for EnrolmentCode {
    fn key(&self) -> Key {
        enrolment_key(&self.serial)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Key of a space.
pub fn space_key(id: &SpaceId) -> Key {
    key(format!("space#{id}"), "space")
}

/// List of all spaces.
pub const SPACES: &str = "spaces";

impl Entity for Space {
    fn key(&self) -> Key {
        space_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        index(SPACES, self.id.as_str())
    }
}

/// Key of the session that is open in a space.
pub fn session_key(space: &SpaceId) -> Key {
    key(format!("space#{space}"), "session")
}

impl Entity for Session {
    fn key(&self) -> Key {
        match self.ended_at {
            None => session_key(&self.space),
            Some(_) => key(format!("space#{}", self.space), format!("session#{}", self.id)),
        }
    }
    fn due(&self) -> Option<IndexKey> {
        let end = self.last_at.plus_s(SESSION_GAP_S);
        self.ended_at.is_none().then(|| IndexKey { pk: DUE.to_owned(), sk: timed(end, self.id.as_str()) })
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.ended_at.map(|at| at.plus_s(EVENT_TTL_S))
    }
}

/// Key of a person.
pub fn person_key(id: &PersonId) -> Key {
    key(format!("person#{id}"), "person")
}

/// List of all people.
pub const PEOPLE: &str = "people";

impl Entity for Person {
    fn key(&self) -> Key {
        person_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        index(PEOPLE, self.id.as_str())
    }
}

/// Whose a token is. The token itself is kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenOf {
    /// Hex SHA-256 of the token.
    pub hash: String,
    /// Whose.
    pub person: PersonId,
}

/// Key of a token.
pub fn token_key(hash: &str) -> Key {
    key(format!("token#{hash}"), "token")
}

impl Entity for TokenOf {
    fn key(&self) -> Key {
        token_key(&self.hash)
    }
}

/// Whose an account is. One person's, and one a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountOf {
    /// Which.
    pub account: AccountId,
    /// Whose.
    pub person: PersonId,
}

/// Key of an account.
pub fn account_key(account: &AccountId) -> Key {
    key(format!("account#{account}"), "account")
}

impl Entity for AccountOf {
    fn key(&self) -> Key {
        account_key(&self.account)
    }
}

/// Key of a person's consent.
pub fn consent_key(person: &PersonId, kind: ConsentKind) -> Key {
    key(format!("person#{person}"), format!("{CONSENTS}{}", kind.as_str()))
}

/// Prefix of consents in a person's partition.
pub const CONSENTS: &str = "consent#";

impl Entity for Consent {
    fn key(&self) -> Key {
        consent_key(&self.person, self.kind)
    }
}

/// Key of a device that somebody is notified on.
pub fn device_key(person: &PersonId, name: &DeviceName) -> Key {
    key(format!("person#{person}"), format!("{DEVICES}{name}"))
}

/// Prefix of devices in a person's partition.
pub const DEVICES: &str = "device#";

impl Entity for Device {
    fn key(&self) -> Key {
        device_key(&self.person, &self.name)
    }
}

/// Whose device an address reaches: one person's, who brought its token last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReachedAt {
    /// The address.
    pub address: PushAddress,
    /// Whose.
    pub person: PersonId,
    /// Which.
    pub device: DeviceName,
}

/// Key of whose device an address reaches.
pub fn reached_key(address: &PushAddress) -> Key {
    key(format!("push#{}", hex::encode(Sha256::digest(address.as_str()))), "device")
}

impl Entity for ReachedAt {
    fn key(&self) -> Key {
        reached_key(&self.address)
    }
}

/// Key of an event.
pub fn event_key(id: &EventId) -> Key {
    key(format!("event#{id}"), "event")
}

impl Entity for Event {
    fn key(&self) -> Key {
        event_key(&self.id)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.received_at.plus_s(EVENT_TTL_S))
    }
}

/// Key of a memory.
pub fn memory_key(id: &MemoryId) -> Key {
    key(format!("memory#{id}"), "memory")
}

/// List of the memories in one state, oldest change first.
pub fn memories_in(state: MemoryState) -> String {
    format!("memories#{}", state.as_str())
}

impl Entity for Memory {
    fn key(&self) -> Key {
        memory_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        index(memories_in(self.state), timed(self.changed_at, self.id.as_str()))
    }
}

/// Key of an action.
pub fn action_key(id: &ActionId) -> Key {
    key(format!("action#{id}"), "action")
}

/// List of all actions, oldest first.
pub const ACTIONS: &str = "actions";

impl Entity for Action {
    fn key(&self) -> Key {
        action_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        index(ACTIONS, timed(self.created_at, self.id.as_str()))
    }
    fn due(&self) -> Option<IndexKey> {
        let at = match self.state {
            ActionState::Proposed | ActionState::Allowed | ActionState::Approved => {
                self.waits_until.unwrap_or_else(|| self.changed_at.plus_ms(STUCK_MS))
            }
            state if state.is_final() => return None,
            _ => self.deadline?,
        };
        index(DUE, timed(at, self.id.as_str()))
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.state.is_final().then(|| self.changed_at.plus_s(ACTION_TTL_S))
    }
}

/// Key of a reminder.
pub fn reminder_key(id: &ReminderId) -> Key {
    key(format!("reminder#{id}"), "reminder")
}

/// List of the reminders that have not gone off, by their time.
pub const REMINDERS: &str = "reminders";

impl Entity for Reminder {
    fn key(&self) -> Key {
        reminder_key(&self.id)
    }
    fn list(&self) -> Option<IndexKey> {
        self.fired_at.is_none().then(|| IndexKey { pk: REMINDERS.to_owned(), sk: timed(self.due, self.id.as_str()) })
    }
    fn due(&self) -> Option<IndexKey> {
        self.fired_at.is_none().then(|| IndexKey { pk: DUE.to_owned(), sk: timed(self.due, self.id.as_str()) })
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.fired_at.map(|at| at.plus_s(EVENT_TTL_S))
    }
}

/// The policies that people have edited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicySource {
    /// Cedar.
    pub text: String,
    /// When.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: PersonId,
}

/// Key of the policies.
pub fn policy_key() -> Key {
    key("policy".to_owned(), "source")
}

impl Entity for PolicySource {
    fn key(&self) -> Key {
        policy_key()
    }
}
