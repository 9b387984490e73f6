//! Nearest vectors: a fast scan of rough ones for candidates, then the exact ones of the candidates.

use super::{Change, matrix, matrix::Matrix};
use crate::store::StoreError;
use marvain_domain::memory::Tier;
use marvain_hub::port::RecallQuery;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Candidates beyond those asked for: rounding to a byte moves a vector by some ranks at most.
const SPARE_CANDIDATES: usize = 32;

/// All vectors, by space and length.
#[derive(Default)]
pub(super) struct Nearest {
    spaces: HashMap<String, Vec<Matrix>>,
}

impl Nearest {
    pub(super) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put { doc, space, tier, vector } => self.put(*doc, space, *tier, vector),
                Change::Remove { doc } => self.remove(*doc),
            }
        }
    }

    /// Adds or replaces a vector; an empty one is none.
    pub(super) fn put(&mut self, doc: u64, space: &str, tier: Tier, vector: &[f32]) {
        self.remove(doc);
        if vector.is_empty() {
            return;
        }
        let matrices = self.spaces.entry(space.to_owned()).or_default();
        if let Some(matrix) = matrices.iter_mut().find(|matrix| matrix.dims() == vector.len()) {
            matrix.push(doc, tier, vector);
        } else {
            let mut matrix = Matrix::new(vector.len());
            matrix.push(doc, tier, vector);
            matrices.push(matrix);
        }
    }

    fn remove(&mut self, doc: u64) {
        self.spaces.values_mut().flatten().for_each(|matrix| matrix.remove(doc));
    }

    /// Rows among which the nearest are.
    pub(super) fn candidates(&self, space: &str, query: &[f32], tiers: &[Tier], limit: usize) -> Vec<u64> {
        let mut matrices = self.spaces.get(space).into_iter().flatten();
        let matrix = matrices.find(|matrix| !query.is_empty() && matrix.dims() == query.len());
        matrix.map(|matrix| matrix.nearest(query, tiers, limit + SPARE_CANDIDATES)).unwrap_or_default()
    }
}

/// The nearest of the candidates with their exact similarity.
pub(super) fn rescore(
    connection: &Connection,
    candidates: &[u64],
    query: &RecallQuery,
    limit: usize,
) -> Result<Vec<(String, f32)>, StoreError> {
    let mut select = connection.prepare_cached("SELECT memory, space, vector FROM docs WHERE doc = ?")?;
    let mut scored: Vec<(String, f32)> = Vec::with_capacity(candidates.len());
    for doc in candidates {
        let row = select.query_row([doc], |row| {
            let (memory, space): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((memory, space, matrix::from_bytes(row.get_ref(2)?.as_blob()?)))
        });
        // One that was erased or replaced meanwhile is left out.
        if let Some((memory, space, vector)) = row.optional()?
            && space == query.vector_space
            && vector.len() == query.vector.len()
        {
            let similarity: f32 = vector.iter().zip(&query.vector).map(|(a, b)| a * b).sum();
            scored.push((memory, similarity.clamp(-1.0, 1.0)));
        }
    }
    scored.sort_unstable_by(|(_, a), (_, b)| b.total_cmp(a));
    scored.truncate(limit);
    Ok(scored)
}
