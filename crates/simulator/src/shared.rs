//! What the world shares with the ports that the hub calls: time, chance, how bad things are, the record of all.

use crate::{
    dice::Dice,
    executor,
    options::{Options, Plant},
    oracle::Oracle,
    trace::Trace,
    weather::Weather,
};
use marvain_domain::Timestamp;
use marvain_topics::Queue;
use parking_lot::{Mutex, MutexGuard};
use std::{collections::BTreeSet, sync::Arc};

/// Where virtual time begins.
pub(crate) const START: Timestamp = Timestamp::from_ms(1_795_348_800_000);

/// One world's common state. Held for moments, never across an await.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

pub(crate) struct State {
    /// Milliseconds since [`START`].
    pub(crate) now_ms: u64,
    /// Chance for what ports do.
    pub(crate) dice: Dice,
    pub(crate) weather: Weather,
    pub(crate) plant: Option<Plant>,
    pub(crate) trace: Trace,
    pub(crate) oracle: Oracle,
    /// Queues that something was put into since the last look.
    pub(crate) stirred: BTreeSet<Queue>,
}

impl State {
    pub(crate) fn now(&self) -> Timestamp {
        START.plus_ms(self.now_ms)
    }

    pub(crate) fn has(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        self.trace.note(self.now_ms, &line());
    }
}

impl Shared {
    pub(crate) fn new(seed: u64, options: &Options) -> Self {
        Self(Arc::new(Mutex::new(State {
            now_ms: 0,
            dice: Dice::new(seed, "ports"),
            weather: Weather::CALM,
            plant: options.plant,
            trace: Trace::new(options.full_trace),
            oracle: Oracle::default(),
            stirred: BTreeSet::new(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.lock().note(line);
    }

    /// Draws for one fault of the present weather.
    pub(crate) fn strikes(&self, fault: impl FnOnce(&Weather) -> u32) -> bool {
        let mut state = self.lock();
        let permille = fault(&state.weather);
        state.dice.permille(permille)
    }

    /// Is this guard removed, and does it show this time?
    pub(crate) fn planted(&self, plant: Plant, permille: u32) -> bool {
        let mut state = self.lock();
        state.has(plant) && state.dice.permille(permille)
    }

    /// A boundary of a port: now and then the scheduler gets its turn.
    pub(crate) async fn boundary(&self) {
        if self.strikes(|weather| weather.pause) {
            executor::pause().await;
        }
    }
}
