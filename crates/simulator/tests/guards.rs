//! Each guard, removed: some world has to notice soon, or the invariants would guard nothing.

use marvain_simulator::{Options, Plant, simulate};

/// Worlds in which a removed guard has to be noticed.
const SEEDS_MAX: u64 = 60;

const LOST: &str = "nothing acknowledged is lost";
const EFFECTS: &str = "every effect is carried out";
const ONCE: &str = "a delivery takes effect once";
const AUDIT: &str = "the audit log is complete";
const GRANT: &str = "no effect without a matching allow";
const STATES: &str = "actions move along their states";
const RUNS: &str = "an action runs at most once";

/// The invariants that a removed guard breaks.
const fn broken_by(plant: Plant) -> &'static [&'static str] {
    match plant {
        Plant::BusDropsEffects | Plant::LedgerDropsOutbox => &[EFFECTS],
        Plant::LedgerIgnoresVersions => &["presence follows connections", STATES, "an end is an end"],
        Plant::LedgerForgetsDeliveries => &[ONCE],
        Plant::LedgerDropsAudit | Plant::VaultForgets => &[AUDIT],
        Plant::QueueAcksBeforeWork => &[EFFECTS, LOST],
        Plant::BrokerAcksBeforeQueue | Plant::SpoolNotDurable => &[LOST],
        Plant::BrokerTrustsTopics => &["no message is attributed to another"],
        Plant::JournalNotDurable => &[RUNS],
        Plant::ClockStopped => &["what has expired does not run", "what has ended does not run"],
        Plant::ApproverSkipsHash | Plant::PolicyAllowsAll => &[GRANT],
        Plant::RecallKeepsErased => &["recall follows the ledger"],
    }
}

/// Where a removed guard is noticed first, in a world that is sound with it.
fn noticed(plant: Plant) -> Option<(u64, &'static str)> {
    let options = Options { plant: Some(plant), ..Options::default() };
    (0..SEEDS_MAX).find_map(|seed| {
        let failure = simulate(seed, &options).err()?;
        broken_by(plant).contains(&failure.invariant).then_some(())?;
        simulate(seed, &Options::default()).is_ok().then_some((seed, failure.invariant))
    })
}

#[test]
fn every_removed_guard_is_noticed() {
    let half = Plant::ALL.len() / 2;
    let (first, second) = Plant::ALL.split_at(half);
    let missed: Vec<Plant> = std::thread::scope(|scope| {
        let look = |plants: &'static [Plant]| {
            move || -> Vec<Plant> {
                let look = |plant: &&Plant| match noticed(**plant) {
                    Some((seed, invariant)) => {
                        println!("{plant:?}: seed {seed}: {invariant}");
                        false
                    }
                    None => true,
                };
                plants.iter().filter(look).copied().collect()
            }
        };
        let threads = [first, second].map(|plants| scope.spawn(look(plants)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|_| panic!("a world panicked"))).collect()
    });
    assert!(missed.is_empty(), "not noticed within {SEEDS_MAX} seeds: {missed:?}");
}
