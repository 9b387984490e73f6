//! Each guard, removed: some world has to notice soon, or the invariants would guard nothing.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use marvain_simulator::{Options, Plant, simulate};

/// Worlds in which a removed guard has to be noticed.
const SEEDS_MAX: u64 = 40;

/// Where a removed guard is noticed first.
fn noticed(plant: Plant) -> Option<(u64, &'static str)> {
    let options = Options { plant: Some(plant), ..Options::default() };
    (0..SEEDS_MAX).find_map(|seed| simulate(seed, &options).err().map(|failure| (seed, failure.invariant)))
}

#[test]
fn every_removed_guard_is_noticed() {
    let half = Plant::ALL.len() / 2;
    let (first, second) = Plant::ALL.split_at(half);
    let missed: Vec<Plant> = std::thread::scope(|scope| {
        let look = |plants: &'static [Plant]| move || -> Vec<Plant> {
            let look = |plant: &&Plant| match noticed(**plant) {
                Some((seed, invariant)) => {
                    println!("{plant:?}: seed {seed}: {invariant}");
                    false
                }
                None => true,
            };
            plants.iter().filter(look).copied().collect()
        };
        let threads = [first, second].map(|plants| scope.spawn(look(plants)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|_| panic!("a world panicked"))).collect()
    });
    assert!(missed.is_empty(), "not noticed within {SEEDS_MAX} seeds: {missed:?}");
}
