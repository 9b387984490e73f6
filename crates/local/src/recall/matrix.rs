//! Vectors of one space in one byte a dimension, one behind the other, for a scan that the compiler vectorises.

use marvain_domain::memory::Tier;
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
};

/// Vectors of equal length, each with a scale: `code * scale` is about the number that was there.
#[derive(Default)]
pub(super) struct Matrix {
    dims: usize,
    rows: Vec<Row>,
    codes: Vec<i8>,
    slots: HashMap<u64, usize>,
}

struct Row {
    doc: u64,
    tier: Tier,
    scale: f32,
}

/// A row with its approximate score, ordered by it.
struct Scored {
    score: f32,
    doc: u64,
}

impl Matrix {
    pub(super) fn new(dims: usize) -> Self {
        Self { dims, ..Self::default() }
    }

    pub(super) const fn dims(&self) -> usize {
        self.dims
    }

    /// Adds a vector of [`Self::dims`] numbers for a row that is not there.
    pub(super) fn push(&mut self, doc: u64, tier: Tier, vector: &[f32]) {
        let scale = scale(vector);
        self.slots.insert(doc, self.rows.len());
        self.rows.push(Row { doc, tier, scale });
        self.codes.extend(quantise(vector, scale));
    }

    /// Removes a row, if it is there; the last one takes its place.
    pub(super) fn remove(&mut self, doc: u64) {
        let Some(slot) = self.slots.remove(&doc) else { return };
        self.rows.swap_remove(slot);
        let last = self.rows.len() * self.dims;
        self.codes.copy_within(last.., slot * self.dims);
        self.codes.truncate(last);
        if let Some(moved) = self.rows.get(slot) {
            self.slots.insert(moved.doc, slot);
        }
    }

    /// The `count` rows of these tiers (all if there are none) that are about nearest, in no order.
    pub(super) fn nearest(&self, query: &[f32], tiers: &[Tier], count: usize) -> Vec<u64> {
        let query: Vec<i16> = quantise(query, scale(query)).map(i16::from).collect();
        let mut best: BinaryHeap<Reverse<Scored>> = BinaryHeap::with_capacity(count + 1);
        for (row, codes) in self.rows.iter().zip(self.codes.chunks_exact(self.dims.max(1))) {
            if !tiers.is_empty() && !tiers.contains(&row.tier) {
                continue;
            }
            let score = dot(codes, &query) as f32 * row.scale;
            let is_better = best.peek().is_none_or(|worst| score > worst.0.score);
            if best.len() < count || is_better {
                best.push(Reverse(Scored { score, doc: row.doc }));
            }
            if best.len() > count {
                best.pop();
            }
        }
        best.into_iter().map(|scored| scored.0.doc).collect()
    }
}

/// The largest number becomes 127.
fn scale(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0_f32, |largest, number| largest.max(number.abs())) / 127.0
}

fn quantise(vector: &[f32], scale: f32) -> impl Iterator<Item = i8> {
    let factor = if scale > 0.0 { scale.recip() } else { 0.0 };
    vector.iter().map(move |number| (number * factor).round() as i8)
}

/// The inner product, in a form that the compiler vectorises.
fn dot(codes: &[i8], query: &[i16]) -> i32 {
    codes.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.doc.cmp(&self.doc))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}
