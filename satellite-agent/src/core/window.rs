//! One lane of the spool as the link sees it: what to read next, what is in flight, what is done with.
//!
//! PUBACKs may come in any order; entries are removed in order, as soon as everything before them is acknowledged.

use super::types::Entry;
use std::collections::BTreeMap;

/// Wait before a spool that could not be read is read again, in milliseconds.
const READ_AGAIN_MS: u64 = 5_000;

#[derive(Debug)]
pub(super) struct Window {
    removed: u64,
    stored: u64,
    read: u64,
    fetching: bool,
    /// When to read again after a read that failed.
    retry_at: Option<u64>,
    in_flight: BTreeMap<u64, bool>,
    in_flight_max: usize,
}

impl Window {
    pub(super) const fn new((removed, stored): (u64, u64), in_flight_max: usize) -> Self {
        Self {
            removed,
            stored,
            read: removed,
            fetching: false,
            retry_at: None,
            in_flight: BTreeMap::new(),
            in_flight_max,
        }
    }

    /// Everything that is not removed has to be sent again.
    pub(super) fn reset(&mut self) {
        self.in_flight.clear();
        self.read = self.removed;
        self.fetching = false;
        self.retry_at = None;
    }

    pub(super) fn stored(&mut self, seq: u64) {
        self.stored = self.stored.max(seq);
    }

    /// What to read: behind which place, and how many.
    pub(super) fn fetch(&mut self, now_ms: u64) -> Option<(u64, usize)> {
        if self.retry_at.is_some_and(|at| now_ms < at) {
            return None;
        }
        self.retry_at = None;
        let room = self.in_flight_max.saturating_sub(self.in_flight.len());
        // Half a window at a time: one read for many entries when there is a backlog.
        if self.fetching || self.read >= self.stored || room * 2 < self.in_flight_max {
            return None;
        }
        self.fetching = true;
        Some((self.read, room))
    }

    /// The answer to `fetch`; the entries are in flight now. Seqs may have gaps where telemetry was dropped.
    pub(super) fn fetched(&mut self, entries: &[Entry]) {
        if !std::mem::take(&mut self.fetching) {
            return;
        }
        self.read = entries.last().map_or(self.stored, |last| last.seq);
        self.in_flight.extend(entries.iter().map(|entry| (entry.seq, false)));
    }

    /// The answer to `fetch` if there is none: the same is asked for again later.
    pub(super) fn unreadable(&mut self, now_ms: u64) {
        if std::mem::take(&mut self.fetching) {
            self.retry_at = Some(now_ms.saturating_add(READ_AGAIN_MS));
        }
    }

    /// When to ask [`Self::fetch`] again.
    pub(super) const fn retry_at(&self) -> Option<u64> {
        self.retry_at
    }

    pub(super) const fn is_fetching(&self) -> bool {
        self.fetching
    }

    /// A PUBACK came. Answers up to where entries are done with, if that moved.
    pub(super) fn acked(&mut self, seq: u64) -> Option<u64> {
        *self.in_flight.get_mut(&seq)? = true;
        let mut moved = None;
        while let Some(first) = self.in_flight.first_entry() {
            if !*first.get() {
                break;
            }
            moved = Some(*first.key());
            first.remove();
        }
        if let Some(through) = moved {
            self.removed = through;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Channel;

    fn entries(seqs: &[u64]) -> Vec<Entry> {
        let payload = || serde_json::from_str("{}").unwrap();
        seqs.iter().map(|seq| Entry { seq: *seq, channel: Channel::Telemetry, payload: payload() }).collect()
    }

    #[test]
    fn entries_are_removed_in_order_whatever_the_order_of_pubacks() {
        let mut window = Window::new((10, 13), 4);
        assert_eq!(window.fetch(0), Some((10, 4)));
        assert_eq!(window.fetch(0), None, "one read at a time");
        window.fetched(&entries(&[11, 12, 13]));
        assert_eq!(window.acked(12), None);
        assert_eq!(window.acked(99), None);
        assert_eq!(window.acked(11), Some(12));
        assert_eq!(window.acked(13), Some(13));
        assert_eq!(window.fetch(0), None);
        window.stored(14);
        assert_eq!(window.fetch(0), Some((13, 4)));
    }

    #[test]
    fn a_lost_connection_sends_again_what_is_not_removed() {
        let mut window = Window::new((0, 3), 4);
        window.fetch(0).unwrap();
        window.fetched(&entries(&[1, 2, 3]));
        assert_eq!(window.acked(1), Some(1));
        assert_eq!(window.acked(3), None);
        window.reset();
        assert_eq!(window.fetch(0), Some((1, 4)));
    }

    #[test]
    fn what_was_dropped_from_the_spool_leaves_no_hole_to_wait_for() {
        let mut window = Window::new((0, 9), 4);
        window.fetch(0).unwrap();
        window.fetched(&entries(&[7, 8]));
        assert_eq!(window.acked(7), Some(7));
        window.reset();
        assert_eq!(window.fetch(0), Some((7, 4)));
        window.fetched(&[]);
        assert_eq!(window.fetch(0), None);
    }

    #[test]
    fn what_could_not_be_read_is_asked_for_again() {
        let mut window = Window::new((0, 9), 4);
        assert_eq!(window.fetch(100), Some((0, 4)));
        window.unreadable(100);
        assert_eq!((window.fetch(100), window.retry_at()), (None, Some(5_100)));
        assert_eq!(window.fetch(5_100), Some((0, 4)));
        assert_eq!(window.retry_at(), None);
    }
}
