//! How likely things go wrong just now. Faults come in spells, as they do: a database that is away stays away a while.

use crate::dice::Dice;

/// Chances in a thousand, and delays in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Weather {
    /// A call at a port lets others go first.
    pub(crate) pause: u32,
    /// Longest that others go first, in ms.
    pub(crate) pause_ms: u64,
    /// The hub's process ends at a pause.
    pub(crate) hub_crash: u32,
    /// The ledger cannot be reached.
    pub(crate) ledger_down: u32,
    /// The ledger did it, and its answer is lost.
    pub(crate) ledger_lost: u32,
    /// Somebody else was faster.
    pub(crate) conflict: u32,
    /// An effect does not go out.
    pub(crate) bus_down: u32,
    /// An effect goes out, and the answer is lost.
    pub(crate) bus_lost: u32,
    /// Recall cannot be reached.
    pub(crate) recall_down: u32,
    /// The vault or the audit log's key cannot be reached.
    pub(crate) vault_down: u32,
    /// The model does not answer.
    pub(crate) model_down: u32,
    /// The model answers something that nobody asked for.
    pub(crate) model_wild: u32,
    /// An acknowledgement of a delivery is lost.
    pub(crate) ack_lost: u32,
    /// A delivery is handed out twice.
    pub(crate) twice: u32,
    /// A packet is lost, and the connection with it.
    pub(crate) cut: u32,
    /// A packet is repeated.
    pub(crate) repeat: u32,
    /// Longest that a packet takes, in ms.
    pub(crate) net_ms: u64,
    /// Packets overtake each other.
    pub(crate) reorder: bool,
    /// The broker cannot store a message.
    pub(crate) broker_down: u32,
    /// A satellite's process ends before an output is carried out.
    pub(crate) satellite_crash: u32,
    /// A satellite's disk refuses a write.
    pub(crate) disk: u32,
    /// Telemetry cannot be reached.
    pub(crate) telemetry_down: u32,
}

impl Weather {
    /// Nothing goes wrong and nothing waits.
    pub(crate) const CALM: Self = Self {
        pause: 0,
        pause_ms: 0,
        hub_crash: 0,
        ledger_down: 0,
        ledger_lost: 0,
        conflict: 0,
        bus_down: 0,
        bus_lost: 0,
        recall_down: 0,
        vault_down: 0,
        model_down: 0,
        model_wild: 0,
        ack_lost: 0,
        twice: 0,
        cut: 0,
        repeat: 0,
        net_ms: 20,
        reorder: false,
        broker_down: 0,
        satellite_crash: 0,
        disk: 0,
        telemetry_down: 0,
    };

    /// The weather of the next spell. Most faults are rare or absent, one or another is all there is.
    pub(crate) fn next(dice: &mut Dice) -> Self {
        let mut rare = |often: u32, most: u32| match dice.range(0, 9) {
            0..=5 => 0,
            6..=8 => often,
            _ => most,
        };
        Self {
            pause: rare(300, 600).max(100),
            pause_ms: u64::from(rare(200, 6_000)).max(20),
            hub_crash: rare(2, 20),
            ledger_down: rare(10, 300),
            ledger_lost: rare(20, 100),
            conflict: rare(50, 500),
            bus_down: rare(50, 900),
            bus_lost: rare(50, 300),
            recall_down: rare(50, 600),
            vault_down: rare(50, 500),
            model_down: rare(100, 800),
            model_wild: rare(100, 300),
            ack_lost: rare(50, 200),
            twice: rare(50, 200),
            cut: rare(10, 100),
            repeat: rare(20, 100),
            net_ms: u64::from(rare(300, 20_000)).max(10),
            reorder: rare(1, 1) > 0,
            broker_down: rare(20, 200),
            satellite_crash: rare(5, 40),
            disk: rare(10, 200),
            telemetry_down: rare(50, 600),
        }
    }
}
