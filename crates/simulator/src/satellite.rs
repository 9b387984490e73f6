//! A satellite: the agent's own core on simulated storage, and the driver that carries its outputs out.
//!
//! It mirrors the agent's driver. Its process may end before any output, and between a write and its fsync.

use crate::{disk::Disk, options::Plant, shared::START, shared::Shared};
use marvain_domain::{Timestamp, id::ActionId, id::SatelliteId};
use marvain_satellite::{
    config::{self, Config, ConfigError, Connection, Job},
    core::{Agent, BOOT_ID_BYTES, BootId, Channel, Input, NotStored, Now, Output, Record, Token},
};
use marvain_topics::Topic;
use std::path::Path;

/// Furthest that a satellite's clock is off, in milliseconds.
pub(crate) const SKEW_MS_MAX: u64 = 45_000;

const CONFIGURATION: &str = r#"
    [[actuator]]
    name = "lamp"
    kind = "command"
    argv = ["lamp", "{state}"]
    args = { state = { type = "text", enum = ["on", "off"] } }
    [[actuator]]
    name = "say"
    kind = "say"
    [[actuator]]
    name = "ping"
    kind = "ping"
"#;

/// What the agent wants from the world.
#[derive(Debug)]
pub(crate) enum Wish {
    Subscribe(Vec<Topic>),
    Publish {
        topic: Topic,
        payload: String,
        token: Option<Token>,
    },
    Start {
        action: ActionId,
        job: Job,
    },
    /// The process has ended.
    Crashed,
}

pub(crate) struct Satellite {
    pub(crate) id: SatelliteId,
    pub(crate) certificate: String,
    pub(crate) connection: Option<u64>,
    /// Counts starts of the process.
    pub(crate) boot: u64,
    pub(crate) paused: bool,
    pub(crate) partitioned_until_ms: u64,
    /// When it is told the time next, in the world's milliseconds.
    pub(crate) tick_at_ms: Option<u64>,
    /// Ahead of the true time by so much, less [`SKEW_MS_MAX`].
    pub(crate) skew_ms: u64,
    agent: Option<Agent>,
    config: Config,
    disk: Disk,
    booted_ms: u64,
    shared: Shared,
}

impl Satellite {
    pub(crate) fn new(id: SatelliteId, certificate: String, shared: Shared) -> Result<Self, ConfigError> {
        let connection = Connection { endpoint: "hub".to_owned(), port: 8883, thing: Some(id.clone()), template: None };
        let config = config::parse(Path::new("simulated.toml"), CONFIGURATION, Path::new("identity"), &connection)?;
        let (disk, skew_ms) = {
            let mut state = shared.lock();
            let (spool_lies, journal_lies) = (state.has(Plant::SpoolNotDurable), state.has(Plant::JournalNotDurable));
            (Disk::new(spool_lies, journal_lies), state.dice.range(0, 2 * SKEW_MS_MAX))
        };
        Ok(Self {
            id,
            certificate,
            connection: None,
            boot: 0,
            paused: false,
            partitioned_until_ms: 0,
            tick_at_ms: None,
            skew_ms,
            agent: None,
            config,
            disk,
            booted_ms: 0,
            shared,
        })
    }

    fn now(&self) -> Now {
        let state = self.shared.lock();
        let wall_ms = if state.has(Plant::ClockStopped) { 0 } else { state.now_ms + self.skew_ms };
        let wall = Timestamp::from_ms((START.as_ms() + wall_ms).saturating_sub(SKEW_MS_MAX));
        Now { wall, mono_ms: state.now_ms.saturating_sub(self.booted_ms) }
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.agent.is_some()
    }

    /// Entries in the spool.
    pub(crate) fn waiting(&self) -> usize {
        self.disk.waiting()
    }

