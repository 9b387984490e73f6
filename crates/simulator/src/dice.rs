//! Chance, from one seed. It knows nothing of what is decided with it.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};
use sha2::{Digest as _, Sha256};

/// A stream of random numbers. Streams of different names from one seed are independent, so that a further draw in one
/// place does not change what happens in all others.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, stream: &str) -> Self {
        let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(stream).finalize();
        Self(ChaCha8Rng::from_seed(digest.into()))
    }

    /// From `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1);
        low + self.0.next_u64() % width
    }

    /// True so many times in a thousand. Never draws for 0, so that a calm world costs nothing.
    pub(crate) fn permille(&mut self, permille: u32) -> bool {
        permille > 0 && self.range(0, 999) < u64::from(permille)
    }

    /// One of them; none if there are none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = from.len().checked_sub(1)?;
        from.get(self.range(0, last as u64) as usize)
    }

    /// In another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.range(0, last as u64) as usize);
        }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
