//! What a simulation is asked to do, and what comes of it.

use std::{collections::BTreeMap, fmt};

/// How long the faulty part of a world lasts, in seconds of its time.
pub const TROUBLE_S: u64 = 400;

/// What to simulate besides the seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// A fault in what the hub and the satellites rely on, that the invariants have to notice.
    pub plant: Option<Plant>,
    /// Keep the whole trace, not only its end.
    pub full_trace: bool,
    /// How long things go wrong before all faults end, in seconds of virtual time.
    pub trouble_s: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { plant: None, full_trace: false, trouble_s: TROUBLE_S }
    }
}

/// A guard that is removed: a part that does not keep its contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Plant {
    /// The bus confirms some effects and does not carry them out.
    BusDropsEffects,
    /// The ledger applies writes whatever their conditions say.
    LedgerIgnoresVersions,
    /// The ledger does not know deliveries again.
    LedgerForgetsDeliveries,
    /// The ledger commits rows and loses some audit drafts.
    LedgerDropsAudit,
    /// The ledger commits rows and loses some effects.
    LedgerDropsOutbox,
    /// Deliveries are acknowledged before they are worked on.
    QueueAcksBeforeWork,
    /// The broker acknowledges some messages that it has not queued.
    BrokerAcksBeforeQueue,
    /// The broker lets anybody publish on any topic, in the topic's name.
    BrokerTrustsTopics,
    /// A satellite's journal says that it is durable and is not.
    JournalNotDurable,
    /// A satellite's spool says that it is durable and is not.
    SpoolNotDurable,
    /// A satellite's clock has stopped.
    ClockStopped,
    /// Whoever passes an approval on puts the current hash in place of the one that the person saw.
    ApproverSkipsHash,
    /// The policies in force let everything run unattended.
    PolicyAllowsAll,
    /// The vault confirms some objects and does not keep them.
    VaultForgets,
    /// Recall confirms erasures and does not erase.
    RecallKeepsErased,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::BusDropsEffects,
        Self::LedgerIgnoresVersions,
        Self::LedgerForgetsDeliveries,
        Self::LedgerDropsAudit,
        Self::LedgerDropsOutbox,
        Self::QueueAcksBeforeWork,
        Self::BrokerAcksBeforeQueue,
        Self::BrokerTrustsTopics,
        Self::JournalNotDurable,
        Self::SpoolNotDurable,
        Self::ClockStopped,
        Self::ApproverSkipsHash,
        Self::PolicyAllowsAll,
        Self::VaultForgets,
        Self::RecallKeepsErased,
    ];
}

/// How much happened in a world in which every invariant held.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Hash over everything that happened, in order: equal for equal seeds and options.
    pub trace_hash: String,
    /// The trace, if it was asked for.
    pub trace: Vec<String>,
    /// How often each thing happened.
    pub counts: BTreeMap<&'static str, u64>,
}

/// An invariant that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How many things had happened.
    pub step: u64,
    /// Which invariant.
    pub invariant: &'static str,
    /// What was so instead.
    pub detail: String,
    /// The end of the trace, or all of it if that was asked for.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, invariant, detail, trace } = self;
        for line in trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {seed}, step {step}: {invariant}: {detail}")?;
        write!(
            f,
            "to reproduce: MARVAIN_SEED={seed} cargo test -p marvain-simulator --test seeds -- --nocapture one_seed"
        )
    }
}

impl std::error::Error for Failure {}
