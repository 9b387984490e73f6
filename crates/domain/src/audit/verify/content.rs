//! Checking what entries say of themselves: canonical form, sequence numbers, links to the entry before.

use super::super::entry::Entry;
use super::super::hash::Hash;
use super::compare::compare;
use super::report::{Class, Finding};

/// Checks the `entries` of a bundle, whose leaf hashes are `leaves`, that should be entry `first` and following.
/// `prev` is the leaf hash of the entry before, if it is known.
pub(super) fn check(entries: &[&[u8]], leaves: &[Hash], first: u64, mut prev: Option<Hash>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seqs = Vec::with_capacity(entries.len());
    for ((bytes, leaf), seq) in entries.iter().zip(leaves).zip(first..) {
        match Entry::parse(bytes) {
            Ok(entry) => {
                if prev.is_some_and(|prev| prev != entry.prev) {
                    let detail = format!("entry {seq} does not name the hash of the entry before");
                    let seq = Some(seq.saturating_sub(1));
                    findings.push(Finding { class: Class::Edited, seq, object: None, detail });
                }
                seqs.push(entry.seq);
            }
            Err(e) => {
                findings.push(Finding { class: Class::Malformed, seq: Some(seq), object: None, detail: e.to_string() });
                seqs.push(seq);
            }
        }
        prev = Some(*leaf);
    }
    let due: Vec<u64> = (first..).take(entries.len()).collect();
    if let Some((at, class)) = compare(&seqs, &due) {
        let mut seq = first + at as u64;
        // The links break there as well. That says nothing more, unless an entry was put in under its successor's number:
        // then the successor is where the numbers go wrong, and its link where it was put in.
        let broken = |other: u64| findings.iter().any(|finding| finding.seq == Some(other));
        if class == Class::Inserted && seq > first && broken(seq - 1) {
            seq -= 1;
        }
        findings
            .retain(|finding| finding.class == Class::Malformed || finding.seq.is_some_and(|other| other + 1 < seq));
        // A number from elsewhere in the log is an entry that was moved here.
        let class = if class == Class::Edited { Class::Reordered } else { class };
        let there = seqs.get(at).map_or_else(String::new, ToString::to_string);
        let detail = format!("entry {there} is in the place of entry {}", first + at as u64);
        findings.push(Finding { class, seq: Some(seq), object: None, detail });
    }
    findings
}

/// Whether `bytes` are a well-formed entry that calls itself another than `seq`: one that was moved, not edited.
pub(super) fn is_another(bytes: &[u8], seq: u64) -> bool {
    Entry::parse(bytes).is_ok_and(|entry| entry.seq != seq)
}
