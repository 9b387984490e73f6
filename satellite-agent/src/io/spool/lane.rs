//! One lane of the spool: a row of segments, written at the end, read from a place, removed from the front.

use super::super::files::{self, FileError, failed};
use super::{
    Found,
    reader::Reader,
    segment::{self, Line, Segment, State},
};
use crate::core::{Channel, Entry, Lane, Position, Record};
use marvain_domain::action::ActionState;
use marvain_topics::wire::ReportPayload;
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

/// A segment of which everything is removed is begun anew when it has so many bytes: what was sent does not stay on the disk
/// for long.
const STALE_BYTES: u64 = 8 * 1024;

#[derive(Debug)]
pub(super) struct LaneLog {
    dir: PathBuf,
    lane: Lane,
    segment_bytes: u64,
    segments: VecDeque<Segment>,
    /// The last segment, if it may be appended to.
    tail: Option<Tail>,
    state: State,
    /// How far inputs have been read according to what is not durable yet.
    unsynced: BTreeMap<String, Position>,
    /// Places that were written and then taken back; the next `sync` tells.
    lost: Vec<u64>,
    reader: Reader,
}

#[derive(Debug)]
struct Tail {
    file: File,
    /// Bytes and entries of the segment that are durable, and the lane's last place at that point.
    synced_bytes: u64,
    synced_entries: u64,
    synced_place: u64,
    dirty: bool,
}

