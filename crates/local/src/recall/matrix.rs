//! Vectors of one space in one byte a dimension, one behind the other, for a scan that the compiler vectorises.

use marvain_domain::memory::Tier;
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
};

/// Sums that [`dot`] makes at the same time.
const LANES: usize = 16;
/// Products in each of them.
const STEPS: usize = 4;
/// Largest code of a query's number. Those of the vectors go to 127.
const QUERY_CODE_MAX: f32 = 64.0;

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
        let query: Vec<i16> = quantise(query, 127.0 / QUERY_CODE_MAX * scale(query)).map(i16::from).collect();
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

/// The inner product, in a form that the compiler vectorises: sixteen short sums side by side, each of no more than
/// `STEPS` products, which fit.
fn dot(codes: &[i8], query: &[i16]) -> i32 {
    const { assert!(STEPS as i32 * 127 * QUERY_CODE_MAX as i32 <= i16::MAX as i32) };
    let (codes, codes_left) = codes.as_chunks::<{ LANES * STEPS }>();
    let (query, query_left) = query.as_chunks::<{ LANES * STEPS }>();
    let mut sum: i32 = codes_left.iter().zip(query_left).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
    for (codes, query) in codes.iter().zip(query) {
        let mut sums = [0_i16; LANES];
        for (codes, query) in codes.as_chunks::<LANES>().0.iter().zip(query.as_chunks::<LANES>().0) {
            for (sum, (a, b)) in sums.iter_mut().zip(codes.iter().zip(query)) {
                *sum = sum.wrapping_add(i16::from(*a).wrapping_mul(*b));
            }
        }
        sum += sums.iter().map(|sum| i32::from(*sum)).sum::<i32>();
    }
    sum
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_product_is_the_product(
            pairs in prop::collection::vec((prop_oneof![-127_i8..=127, Just(127), Just(-127)], -64_i16..=64), 0..300),
            extreme in any::<bool>(),
        ) {
            let (codes, mut query): (Vec<i8>, Vec<i16>) = pairs.into_iter().unzip();
            if extreme {
                query = codes.iter().map(|code| 64 * i16::from(code.signum())).collect();
            }
            let expected: i32 = codes.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            prop_assert_eq!(dot(&codes, &query), expected);
        }
    }

    #[test]
    fn removal_keeps_the_others_in_reach() {
        let mut matrix = Matrix::new(3);
        let axis = |n: usize| {
            let mut vector = [0.0; 3];
            vector[n] = 1.0;
            vector
        };
        for n in 0..3 {
            matrix.push(n as u64, Tier::Semantic, &axis(n));
        }
        for (gone, left) in [(0, vec![1, 2]), (2, vec![1]), (7, vec![1]), (1, vec![])] {
            matrix.remove(gone);
            assert_eq!(matrix.codes.len(), 3 * left.len());
            for n in left {
                assert_eq!(matrix.nearest(&axis(n as usize), &[], 1), [n]);
            }
        }
        assert!(matrix.nearest(&axis(0), &[], 1).is_empty());
    }
}
