//! Many worlds, each from its seed. `MARVAIN_SEED` picks one and prints all that happens in it; `MARVAIN_SEEDS` says how
//! many there are.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use marvain_simulator::{Failure, Options, simulate};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Worlds that are lived through unless `MARVAIN_SEEDS` says otherwise.
const SEEDS: u64 = 1_000;
/// Failures that are printed; one would do, more show whether they are alike.
const FAILURES_SHOWN: usize = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What has to have happened somewhere among many worlds, or they would prove little.
const WANTED: [&str; 18] = [
    "allowed",
    "approved",
    "canceled",
    "conflicts",
    "cut connections",
    "executions",
    "expired",
    "forgeries",
    "forgotten",
    "hub crashes",
    "impossible requests",
    "refused requests",
    "rejected deliveries",
    "repeated deliveries",
    "revoked",
    "satellite crashes",
    "succeeded",
    "timed out",
];

#[test]
fn every_invariant_holds_in_every_world() {
    let seeds = number("MARVAIN_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let failures: Mutex<Vec<Failure>> = Mutex::default();
    let totals: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    let live = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            match simulate(seed, &Options::default()) {
                Ok(summary) => {
                    let mut totals = totals.lock().unwrap();
                    summary.counts.iter().for_each(|(what, n)| *totals.entry(what).or_default() += n);
                }
                Err(failure) => failures.lock().unwrap().push(failure),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, |n| n.get());
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(live))));
    let (mut failures, totals) = (failures.into_inner().unwrap(), totals.into_inner().unwrap());
    println!("{seeds} seeds: {totals:#?}");
    failures.sort_by_key(|failure| failure.seed);
    for failure in failures.iter().take(FAILURES_SHOWN) {
        println!("{failure}\n");
    }
    let kinds: Vec<_> = failures.iter().map(|failure| (failure.seed, failure.invariant)).collect();
    assert!(kinds.is_empty(), "{} of {seeds} seeds failed: {kinds:?}", kinds.len());
    let missing: Vec<_> = WANTED.iter().filter(|what| !totals.contains_key(*what)).collect();
    assert!(missing.is_empty() || seeds < SEEDS, "in no world was there ever: {missing:?}");
}

#[test]
fn one_seed() {
    let Some(seed) = number("MARVAIN_SEED") else { return };
    match simulate(seed, &Options { full_trace: true, ..Options::default() }) {
        Ok(summary) => println!("{}\n{:#?}", summary.trace.join("\n"), summary.counts),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_seed_gives_the_same_world_again() {
    for seed in [3, 7, 11] {
        let hash = || match simulate(seed, &Options::default()) {
            Ok(summary) => summary.trace_hash,
            Err(failure) => failure.to_string(),
        };
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
