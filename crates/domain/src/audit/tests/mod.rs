//! The log in memory, and what the tests of each subject share.

mod append;
mod flips;
mod formats;
mod proofs;
mod tamper;

use super::checkpoint::{Checkpoint, Verifier};
use super::layout::{Key, Tile};
use super::{Draft, Finding, Hash, LogKey, Plan, ReadError, ReadObject, Report, Tail, verify};
use crate::Timestamp;
use std::collections::BTreeMap;

/// A vault in memory.
#[derive(Clone, Debug, Default, PartialEq)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl ReadObject for Memory {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.get(key).cloned())
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        self.0.keys().filter(|key| key.starts_with(prefix)).for_each(|key| visit(key));
        Ok(())
    }
}

const ORIGIN: &str = "marvain.local/test";

fn verifier() -> Verifier {
    verifier_of(ORIGIN, 7)
}

fn verifier_of(origin: &str, seed: u8) -> Verifier {
    Verifier::new(&origin.parse().unwrap(), &LogKey::from_seed(&[seed; 32]).public_key()).unwrap()
}

/// A checkpoint signed with the key of this seed.
fn sign(seed: u8, size: u64, root: Hash) -> Vec<u8> {
    let verifier = verifier_of(ORIGIN, seed);
    let unsigned = verifier.unsigned(size, root).unwrap();
    verifier.signed(&unsigned, &LogKey::from_seed(&[seed; 32]).sign(unsigned.text())).unwrap()
}

/// A plan with its checkpoint signed and among the objects, the last.
fn plan(tail: &Tail, drafts: &[Draft]) -> Plan {
    let mut plan = super::plan(tail, drafts, &verifier()).unwrap();
    let unsigned = plan.checkpoint.take().unwrap();
    let note = verifier().signed(&unsigned, &LogKey::from_seed(&[7; 32]).sign(unsigned.text())).unwrap();
    plan.objects.push((unsigned.key(), note));
    plan
}

fn draft(n: u64) -> Draft {
    draft_of(n, "event.recorded")
}

fn draft_of(n: u64, kind: &str) -> Draft {
    let on_behalf_of = if n.is_multiple_of(3) { vec!["person:anna".to_owned()] } else { Vec::new() };
    let data = serde_json::json!({ "n": n, "reading": n as f64 / 7.0, "text": "grüße\n" });
    Draft::new(Timestamp::from_ms(1_795_340_351_250 + n), "satellite:kitchen", on_behalf_of, kind, data).unwrap()
}

/// A log and its tail.
#[derive(Clone, Default)]
struct Log {
    vault: Memory,
    tail: Option<Tail>,
}

impl Log {
    /// A log that grew to each of these sizes in turn.
    fn of(sizes: &[u64]) -> Self {
        let mut log = Self::default();
        sizes.iter().for_each(|size| log.grow(*size, "event.recorded"));
        log
    }

    /// Grows to `size` in one append.
    fn grow(&mut self, size: u64, kind: &str) {
        let tail = self.tail.take().unwrap_or(Tail::EMPTY);
        let drafts: Vec<_> = (tail.size()..size).map(|n| draft_of(n, kind)).collect();
        let plan = plan(&tail, &drafts);
        for (key, bytes) in plan.objects {
            let before = self.vault.0.insert(key.clone(), bytes.clone());
            assert!(before.is_none_or(|before| before == bytes), "{key} was written twice with other bytes");
        }
        self.tail = Some(plan.tail);
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        verifier().verify(&self.vault.0[&Key::Checkpoint(size).to_string()]).unwrap()
    }
}

fn check(vault: &Memory, trusted: &[Checkpoint]) -> Report {
    verify(vault, &verifier(), trusted, &mut |_, _| {}).unwrap()
}

/// Class, sequence number and object of each finding.
fn shown(findings: &[Finding]) -> Vec<String> {
    let show = |f: &Finding| format!("{:?} {:?} {}", f.class, f.seq, f.object.as_deref().unwrap_or("-"));
    findings.iter().map(show).collect()
}

fn tile_key(content: super::layout::Content, index: u64, size: u64) -> String {
    Key::Tile(Tile::at(content, index, size).unwrap()).to_string()
}
