//! A satellite's spool and journal, as its storage promises them: what was synced is there after a crash; of what was
//! not, an arbitrary beginning is.

use crate::dice::Dice;
use marvain_domain::{action::ActionState, id::ActionId};
use marvain_satellite::core::{Channel, Entry, Fact, Lane, Record, Recovered, Token, Usage};
use marvain_topics::wire::ReportPayload;

/// Bytes that the spool may have, as it says; nothing here comes near.
const SPOOL_BYTES: u64 = 1 << 30;

/// What is on one lane.
#[derive(Clone, Default)]
struct Strip {
    entries: Vec<Entry>,
    stored: u64,
    removed: u64,
}

/// Everything, as a process sees it.
#[derive(Clone, Default)]
struct Content {
    strips: [Strip; 2],
    facts: Vec<Fact>,
}

impl Content {
    const fn strip(&mut self, lane: Lane) -> &mut Strip {
        let [events, telemetry] = &mut self.strips;
        match lane {
            Lane::Events => events,
            Lane::Telemetry => telemetry,
        }
    }
}

/// The state directory.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    /// As the running process sees it.
    seen: Content,
    /// As a crash leaves it, but for `unsynced`.
    durable: Content,
    /// Appended since the last sync, in order.
    unsynced: Vec<(Lane, Entry)>,
    /// The spool does not sync although it says so.
    spool_lies: bool,
    /// The journal does not sync although it says so.
    journal_lies: bool,
}

impl Disk {
    pub(crate) fn new(spool_lies: bool, journal_lies: bool) -> Self {
        Self { spool_lies, journal_lies, ..Self::default() }
    }

    pub(crate) fn append(&mut self, record: &Record) -> u64 {
        let lane = record.channel.lane();
        let strip = self.seen.strip(lane);
        strip.stored += 1;
        let seq = strip.stored;
        let entry = Entry { seq, channel: record.channel, payload: record.payload.clone() };
        strip.entries.push(entry.clone());
        self.unsynced.push((lane, entry));
        seq
    }

    pub(crate) fn sync(&mut self) {
        if self.spool_lies {
            return;
        }
        for (lane, entry) in std::mem::take(&mut self.unsynced) {
            let strip = self.durable.strip(lane);
            strip.stored = entry.seq;
            strip.entries.push(entry);
        }
    }

    pub(crate) fn fetch(&mut self, lane: Lane, after: u64, most: usize) -> Vec<Entry> {
        self.seen.strip(lane).entries.iter().filter(|entry| entry.seq > after).take(most).cloned().collect()
    }

    /// Entries that are done with go; durably with the next sync of the directory, here by chance.
    pub(crate) fn remove(&mut self, Token { lane, seq }: Token, durably: bool) {
        let remove = |strip: &mut Strip| {
            strip.removed = strip.removed.max(seq);
            strip.entries.retain(|entry| entry.seq > seq);
        };
        remove(self.seen.strip(lane));
        // What is not synced cannot have been published, so this never reaches beyond what is durable.
        if durably || self.spool_lies {
            remove(self.durable.strip(lane));
        }
    }

    pub(crate) fn remember(&mut self, fact: &Fact) {
        self.seen.facts.push(fact.clone());
        if !self.journal_lies {
            self.durable.facts.push(fact.clone());
        }
    }

    pub(crate) fn rewrite(&mut self, facts: Vec<Fact>) {
        if !self.journal_lies {
            self.durable.facts.clone_from(&facts);
        }
        self.seen.facts = facts;
    }

    /// Entries that are not done with.
    pub(crate) fn waiting(&self) -> usize {
        self.seen.strips.iter().map(|strip| strip.entries.len()).sum()
    }

    pub(crate) const fn usage(&self) -> Usage {
        Usage { bytes: 0, bytes_max: SPOOL_BYTES, dropped_telemetry: 0 }
    }

    /// The process has ended at any point.
    pub(crate) fn crash(&mut self, dice: &mut Dice) {
        let unsynced = std::mem::take(&mut self.unsynced);
        let kept = if self.spool_lies { 0 } else { dice.range(0, unsynced.len() as u64) };
        for (lane, entry) in unsynced.into_iter().take(kept as usize) {
            let strip = self.durable.strip(lane);
            strip.stored = entry.seq;
            strip.entries.push(entry);
        }
        self.seen = self.durable.clone();
    }

    /// What a new process finds.
    pub(crate) fn recovered(&self) -> Recovered {
        let Content { strips: [events, telemetry], facts } = &self.seen;
        let reported = events.entries.iter().filter_map(ended).collect();
        Recovered {
            facts: facts.clone(),
            reported,
            events: (events.removed, events.stored),
            telemetry: (telemetry.removed, telemetry.stored),
            usage: self.usage(),
            faults: Vec::new(),
        }
    }
}

/// The command whose final report this is, if it is one.
fn ended(entry: &Entry) -> Option<ActionId> {
    if entry.channel != Channel::Report {
        return None;
    }
    let report = ReportPayload::parse(entry.payload.get().as_bytes()).ok()?;
    (report.state != ActionState::Acknowledged).then_some(report.action)
}
