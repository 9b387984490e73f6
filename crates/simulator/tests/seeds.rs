//! Many worlds, each from its seed. `MARVAIN_SEED` picks one and prints all that happens in it.

use marvain_simulator::{Options, simulate};

#[test]
fn one_seed() {
    let Ok(seed) = std::env::var("MARVAIN_SEED") else { return };
    let options = Options { full_trace: true, ..Options::default() };
    match simulate(seed.parse().unwrap(), &options) {
        Ok(summary) => println!("{}\n{:#?}", summary.trace.join("\n"), summary.counts),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
#[ignore = "exploration"]
fn explore() {
    let from: u64 = std::env::var("FROM").map_or(0, |n| n.parse().unwrap());
    let to: u64 = std::env::var("TO").map_or(10, |n| n.parse().unwrap());
    let mut failures: std::collections::BTreeMap<&str, Vec<u64>> = Default::default();
    let mut details = std::collections::BTreeMap::new();
    let mut counts: std::collections::BTreeMap<&str, u64> = Default::default();
    let t = std::time::Instant::now();
    for seed in from..to {
        match simulate(seed, &Options::default()) {
            Ok(summary) => summary.counts.iter().for_each(|(k, v)| *counts.entry(k).or_default() += v),
            Err(f) => {
                failures.entry(f.invariant).or_default().push(seed);
                details.entry(f.invariant).or_insert(f.detail);
            }
        }
    }
    println!("{:?} per seed", t.elapsed() / (to - from) as u32);
    println!("{counts:#?}");
    for (k, v) in &failures { println!("{k}: {} {v:?}\n      {}", v.len(), details[k].chars().take(600).collect::<String>()); }
}
