//! Holding recomputed roots against every checkpoint, the log's own and the trusted ones, as the walk passes its size.

use super::super::checkpoint::{Checkpoint, Verifier};
use super::super::hash::Hash;
use super::super::layout::Key;
use super::super::store::{ReadError, ReadObject};
use super::report::{Class, Finding, Report};
use std::collections::VecDeque;

/// The newest of the log's checkpoints that is validly signed; those newer than it are reported.
pub(super) fn newest(
    read: &dyn ReadObject,
    verifier: &Verifier,
    sizes: &[u64],
    report: &mut Report,
) -> Result<Option<Checkpoint>, ReadError> {
    for (at, size) in sizes.iter().enumerate().rev() {
        let before = at.checked_sub(1).and_then(|at| sizes.get(at)).copied().unwrap_or(0);
        match load(read, verifier, *size, before)? {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(finding) => report.add(finding),
        }
    }
    Ok(None)
}

fn load(
    read: &dyn ReadObject,
    verifier: &Verifier,
    size: u64,
    before: u64,
) -> Result<Result<Checkpoint, Finding>, ReadError> {
    let key = Key::Checkpoint(size).to_string();
    let (class, detail) = match read.read(&key)?.map(|note| verifier.verify(&note)) {
        Some(Ok(checkpoint)) if checkpoint.size() == size => return Ok(Ok(checkpoint)),
        Some(Ok(other)) => (Class::Edited, format!("holds the checkpoint at size {}", other.size())),
        Some(Err(e)) => (Class::BadSignature, e.to_string()),
        None => (Class::Missing, "was listed and is not there".into()),
    };
    Ok(Err(Finding { class, seq: Some(before), object: Some(key), detail }))
}

/// A signed root that is not the root of the entries before it.
struct Mismatch {
    checkpoint: Checkpoint,
    trusted: bool,
    /// Up to here a signed root was right; for a trusted one, a trusted root.
    sound_to: u64,
}

/// The checkpoints that the walk passes, by ascending size.
pub(super) struct Marks<'a> {
    read: &'a dyn ReadObject,
    verifier: &'a Verifier,
    own: VecDeque<u64>,
    trusted: VecDeque<Checkpoint>,
    newest: u64,
    /// The greatest size at which a signed root was that of the entries, or of the leaf hashes in the tiles.
    sound_to: u64,
    /// The same of trusted roots alone: who has the key can sign any other.
    trusted_to: u64,
    /// The greatest size at which it was that of the entries.
    entries_sound_to: Option<u64>,
    own_before: u64,
    newest_right: bool,
    mismatches: Vec<Mismatch>,
}

impl<'a> Marks<'a> {
    /// Marks for a log whose newest checkpoint is in `report`. Trusted checkpoints that are larger are findings at once.
    pub(super) fn new(
        read: &'a dyn ReadObject,
        verifier: &'a Verifier,
        sizes: Vec<u64>,
        trusted: &[Checkpoint],
        report: &mut Report,
    ) -> Self {
        let newest = report.size;
        let (mut trusted, lost): (Vec<_>, Vec<_>) = trusted.iter().copied().partition(|known| known.size() <= newest);
        for known in lost {
            let detail = format!("the log has {newest} entries, the trusted checkpoint speaks of {}", known.size());
            report.add(Finding { class: Class::RolledBack, seq: Some(newest), object: None, detail });
        }
        trusted.sort_unstable_by_key(Checkpoint::size);
        let own = sizes.into_iter().filter(|size| report.size > 0 && *size <= newest).collect();
        Self {
            read,
            verifier,
            own,
            trusted: trusted.into(),
            newest,
            sound_to: 0,
            trusted_to: 0,
            entries_sound_to: None,
            own_before: 0,
            newest_right: false,
            mismatches: Vec::new(),
        }
    }

    /// Whether there is a checkpoint at this size or before that has not been passed.
    pub(super) fn due(&self, size: u64) -> bool {
        self.own.front().is_some_and(|own| *own <= size)
            || self.trusted.front().is_some_and(|known| known.size() <= size)
    }

    /// Passes the checkpoints at `size`, where the entries and the leaf hashes in the tiles have these roots, as far as
    /// they could be computed.
    pub(super) fn pass(
        &mut self,
        size: u64,
        entries: Option<Hash>,
        tiles: Option<Hash>,
        report: &mut Report,
    ) -> Result<(), ReadError> {
        while let Some(own) = self.own.pop_front_if(|own| *own <= size) {
            match load(self.read, self.verifier, own, self.own_before)? {
                Ok(checkpoint) => {
                    report.checkpoints += 1;
                    self.judge(checkpoint, false, entries, tiles);
                }
                Err(finding) => report.add(finding),
            }
            self.own_before = own;
        }
        while let Some(known) = self.trusted.pop_front_if(|known| known.size() <= size) {
            self.judge(known, true, entries, tiles);
        }
        Ok(())
    }

    fn judge(&mut self, checkpoint: Checkpoint, trusted: bool, entries: Option<Hash>, tiles: Option<Hash>) {
        let (size, root) = (checkpoint.size(), Some(checkpoint.root()));
        if entries == root {
            self.entries_sound_to = Some(size);
        }
        if entries == root || tiles == root {
            self.sound_to = size;
            self.trusted_to = if trusted { size } else { self.trusted_to };
            self.newest_right |= !trusted && size == self.newest;
        } else if entries.is_some() || tiles.is_some() {
            // Once one root is wrong those after it are too: the first of each run says where.
            let sound_to = if trusted { self.trusted_to } else { self.sound_to };
            if !self.mismatches.iter().any(|other| other.trusted == trusted && other.sound_to == sound_to) {
                self.mismatches.push(Mismatch { checkpoint, trusted, sound_to });
            }
        }
    }

    /// Whether the entry `seq` is as signed whatever the tiles say.
    pub(super) fn entry_is_sound(&self, seq: u64) -> bool {
        self.entries_sound_to > Some(seq)
    }

    /// Reports the roots that were wrong.
    pub(super) fn finish(self, report: &mut Report) {
        for Mismatch { checkpoint, trusted, sound_to } in self.mismatches {
            let size = checkpoint.size();
            let located = report.findings.iter().filter_map(|finding| finding.seq);
            let seq = located.filter(|seq| (sound_to..size).contains(seq)).min().unwrap_or(sound_to);
            let object = (!trusted).then(|| Key::Checkpoint(size).to_string());
            let class = if trusted || self.newest_right { Class::Forked } else { Class::Edited };
            let whose = if trusted { "the trusted checkpoint" } else { "the checkpoint" };
            let detail = format!(
                "{whose} at size {size} has another root than the entries; at size {sound_to} they were still right"
            );
            report.add(Finding { class, seq: Some(seq), object, detail });
        }
    }
}
