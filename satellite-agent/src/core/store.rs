//! What waits for the spool, and what happens when it is full or the disk refuses: inputs pause, nothing is let go.

use super::Agent;
use super::types::{Channel, Lane, NotStored, Now, Output, Record, Usage};
use marvain_domain::id::ActionId;
use std::collections::VecDeque;

/// First wait before records that found no room are tried again, in milliseconds; it doubles.
const RETRY_MS_MIN: u64 = 1_000;
/// Longest wait, in milliseconds.
const RETRY_MS_MAX: u64 = 30_000;
/// Inputs resume once this part of the spool is free again: one eighth.
const RESUME_FREE_DIVISOR: u64 = 8;

#[derive(Debug)]
struct Pending {
    record: Record,
    /// The command whose final report this is.
    ends: Option<ActionId>,
    /// The spool did not take it.
    refused: bool,
}

impl Pending {
    /// Does it wait while inputs pause? Readings may be dropped, and for reports there is room left.
    const fn waits(&self) -> bool {
        self.refused || !matches!(self.record.channel, Channel::Telemetry | Channel::Report)
    }
}

#[derive(Debug)]
struct Stall {
    why: NotStored,
    retry_at: u64,
    wait_ms: u64,
    /// It was time: what waits is tried again.
    trying: bool,
}

/// Records on their way into the spool. Bounded by its feeders: inputs pause as soon as one is refused, and open commands
/// are few.
#[derive(Debug, Default)]
pub(super) struct Store {
    waiting: VecDeque<Pending>,
    /// What the spool is asked to take.
    asked: Vec<Pending>,
    stall: Option<Stall>,
}

impl Store {
    pub(super) fn retry_at(&self) -> Option<u64> {
        self.stall.as_ref().filter(|stall| !stall.trying).map(|stall| stall.retry_at)
    }
}

impl Agent {
    pub(super) fn append(&mut self, record: Record, ends: Option<ActionId>) {
        self.store.waiting.push_back(Pending { record, ends, refused: false });
    }

    /// Everything that waits and may be stored, in one request.
    pub(super) fn next_append(&mut self) -> Option<Output> {
        if !self.store.asked.is_empty() {
            return None;
        }
        let stalled = self.store.stall.as_ref().is_some_and(|stall| !stall.trying);
        let (asked, waiting): (Vec<_>, _) =
            std::mem::take(&mut self.store.waiting).into_iter().partition(|pending| !(stalled && pending.waits()));
        self.store.waiting = waiting.into();
        let records: Vec<_> = asked.iter().map(|pending| pending.record.clone()).collect();
        self.store.asked = asked;
        (!records.is_empty()).then_some(Output::Append(records))
    }

    /// Answer to [`Output::Append`].
    pub(super) fn appended(&mut self, stored: Vec<Result<u64, NotStored>>, usage: Usage, now: Now) {
        self.presence.dropped_telemetry = usage.dropped_telemetry;
        let (mut refused, mut first) = (Vec::new(), None);
        for (pending, stored) in std::mem::take(&mut self.store.asked).into_iter().zip(stored) {
            let lane = pending.record.channel.lane();
            match stored {
                Ok(seq) => {
                    self.window(lane).stored(seq);
                    if let Some(fact) = pending.ends.and_then(|action| self.commands.reported(&action)) {
                        self.remember(fact, now);
                    }
                }
                // The spool has counted it.
                Err(_) if lane == Lane::Telemetry => {}
                Err(why) => {
                    first = first.or(Some(why));
                    refused.push(Pending { refused: true, ..pending });
                }
            }
        }
        refused.into_iter().rev().for_each(|pending| self.store.waiting.push_front(pending));
        match first {
            Some(why) => self.pause(why, now),
            None if self.store.stall.as_ref().is_some_and(|stall| stall.trying) => self.resume(),
            None => {}
        }
    }

    fn pause(&mut self, why: NotStored, now: Now) {
        let wait_ms = match &self.store.stall {
            Some(stall) if stall.trying => (stall.wait_ms * 2).min(RETRY_MS_MAX),
            // A report that found no room either waits as long as the rest.
            Some(_) => return,
            None => RETRY_MS_MIN,
        };
        self.store.stall = Some(Stall { why, retry_at: now.mono_ms.saturating_add(wait_ms), wait_ms, trying: false });
        if !self.presence.paused {
            self.presence.paused = true;
            self.outputs.push_back(Output::Pause(true));
        }
        match why {
            NotStored::Full => tracing::warn!("inputs pause: the spool is full of events"),
            NotStored::Disk => tracing::error!(retry_ms = wait_ms, "inputs pause: the spool cannot be written"),
        }
    }

    fn resume(&mut self) {
        self.store.stall = None;
        self.presence.paused = false;
        self.outputs.push_back(Output::Pause(false));
        tracing::info!("inputs resume");
    }

    /// Answer to [`Output::Remove`].
    pub(super) fn removed(&mut self, usage: Usage) {
        self.presence.dropped_telemetry = usage.dropped_telemetry;
        let free = usage.bytes_max.saturating_sub(usage.bytes);
        if let Some(stall) = &mut self.store.stall
            && stall.why == NotStored::Full
            && free >= usage.bytes_max / RESUME_FREE_DIVISOR
        {
            stall.retry_at = 0;
        }
    }

    /// Tries what waits again when it is time.
    pub(super) fn retry(&mut self, now: Now) {
        if let Some(stall) = self.store.stall.as_mut().filter(|stall| stall.retry_at <= now.mono_ms) {
            stall.trying = true;
        }
    }
}
