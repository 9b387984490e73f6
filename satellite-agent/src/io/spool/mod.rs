//! The spool: what is not yet acknowledged by the broker, on disk, bounded in bytes.
//!
//! Two lanes of append-only segments: events (and reports), which are never dropped, and telemetry, of which the oldest
//! segment goes when there is no room. It does not know topics, links or commands.

mod lane;
mod reader;
mod segment;

#[cfg(test)]
mod tests;

use super::files::{self, FileError};
use crate::core::{Channel, Entry, Lane, NotStored, Position, Record, Usage};
use lane::LaneLog;
use marvain_domain::id::ActionId;
use std::{collections::BTreeMap, path::Path};

/// Largest segment, in bytes.
const SEGMENT_BYTES_MAX: u64 = 512 * 1024;
/// A spool has at least so many segments, so that dropping one does not drop much.
const SEGMENTS_MIN: u64 = 32;
/// The part of the spool that only reports of commands may use: one sixteenth.
const REPORTS_DIVISOR: u64 = 16;

/// An open spool.
#[derive(Debug)]
pub(super) struct Spool {
    events: LaneLog,
    telemetry: LaneLog,
    bytes_max: u64,
}

/// What was found on opening.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Commands with a final report in the spool.
    pub(super) reported: Vec<ActionId>,
    /// Damage, in words.
    pub(super) faults: Vec<String>,
}

impl Spool {
    /// Opens or begins the spool in `dir`.
    pub(super) fn open(dir: &Path, bytes_max: u64) -> Result<(Self, Found), FileError> {
        files::make_dir(dir)?;
        let segment_bytes = (bytes_max / SEGMENTS_MIN).min(SEGMENT_BYTES_MAX);
        let mut found = Found::default();
        let events = LaneLog::open(dir, Lane::Events, segment_bytes, &mut found)?;
        let telemetry = LaneLog::open(dir, Lane::Telemetry, segment_bytes, &mut found)?;
        Ok((Self { events, telemetry, bytes_max }, found))
    }

    const fn lane(&mut self, lane: Lane) -> &mut LaneLog {
        match lane {
            Lane::Events => &mut self.events,
            Lane::Telemetry => &mut self.telemetry,
        }
    }

    /// How it stands.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            bytes: self.events.bytes() + self.telemetry.bytes(),
            bytes_max: self.bytes_max,
            dropped_telemetry: self.telemetry.dropped(),
        }
    }

    /// The last place removed and the last one stored.
    pub(super) fn bounds(&mut self, lane: Lane) -> (u64, u64) {
        self.lane(lane).bounds()
    }

    /// How far each input that is a file had been read.
    pub(super) const fn positions(&self) -> &BTreeMap<String, Position> {
        self.events.positions()
    }

    /// Writes records and makes them durable together: for each its place, or why it has none. No event overtakes one that
    /// is refused. Telemetry is dropped, and counted, to make room.
    pub(super) fn append(&mut self, records: &[Record]) -> Vec<Result<u64, NotStored>> {
        let mut refused = None;
        let written: Vec<_> = records.iter().map(|record| self.write(record, &mut refused)).collect();
        // What cannot be made durable does not count as stored, and readings of it not as kept.
        let (events, telemetry) = (self.events.sync(), self.telemetry.sync());
        if !telemetry.is_empty() {
            self.telemetry.count_dropped(telemetry.len() as u64);
        }
        let lost = |lane: Lane, place: &u64| match lane {
            Lane::Events => events.contains(place),
            Lane::Telemetry => telemetry.contains(place),
        };
        let durable = |(stored, record): (Result<u64, _>, &Record)| match stored {
            Ok(place) if lost(record.channel.lane(), &place) => Err(NotStored::Disk),
            stored => stored,
        };
        written.into_iter().zip(records).map(durable).collect()
    }

    fn write(&mut self, record: &Record, refused: &mut Option<NotStored>) -> Result<u64, NotStored> {
        match record.channel {
            Channel::Telemetry => {
                let stored = self.write_with_room(Lane::Telemetry, record);
                if stored.is_err() {
                    self.telemetry.count_dropped(1);
                }
                stored
            }
            Channel::Report => self.write_with_room(Lane::Events, record),
            Channel::Transcript | Channel::Observation | Channel::Suppressed => {
                let before = refused.or_else(|| self.events.has_lost().then_some(NotStored::Disk));
                let stored = before.map_or_else(|| self.write_with_room(Lane::Events, record), Err);
                *refused = stored.err();
                stored
            }
        }
    }

    fn write_with_room(&mut self, lane: Lane, record: &Record) -> Result<u64, NotStored> {
        let reserve = if record.channel == Channel::Report { 0 } else { self.bytes_max / REPORTS_DIVISOR };
        let frame = self.lane(lane).encode(record).ok_or(NotStored::Disk)?;
        let needed = self.lane(lane).bytes_for(&frame);
        while self.usage().bytes + needed > self.bytes_max - reserve {
            match self.telemetry.drop_oldest() {
                Ok(true) => {}
                Ok(false) => return Err(NotStored::Full),
                Err(error) => return Err(not_stored(&error)),
            }
        }
        self.lane(lane).append(record, &frame).map_err(|error| not_stored(&error))
    }

    /// Reads at most `most` entries behind `after`, in order.
    pub(super) fn fetch(&mut self, lane: Lane, after: u64, most: usize) -> Result<Vec<Entry>, FileError> {
        self.lane(lane).fetch(after, most)
    }

    /// Entries up to and with `through` are done with.
    pub(super) fn remove(&mut self, lane: Lane, through: u64) -> Result<(), FileError> {
        self.lane(lane).remove(through)
    }
}

fn not_stored(error: &FileError) -> NotStored {
    let cause = error.source.to_string();
    tracing::error!(%error, cause, "the spool cannot be written");
    NotStored::Disk
}
