//! Reads entries of a lane in order, and remembers where it stopped, so that a backlog is read once.

use super::{
    super::{
        files::{FileError, failed},
        frame::{self, Piece},
    },
    segment::{self, Segment},
};
use crate::core::Entry;
use std::{collections::VecDeque, fs::File, os::unix::fs::FileExt as _};

/// Bytes read at once: more than a frame may have.
const READ_BYTES: u64 = 128 * 1024;

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The entry read last.
    after: u64,
    /// The first place of the segment that it is in.
    segment: u64,
    /// The byte behind it.
    offset: u64,
}

#[derive(Debug, Default)]
pub(super) struct Reader {
    stopped: Option<Place>,
}

impl Reader {
    /// At most `most` entries behind `after`, in order.
    pub(super) fn fetch(
        &mut self,
        segments: &VecDeque<Segment>,
        after: u64,
        most: usize,
    ) -> Result<Vec<Entry>, FileError> {
        let mut entries = Vec::new();
        let resume = self.stopped.take().filter(|place| place.after == after);
        let mut stopped = resume;
        for segment in segments.iter().filter(|segment| segment.last > after) {
            let mut offset = resume.filter(|place| place.segment == segment.first).map_or(0, |place| place.offset);
            let file = File::open(&segment.path).map_err(failed("open", &segment.path))?;
            while offset < segment.bytes && entries.len() < most {
                let mut bytes = vec![0; READ_BYTES.min(segment.bytes - offset) as usize];
                file.read_exact_at(&mut bytes, offset).map_err(failed("read", &segment.path))?;
                let mut end = 0;
                for piece in frame::pieces(&bytes) {
                    // The rest of a frame that does not fit comes with the next read.
                    let Piece::Frame { content, end: to, .. } = piece else { break };
                    end = to as u64;
                    if let Some(entry) = segment::entry(content).filter(|entry| entry.seq > after) {
                        stopped = Some(Place { after: entry.seq, segment: segment.first, offset: offset + end });
                        entries.push(entry);
                    }
                    if entries.len() >= most {
                        break;
                    }
                }
                if end == 0 {
                    tracing::error!(segment = %segment.path.display(), offset, "the spool was damaged while in use");
                    break;
                }
                offset += end;
            }
            if entries.len() >= most {
                break;
            }
        }
        self.stopped = stopped;
        Ok(entries)
    }
}
