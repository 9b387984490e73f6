//! One file of the spool: frames of JSON, each a line of the lane's history.

use super::super::{
    files::{self, FileError, failed},
    frame::{self, Piece},
};
use crate::core::{Channel, Entry, Position};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A line of history. A segment begins with `Head`, so that what came before it may go.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// How the lane stands.
    Head(State),
    /// Something was stored.
    Entry {
        seq: u64,
        channel: Channel,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<Cow<'a, Position>>,
        payload: Cow<'a, RawValue>,
    },
    /// Entries up to this one are done with.
    Removed(u64),
    /// So many were dropped in all.
    Dropped(u64),
}

/// How a lane stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Place of the last entry stored.
    pub(super) stored: u64,
    /// Place of the last entry removed.
    pub(super) removed: u64,
    /// Entries dropped.
    pub(super) dropped: u64,
    /// How far inputs that are files had been read.
    #[serde(default)]
    pub(super) positions: BTreeMap<String, Position>,
}

impl State {
    pub(super) fn apply(&mut self, line: &Line<'_>) {
        match line {
            Line::Head(head) => {
                self.stored = self.stored.max(head.stored);
                self.removed = self.removed.max(head.removed);
                self.dropped = self.dropped.max(head.dropped);
                self.positions.extend(head.positions.iter().map(|(input, position)| (input.clone(), position.clone())));
            }
            Line::Entry { seq, position, .. } => {
                self.stored = self.stored.max(*seq);
                if let Some(position) = position {
                    self.positions.insert(position.input.clone(), position.clone().into_owned());
                }
            }
            Line::Removed(through) => self.removed = self.removed.max(*through),
            Line::Dropped(dropped) => self.dropped = self.dropped.max(*dropped),
        }
    }
}

/// A line as a frame; none if it is too large.
pub(super) fn encode(line: &Line<'_>) -> Option<Vec<u8>> {
    frame::encode(&serde_json::to_vec(line).ok()?)
}

/// What is known of a segment's file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Places of its first and last entry; `first > last` while it has none.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// What was found in a segment's file.
pub(super) struct Opened {
    pub(super) segment: Segment,
    pub(super) fault: Option<String>,
}

/// Reads the whole segment `path`, gives each line to `each`, and leaves a file with whole frames only. A frame that a crash
/// cut off was never acknowledged, and goes if the segment `is_last`. A damaged file is kept aside, with what can be read of it in
/// its place.
pub(super) fn open(
    path: &Path,
    first: u64,
    is_last: bool,
    mut each: impl FnMut(&Line<'_>),
) -> Result<Opened, FileError> {
    let bytes = std::fs::read(path).map_err(failed("read", path))?;
    let mut segment = Segment { path: path.to_owned(), first, last: first.saturating_sub(1), entries: 0, bytes: 0 };
    let (mut good, mut damaged, mut torn_at) = (Vec::new(), false, None);
    for piece in frame::pieces(&bytes) {
        match piece {
            Piece::Frame { start, end, content } => match serde_json::from_slice(content) {
                Ok(line) => {
                    each(&line);
                    if let Line::Entry { seq, .. } = &line {
                        segment.last = segment.last.max(*seq);
                        segment.entries += 1;
                    }
                    good.push(start..end);
                }
                Err(_) => damaged = true,
            },
            Piece::Bad { start, torn, .. } if torn && is_last => torn_at = Some(start),
            Piece::Bad { .. } => damaged = true,
        }
    }
    let mut fault = None;
    if damaged {
        let aside = files::keep_aside(path)?;
        let salvaged: Vec<u8> = good.iter().filter_map(|range| bytes.get(range.clone())).flatten().copied().collect();
        files::replace(path, &salvaged)?;
        segment.bytes = salvaged.len() as u64;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (kept, aside) = (segment.entries, aside.display());
        fault = Some(format!("spool segment `{name}` was damaged: {kept} entries kept, the file is kept as `{aside}`"));
    } else if let Some(cut) = torn_at {
        tracing::warn!(segment = %path.display(), bytes = bytes.len() - cut, "the spool's end was never finished and is cut off");
        let file = files::append_to(path)?;
        file.set_len(cut as u64).and_then(|()| file.sync_all()).map_err(failed("cut", path))?;
        segment.bytes = cut as u64;
    } else {
        segment.bytes = bytes.len() as u64;
    }
    Ok(Opened { segment, fault })
}

/// The entry in a frame's content, if it is one.
pub(super) fn entry(content: &[u8]) -> Option<Entry> {
    match serde_json::from_slice(content).ok()? {
        Line::Entry { seq, channel, payload, .. } => Some(Entry { seq, channel, payload: payload.into_owned() }),
        Line::Head(_) | Line::Removed(_) | Line::Dropped(_) => None,
    }
}
