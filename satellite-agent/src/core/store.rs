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
    ticket: u64,
    record: Record,
    /// The command whose final report this is.
    ends: Option<ActionId>,
}

#[derive(Debug)]
struct Stall {
    why: NotStored,
    retry_at: u64,
    wait_ms: u64,
}

/// Records on their way into the spool. Bounded by its feeders: inputs pause as soon as one is stalled, and open commands
/// are few.
#[derive(Debug, Default)]
pub(super) struct Store {
    ticket: u64,
    pending: VecDeque<Pending>,
    stalled: VecDeque<Pending>,
    stall: Option<Stall>,
}

impl Store {
    pub(super) fn retry_at(&self) -> Option<u64> {
        self.stall.as_ref().map(|stall| stall.retry_at)
    }
}

impl Agent {
    pub(super) fn append(&mut self, record: Record, ends: Option<ActionId>) {
        self.store.ticket = self.store.ticket.saturating_add(1);
        let pending = Pending { ticket: self.store.ticket, record, ends };
        // Events wait behind what is stalled already. Readings may be dropped, and for reports there is room left.
        if self.store.stall.is_some() && !matches!(pending.record.channel, Channel::Telemetry | Channel::Report) {
            self.store.stalled.push_back(pending);
        } else {
            self.submit(pending);
        }
    }

    fn submit(&mut self, pending: Pending) {
        self.outputs.push_back(Output::Append { ticket: pending.ticket, record: pending.record.clone() });
        self.store.pending.push_back(pending);
    }

    /// Answer to [`Output::Append`]. Answers come in the order of the requests.
    pub(super) fn appended(&mut self, ticket: u64, stored: Result<u64, NotStored>, usage: Usage, now: Now) {
        self.presence.dropped_telemetry = usage.dropped_telemetry;
        let Some(at) = self.store.pending.iter().position(|pending| pending.ticket == ticket) else { return };
        let Some(pending) = self.store.pending.remove(at) else { return };
        let lane = pending.record.channel.lane();
        match stored {
            Ok(seq) => {
                self.window(lane).stored(seq);
                if let Some(fact) = pending.ends.and_then(|action| self.commands.reported(&action)) {
                    self.remember(fact, now);
                }
                if self.store.stall.is_some() && self.store.stalled.is_empty() && self.store.pending.is_empty() {
                    self.resume();
                }
            }
            // The spool has counted it.
            Err(_) if lane == Lane::Telemetry => {}
            Err(why) => {
                self.store.stalled.push_back(pending);
                self.pause(why, now);
            }
        }
    }

    fn pause(&mut self, why: NotStored, now: Now) {
        let wait_ms = match &self.store.stall {
            // The records of one attempt fail together: that is one failure.
            Some(stall) if stall.retry_at > now.mono_ms => return,
            Some(stall) => (stall.wait_ms * 2).min(RETRY_MS_MAX),
            None => RETRY_MS_MIN,
        };
        self.store.stall = Some(Stall { why, retry_at: now.mono_ms.saturating_add(wait_ms), wait_ms });
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

    /// Tries the stalled records again when it is time.
    pub(super) fn retry(&mut self, now: Now) {
        let due = self.store.stall.as_ref().is_some_and(|stall| stall.retry_at <= now.mono_ms);
        if !due || !self.store.pending.is_empty() {
            return;
        }
        if self.store.stalled.is_empty() {
            return self.resume();
        }
        for pending in std::mem::take(&mut self.store.stalled) {
            self.submit(pending);
        }
    }
}