impl LaneLog {
    pub(super) fn open(dir: &Path, lane: Lane, segment_bytes: u64, found: &mut Found) -> Result<Self, FileError> {
        let mut names: Vec<(u64, PathBuf)> = Vec::new();
        for item in std::fs::read_dir(dir).map_err(failed("read", dir))? {
            let path = item.map_err(failed("read", dir))?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_prefix(lane.as_str())?.strip_prefix('-')?.strip_suffix(".log"))
                .and_then(|number| number.parse().ok());
            names.extend(number.map(|number| (number, path)));
        }
        names.sort_unstable();
        let mut log = Self {
            dir: dir.to_owned(),
            lane,
            segment_bytes,
            segments: VecDeque::new(),
            tail: None,
            state: State::default(),
            unsynced: BTreeMap::new(),
            lost: Vec::new(),
            reader: Reader::default(),
        };
        let count = names.len();
        for (i, (first, path)) in names.into_iter().enumerate() {
            // A segment that lost its head still may not use a place twice.
            log.state.stored = log.state.stored.max(first.saturating_sub(1));
            let state = &mut log.state;
            let opened = segment::open(&path, first, i + 1 == count, |line| {
                state.apply(line);
                found.reported.extend(reported(line));
            })?;
            found.faults.extend(opened.fault);
            log.segments.push_back(opened.segment);
        }
        log.forget_removed()?;
        if log.state.removed >= log.state.stored && log.segments.back().is_some_and(|last| last.entries > 0) {
            log.begin()?;
            log.forget_removed()?;
            return Ok(log);
        }
        if let Some(last) = log.segments.back() {
            let file = files::append_to(&last.path)?;
            file.sync_all().map_err(failed("sync", &last.path))?;
            let (synced_bytes, synced_entries, synced_place) = (last.bytes, last.entries, log.state.stored);
            log.tail = Some(Tail { file, synced_bytes, synced_entries, synced_place, dirty: false });
        }
        Ok(log)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.state.dropped
    }

    pub(super) const fn bounds(&self) -> (u64, u64) {
        (self.state.removed, self.state.stored)
    }

    pub(super) const fn positions(&self) -> &BTreeMap<String, Position> {
        &self.state.positions
    }

    /// The frame that `append` will write for this record.
    pub(super) fn encode(&self, record: &Record) -> Option<Vec<u8>> {
        segment::encode(&Line::Entry {
            seq: self.state.stored.saturating_add(1),
            channel: record.channel,
            position: record.position.as_ref().map(Cow::Borrowed),
            payload: Cow::Borrowed(&record.payload),
        })
    }

    fn must_begin(&self, frame: &[u8]) -> bool {
        match (&self.tail, self.segments.back()) {
            (Some(_), Some(last)) => last.entries > 0 && last.bytes + frame.len() as u64 > self.segment_bytes,
            _ => true,
        }
    }

    /// Bytes that appending this frame will take.
    pub(super) fn bytes_for(&self, frame: &[u8]) -> u64 {
        let head = if self.must_begin(frame) { self.head().map_or(0, |head| head.len()) } else { 0 };
        (frame.len() + head) as u64
    }

    fn head(&self) -> Option<Vec<u8>> {
        segment::encode(&Line::Head(self.state.clone()))
    }

    /// Begins a segment, durably.
    fn begin(&mut self) -> Result<(), FileError> {
        self.sync_tail()?;
        let first = self.state.stored.saturating_add(1);
        let path = self.dir.join(format!("{}-{first:020}.log", self.lane.as_str()));
        let head = self.head().unwrap_or_default();
        // An empty segment of this very name is replaced by one that stands where the lane stands now.
        self.segments.retain(|segment| segment.path != path);
        files::replace(&path, &head)?;
        let file = files::append_to(&path)?;
        let bytes = head.len() as u64;
        let synced_place = self.state.stored;
        self.segments.push_back(Segment { path, first, last: synced_place, entries: 0, bytes });
        self.tail = Some(Tail { file, synced_bytes: bytes, synced_entries: 0, synced_place, dirty: false });
        Ok(())
    }

    /// Writes a frame at the end of the last segment. A segment that refused is not written to again: the next append begins
    /// another, and may so get rid of what is only waiting to be forgotten.
    fn write(&mut self, frame: &[u8]) -> Result<(), FileError> {
        let (Some(tail), Some(last)) = (&mut self.tail, self.segments.back_mut()) else { return Ok(()) };
        let Err(error) = tail.file.write_all(frame) else {
            last.bytes += frame.len() as u64;
            return Ok(());
        };
        let error = failed("write", &last.path)(error);
        if let Err(cut) = tail.file.set_len(last.bytes) {
            tracing::error!(%cut, segment = %last.path.display(), "half a frame stays in the spool");
        }
        // What was written before may still be made durable.
        if let Err(unsynced) = self.sync_tail() {
            tracing::error!(error = %unsynced, cause = %unsynced.source, "entries may not be durable and are taken back");
        }
        self.tail = None;
        Err(error)
    }

    /// Writes a record as `frame`, made by `encode`; durable after `sync`.
    pub(super) fn append(&mut self, record: &Record, frame: &[u8]) -> Result<u64, FileError> {
        if self.must_begin(frame) {
            self.begin()?;
        }
        self.write(frame)?;
        self.state.stored = self.state.stored.saturating_add(1);
        let seq = self.state.stored;
        if let Some(position) = &record.position {
            self.unsynced.insert(position.input.clone(), position.clone());
        }
        if let (Some(tail), Some(last)) = (&mut self.tail, self.segments.back_mut()) {
            tail.dirty = true;
            last.last = seq;
            last.entries += 1;
        }
        Ok(seq)
    }

    /// Makes what was written durable, and answers the places of what was written since the last time and is not.
    pub(super) fn sync(&mut self) -> Vec<u64> {
        if let Err(error) = self.sync_tail() {
            tracing::error!(%error, cause = %error.source, "the spool cannot be written");
        }
        std::mem::take(&mut self.lost)
    }

    /// Has something been taken back since the last `sync`?
    pub(super) const fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// If this fails, what was written since it was done last is taken back: whether a second fsync would tell the truth about
    /// it, nobody knows.
    fn sync_tail(&mut self) -> Result<(), FileError> {
        let (Some(tail), Some(last)) = (&mut self.tail, self.segments.back_mut()) else { return Ok(()) };
        if !std::mem::take(&mut tail.dirty) {
            return Ok(());
        }
        match tail.file.sync_data() {
            Ok(()) => {
                (tail.synced_bytes, tail.synced_entries) = (last.bytes, last.entries);
                tail.synced_place = self.state.stored;
                self.state.positions.append(&mut self.unsynced);
                Ok(())
            }
            Err(error) => {
                let error = failed("sync", &last.path)(error);
                if let Err(cut) = tail.file.set_len(tail.synced_bytes) {
                    tracing::error!(%cut, segment = %last.path.display(), "entries that may not be durable stay in the spool");
                }
                (last.bytes, last.entries) = (tail.synced_bytes, tail.synced_entries);
                last.last = last.last.min(tail.synced_place);
                self.lost.extend(tail.synced_place.saturating_add(1)..=self.state.stored);
                self.tail = None;
                self.unsynced.clear();
                Err(error)
            }
        }
    }

    /// At most `most` entries behind `after`, in order.
    pub(super) fn fetch(&mut self, after: u64, most: usize) -> Result<Vec<Entry>, FileError> {
        self.reader.fetch(&self.segments, after, most)
    }

    /// Entries up to and with `through` are done with. The note of it is not forced to disk: without it they are sent
    /// once more, under the same ids.
    pub(super) fn remove(&mut self, through: u64) -> Result<(), FileError> {
        self.state.removed = self.state.removed.max(through);
        self.forget_removed()?;
        let all_removed = self.state.removed >= self.state.stored;
        if all_removed && self.segments.back().is_some_and(|last| last.bytes >= STALE_BYTES) {
            self.begin()?;
            return self.forget_removed();
        }
        self.note(&Line::Removed(self.state.removed))
    }

    fn note(&mut self, line: &Line<'_>) -> Result<(), FileError> {
        segment::encode(line).map_or(Ok(()), |frame| self.write(&frame))
    }

    /// Deletes the segments in front that have nothing left, except the last: it has the lane's state.
    fn forget_removed(&mut self) -> Result<(), FileError> {
        while self.segments.len() > 1 {
            let Some(front) = self.segments.front().filter(|front| front.last <= self.state.removed) else { break };
            std::fs::remove_file(&front.path).map_err(failed("remove", &front.path))?;
            self.segments.pop_front();
        }
        Ok(())
    }

    /// Drops the oldest segment, and counts its entries that were not removed. False if there is nothing to drop.
    pub(super) fn drop_oldest(&mut self) -> Result<bool, FileError> {
        if self.state.removed >= self.state.stored {
            return Ok(false);
        }
        if self.segments.len() == 1 {
            // What is taken back is not dropped as well.
            self.sync_tail()?;
        }
        let Some((first, last)) = self.segments.front().map(|front| (front.first, front.last)) else {
            return Ok(false);
        };
        let dropped = (last + 1).saturating_sub(first.max(self.state.removed + 1));
        self.state.removed = self.state.removed.max(last);
        self.state.dropped = self.state.dropped.saturating_add(dropped);
        if self.segments.len() == 1 {
            self.begin()?;
        } else {
            self.note(&Line::Dropped(self.state.dropped))?;
        }
        tracing::warn!(dropped, total = self.state.dropped, "the spool is full: the oldest readings are dropped");
        self.forget_removed()?;
        Ok(true)
    }

    /// Counts readings that never found room.
    pub(super) fn count_dropped(&mut self, readings: u64) {
        self.state.dropped = self.state.dropped.saturating_add(readings);
        if let Err(error) = self.note(&Line::Dropped(self.state.dropped)) {
            tracing::debug!(%error, "the number of dropped readings is not on disk yet");
        }
    }
}

#[cfg(test)]
impl LaneLog {
    /// From now on the last segment is written through `file`.
    pub(super) fn break_tail(&mut self, file: File) {
        if let Some(tail) = &mut self.tail {
            tail.file = file;
        }
    }
}

fn reported(line: &Line<'_>) -> Option<marvain_domain::id::ActionId> {
    let Line::Entry { channel: Channel::Report, payload, .. } = line else { return None };
    let report = ReportPayload::parse(payload.get().as_bytes()).ok()?;
    (report.state != ActionState::Acknowledged).then_some(report.action)
}