    /// When the agent wants to be told the time, in the world's milliseconds.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        Some(self.agent.as_ref()?.deadline()?.saturating_add(self.booted_ms).saturating_add(1))
    }

    /// Its process begins.
    pub(crate) fn start(&mut self) -> Vec<Wish> {
        self.boot += 1;
        self.paused = false;
        self.tick_at_ms = None;
        let mut boot = [0; BOOT_ID_BYTES];
        {
            let mut state = self.shared.lock();
            self.booted_ms = state.now_ms;
            state.dice.fill(&mut boot);
        }
        self.agent = Some(Agent::new(&self.config, BootId(boot), self.disk.recovered(), self.now()));
        self.carry_out()
    }

    /// Its process ends, now.
    pub(crate) fn crash(&mut self) {
        if self.agent.take().is_none() {
            return;
        }
        let mut state = self.shared.lock();
        let id = &self.id;
        state.note(|| format!("{id}: crashed"));
        state.oracle.count("satellite crashes");
        state.oracle.lost(id);
        self.disk.crash(&mut state.dice);
        self.connection = None;
    }

    /// Something happened to it.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Wish> {
        let now = self.now();
        let Some(agent) = &mut self.agent else { return Vec::new() };
        agent.handle(now, input);
        self.carry_out()
    }

    fn carry_out(&mut self) -> Vec<Wish> {
        let mut wishes = Vec::new();
        loop {
            if self.shared.strikes(|weather| weather.satellite_crash) {
                self.crash();
            }
            let Some(agent) = &mut self.agent else {
                wishes.push(Wish::Crashed);
                return wishes;
            };
            let Some(output) = agent.poll_output() else { return wishes };
            self.act(output, &mut wishes);
        }
    }

    /// None is durable if the process ends before the end of it.
    fn append(&mut self, records: &[Record]) {
        let mut refused = None;
        let mut stored = Vec::with_capacity(records.len());
        for record in records {
            let is_input = !matches!(record.channel, Channel::Telemetry | Channel::Report);
            let failed = self.shared.strikes(|weather| weather.disk).then_some(NotStored::Disk);
            let failed = failed.or(refused.filter(|_| is_input));
            if is_input {
                refused = failed;
            }
            stored.push(failed.map_or_else(|| Ok(self.disk.append(record)), Err));
            if failed.is_none() {
                self.shared.lock().oracle.spooled(&self.id, record);
            }
        }
        if self.shared.strikes(|weather| weather.satellite_crash) {
            return self.crash();
        }
        self.disk.sync();
        self.shared.lock().oracle.synced(&self.id);
        self.answer(Input::Appended { stored, usage: self.disk.usage() });
    }

    fn answer(&mut self, input: Input) {
        let now = self.now();
        if let Some(agent) = &mut self.agent {
            agent.handle(now, input);
        }
    }

    fn act(&mut self, output: Output, wishes: &mut Vec<Wish>) {
        match output {
            Output::Subscribe(topics) => wishes.push(Wish::Subscribe(topics)),
            Output::Publish { topic, payload, token } => wishes.push(Wish::Publish { topic, payload, token }),
            Output::Start { action, job } => wishes.push(Wish::Start { action, job }),
            Output::Pause(paused) => self.paused = paused,
            Output::Fetch { lane, after, most } => {
                let unreadable = self.shared.strikes(|weather| weather.disk);
                let entries = (!unreadable).then(|| self.disk.fetch(lane, after, most));
                self.answer(Input::Fetched { lane, entries });
            }
            Output::Remove(token) => {
                let durably = self.shared.lock().dice.permille(500);
                self.disk.remove(token, durably);
                self.answer(Input::Removed(self.disk.usage()));
            }
            Output::Remember(fact) => {
                let stored = !self.shared.strikes(|weather| weather.disk);
                if stored {
                    self.disk.remember(&fact);
                }
                self.answer(Input::Remembered { fact, stored });
            }
            Output::Rewrite(facts) => {
                if !self.shared.strikes(|weather| weather.disk) {
                    self.disk.rewrite(facts);
                }
            }
            Output::Append(records) => self.append(&records),
        }
    }
}
