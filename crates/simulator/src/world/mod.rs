//! One world: a hub, its broker and queues, satellites and people, and what happens when, all from one seed.
//!
//! Virtual time runs from event to event. The hub's operations are futures that stop at the boundaries of their ports;
//! when each goes on is an event like any other. It knows no invariant: the oracle does.

mod build;
mod calm;
mod hub;
mod net;
mod people;
mod satellites;

use crate::{
    broker::Broker,
    dice::Dice,
    options::{Failure, Options, Summary},
    oracle::{Oracle, Violation},
    ports::{MemoryVault, SimRecall},
    satellite::Satellite,
    shared::Shared,
    weather::Weather,
};
use hub::Task;
use marvain_domain::{
    Timestamp,
    action::Outcome,
    id::{ActionId, PersonId, SatelliteId, SpaceId},
};
use marvain_hub::{
    Hub, Ports,
    people::Secret,
    port::{Ledger, Recall},
};
use marvain_local::SqliteQueues;
use marvain_topics::{Queue, Topic};
use net::{Down, Up};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Most operations of the hub at the same time.
const TASKS_MAX: usize = 8;
/// Most events of one world; a world that has more never comes to rest.
const STEPS_MAX: u64 = 200_000;

/// Something that happens at a time.
#[derive(Debug)]
enum Event {
    /// The weather changes.
    Spell,
    /// An operation of the hub goes on.
    Poll(u64),
    /// A worker looks into its queue.
    Work(Queue),
    Tick,
    Seal,
    HubCrash,
    HubStart,
    SatelliteCrash(SatelliteId),
    SatelliteStart(SatelliteId),
    SatelliteTick(SatelliteId, u64),
    Connect(SatelliteId),
    ToBroker(SatelliteId, u64, Up),
    ToSatellite(SatelliteId, u64, Down),
    /// The broker notices that a connection is gone.
    BrokerNotices(SatelliteId, u64),
    /// A rule takes a message.
    Rule(Topic, Option<String>, Vec<u8>),
    JobEnds(SatelliteId, u64, ActionId, Outcome),
    Line(SatelliteId),
    Readings(SatelliteId),
    /// Somebody asks something of the hub.
    Person,
    /// Somebody changes their mind.
    Regret(people::Wanted),
    /// A device says what it must not.
    Forge,
}

/// A person of the household.
struct Resident {
    id: PersonId,
    token: Secret,
}

pub(crate) struct World {
    seed: u64,
    options: Options,
    shared: Shared,
    dice: Dice,
    agenda: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    hub: Option<Arc<Hub>>,
    /// The hub of before a crash, which may come back without what it knew of its operations.
    fallen: Option<Arc<Hub>>,
    verifier_key: String,
    ports: Ports,
    ledger: Arc<dyn Ledger>,
    queues: Arc<SqliteQueues>,
    vault: MemoryVault,
    recall: Arc<SimRecall>,
    found: Arc<dyn Recall>,
    broker: Arc<Mutex<Broker>>,
    satellites: BTreeMap<SatelliteId, Satellite>,
    residents: Vec<Resident>,
    spaces: Vec<SpaceId>,
    tasks: BTreeMap<u64, Task>,
    /// When each queue is looked into next.
    work_at: BTreeMap<Queue, u64>,
    /// Connections on which nothing arrives any more.
    dead: BTreeSet<u64>,
    /// By connection and direction: when the last packet arrives.
    arrivals: BTreeMap<(u64, bool), u64>,
    /// Numbers for requests, words and operations.
    counter: u64,
    /// All faults are over.
    calm: bool,
    /// Last, so that the hub's blocking work ends with it.
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn now_ms(&self) -> u64 {
        self.shared.lock().now_ms
    }

