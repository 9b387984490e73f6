//! What goes into the agent and what comes out of it.

use crate::config::{Emit, Job};
use marvain_domain::{Timestamp, action::Outcome, id::ActionId, id::SatelliteId};
use marvain_topics::{EventKind, Topic, wire::Reading};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The two clocks of one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Wall-clock time: for payloads and for when commands expire. It may jump.
    pub wall: Timestamp,
    /// Milliseconds on a clock that never goes back: for deadlines.
    pub mono_ms: u64,
}

/// Which half of the spool. Telemetry may be dropped, the rest may not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// Events and reports: never dropped.
    Events,
    /// Readings: the oldest are dropped when there is no room.
    Telemetry,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Events, Self::Telemetry];

    /// Name, as in files and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Telemetry => "telemetry",
        }
    }
}

/// What a spooled payload is, hence where it is published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// [`EventKind::Transcript`].
    Transcript,
    /// [`EventKind::Observation`].
    Observation,
    /// [`EventKind::Suppressed`].
    Suppressed,
    /// [`Topic::Telemetry`].
    Telemetry,
    /// [`Topic::Report`].
    Report,
}

impl Channel {
    /// The lane that it is spooled in.
    pub const fn lane(self) -> Lane {
        match self {
            Self::Telemetry => Lane::Telemetry,
            Self::Transcript | Self::Observation | Self::Suppressed | Self::Report => Lane::Events,
        }
    }

    /// Does it carry what an input said?
    pub const fn is_content(self) -> bool {
        matches!(self, Self::Transcript | Self::Observation)
    }

    /// Its topic.
    pub fn topic(self, thing: &SatelliteId) -> Topic {
        let thing = thing.clone();
        match self {
            Self::Transcript => Topic::Event { thing, kind: EventKind::Transcript },
            Self::Observation => Topic::Event { thing, kind: EventKind::Observation },
            Self::Suppressed => Topic::Event { thing, kind: EventKind::Suppressed },
            Self::Telemetry => Topic::Telemetry { thing },
            Self::Report => Topic::Report { thing },
        }
    }
}

/// How far a followed file has been read. It is stored in the same write as the line that it follows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// Name of the input.
    pub input: String,
    /// Device number of the file.
    pub device: u64,
    /// Inode number of the file.
    pub inode: u64,
    /// Bytes read, to the end of the last whole line.
    pub offset: u64,
}

/// Something to be spooled.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is.
    pub channel: Channel,
    /// JSON, published as it stands.
    pub payload: Box<RawValue>,
    /// Where its input has got to.
    pub position: Option<Position>,
}

/// Something that was spooled.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in its lane: grows, and is never used twice.
    pub seq: u64,
    /// What it is.
    pub channel: Channel,
    /// JSON.
    pub payload: Box<RawValue>,
}

/// A spooled entry that waits for its PUBACK.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token {
    /// Lane.
    pub lane: Lane,
    /// Place.
    pub seq: u64,
}

/// How the spool stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that it may have.
    pub bytes_max: u64,
    /// Telemetry payloads dropped since the state directory was set up.
    pub dropped_telemetry: u64,
}

/// Why something could not be spooled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotStored {
    /// There is no room, and no telemetry left to drop.
    Full,
    /// The disk refuses.
    Disk,
}

/// What the journal keeps across restarts, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The actuator may have run from here on.
    Started {
        /// Which command.
        action: ActionId,
        /// Its expiry, by which it is forgotten in time.
        expires_at: Timestamp,
    },
    /// Its final report is in the spool.
    Done {
        /// Which command.
        action: ActionId,
        /// Its expiry.
        expires_at: Timestamp,
    },
    /// Privacy mode, as last heard.
    Privacy {
        /// On or off.
        on: bool,
    },
    /// A part of the journal was lost: commands that are open now may have run.
    Damaged,
    /// Those commands have been dealt with.
    Trusted,
}

/// What is known at start-up.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The journal.
    pub facts: Vec<Fact>,
    /// Commands whose final report is in the spool.
    pub reported: Vec<ActionId>,
    /// Per lane: the last entry removed and the last one stored.
    pub events: (u64, u64),
    /// As `events`.
    pub telemetry: (u64, u64),
    /// How the spool stands.
    pub usage: Usage,
    /// What was found broken, in words; reported to the hub.
    pub faults: Vec<String>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The broker has accepted the connection.
    Connected,
    /// The broker has accepted the subscriptions.
    Subscribed,
    /// The connection is gone.
    Disconnected,
    /// The broker has taken responsibility for an entry.
    Acked(Token),
    /// A message came.
    Message {
        /// On which topic.
        topic: Topic,
        /// Its payload.
        payload: bytes::Bytes,
    },
    /// An input has a line.
    Line {
        /// Its name.
        input: String,
        /// What lines become there.
        emit: Emit,
        /// The line without its end.
        text: String,
        /// How far the input has got with it.
        position: Option<Position>,
    },
    /// An input has measured something.
    Readings(Vec<Reading>),
    /// A job has ended; an error in the outcome means that it failed.
    Finished {
        /// Of which command.
        action: ActionId,
        /// How.
        outcome: Outcome,
    },
    /// Answer to [`Output::Append`]: what is durable, and what is not.
    Appended {
        /// For each record in order: the entry's place, or why there is none.
        stored: Vec<Result<u64, NotStored>>,
        /// How the spool stands.
        usage: Usage,
    },
    /// Answer to [`Output::Fetch`].
    Fetched {
        /// Lane.
        lane: Lane,
        /// Entries in order, empty if there are no more; none if the spool cannot be read now.
        entries: Option<Vec<Entry>>,
    },
    /// Answer to [`Output::Remove`].
    Removed(Usage),
    /// Answer to [`Output::Remember`].
    Remembered {
        /// What was to be remembered.
        fact: Fact,
        /// Is it durable?
        stored: bool,
    },
    /// The process is about to end.
    Stopping,
    /// Time has passed: [`super::Agent::deadline`] is reached.
    Tick,
}

/// Something to do. Outputs are carried out in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Subscribe to these topics with QoS 1, in one packet.
    Subscribe(Vec<Topic>),
    /// Publish with QoS 1; a token asks for [`Input::Acked`].
    Publish {
        /// Where.
        topic: Topic,
        /// JSON.
        payload: String,
        /// What to answer with.
        token: Option<Token>,
    },
    /// Make records durable, in order: behind an event that is refused, later ones of these are refused as well. The next
    /// [`Output::Append`] comes after the answer to this one, so no event overtakes another.
    Append(Vec<Record>),
    /// Read entries.
    Fetch {
        /// Lane.
        lane: Lane,
        /// Only those behind this place.
        after: u64,
        /// At most so many.
        most: usize,
    },
    /// Entries up to and with this place are done with.
    Remove(Token),
    /// Make a fact durable.
    Remember(Fact),
    /// Replace the whole journal by these facts.
    Rewrite(Vec<Fact>),
    /// Begin a job.
    Start {
        /// For which command.
        action: ActionId,
        /// What to do.
        job: Job,
    },
    /// Stop or resume reading all inputs.
    Pause(bool),
}
