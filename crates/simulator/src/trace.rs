//! The record of what happened: a hash of all of it, and its end.

use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;

/// Lines that are kept of a trace unless all are asked for.
const TAIL_LINES: usize = 60;

pub(crate) struct Trace {
    hash: Sha256,
    lines: VecDeque<String>,
    full: bool,
    pub(crate) steps: u64,
}

impl Trace {
    pub(crate) fn new(full: bool) -> Self {
        Self { hash: Sha256::new(), lines: VecDeque::new(), full, steps: 0 }
    }

    pub(crate) fn note(&mut self, now_ms: u64, line: &str) {
        self.steps += 1;
        self.hash.update(now_ms.to_be_bytes());
        self.hash.update(line);
        if !self.full && self.lines.len() >= TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>6} {:>9.3} s  {line}", self.steps, now_ms as f64 / 1000.0));
    }

    pub(crate) fn hash(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