    fn now(&self) -> Timestamp {
        self.shared.lock().now()
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn at(&mut self, at_ms: u64, event: Event) {
        self.scheduled += 1;
        self.agenda.insert((at_ms, self.scheduled), event);
    }

    fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now_ms() + ms, event);
    }

    /// After a time between these, drawn.
    fn within(&mut self, low_ms: u64, high_ms: u64, event: Event) {
        let ms = self.dice.range(low_ms, high_ms);
        self.after(ms, event);
    }

    /// Runs to the end: trouble, then calm, then what must hold at rest.
    pub(crate) fn run(mut self) -> Result<Summary, Failure> {
        let runtime = self.runtime.handle().clone();
        let _entered = runtime.enter();
        match self.live() {
            Ok(()) => Ok(self.summary()),
            Err(violation) => Err(self.failure(violation)),
        }
    }

    fn live(&mut self) -> Result<(), Violation> {
        self.begin();
        let end_ms = self.options.trouble_s * 1000;
        while self.now_ms() < end_ms && self.happen()? {}
        self.heal()?;
        self.settle()
    }

    /// The next event. Says whether there was one.
    fn happen(&mut self) -> Result<bool, Violation> {
        let Some(((at_ms, _), event)) = self.agenda.pop_first() else { return Ok(false) };
        let steps = {
            let mut state = self.shared.lock();
            state.now_ms = state.now_ms.max(at_ms);
            self.broker.lock().now_ms = state.now().as_ms();
            state.trace.steps
        };
        if steps > STEPS_MAX {
            return Err(Violation { invariant: "the world comes to rest", detail: format!("{STEPS_MAX} steps") });
        }
        self.take(event);
        self.flush_broker();
        self.wake_workers();
        match self.shared.lock().oracle.violation() {
            Some(violation) => Err(violation),
            None => Ok(true),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Spell => {
                let weather = Weather::next(&mut self.dice);
                self.shared.lock().weather = weather;
                self.within(2_000, 90_000, Event::Spell);
            }
            Event::Poll(task) => self.poll(task),
            Event::Work(queue) => self.work(queue),
            Event::Tick => self.tick(),
            Event::Seal => self.seal(),
            Event::HubCrash => {
                self.crash_hub();
                self.within(30_000, 400_000, Event::HubCrash);
            }
            Event::HubStart => self.start_hub(),
            Event::SatelliteCrash(id) => {
                self.crash_satellite(&id);
                self.within(30_000, 400_000, Event::SatelliteCrash(id));
            }
            Event::SatelliteStart(id) => self.start_satellite(&id),
            Event::SatelliteTick(id, boot) => self.tick_satellite(&id, boot),
            Event::Connect(id) => self.connect(&id),
            Event::ToBroker(id, connection, up) => self.arrive_up(&id, connection, up),
            Event::ToSatellite(id, connection, down) => self.arrive_down(&id, connection, down),
            Event::BrokerNotices(id, connection) => self.broker_notices(&id, connection),
            Event::Rule(topic, principal, payload) => self.rule(topic, principal, payload),
            Event::JobEnds(id, boot, action, outcome) => self.job_ends(&id, boot, action, outcome),
            Event::Line(id) => self.line(&id),
            Event::Readings(id) => self.readings(&id),
            Event::Person => self.somebody_asks(),
            Event::Regret(wanted) => self.regret(wanted),
            Event::Forge => self.forge(),
        }
    }

    fn count(&self, what: &'static str) {
        self.shared.lock().oracle.count(what);
    }

    fn oracle<T>(&self, look: impl FnOnce(&Oracle) -> T) -> T {
        look(&self.shared.lock().oracle)
    }

    fn summary(&self) -> Summary {
        let state = self.shared.lock();
        let trace = if self.options.full_trace { state.trace.lines() } else { Vec::new() };
        Summary { trace_hash: state.trace.hash(), trace, counts: state.oracle.counts().clone() }
    }

    fn failure(&self, Violation { invariant, detail }: Violation) -> Failure {
        let state = self.shared.lock();
        Failure { seed: self.seed, step: state.trace.steps, invariant, detail, trace: state.trace.lines() }
    }
}
