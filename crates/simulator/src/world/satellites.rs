//! Satellites in their world: they start, hear lines, measure, do what they are told, and crash.

use super::{Event, World, net::Up};
use crate::satellite::Wish;
use marvain_domain::{
    Timestamp,
    action::{ActionState, Outcome},
    id::{ActionId, SatelliteId},
};
use marvain_satellite::{config::Emit, core::Input};
use marvain_topics::{
    EventKind, Topic,
    wire::{Reading, WIRE_VERSION},
};
use serde_json::json;

/// Longest that a job takes, in ms.
const JOB_MS_MAX: u64 = 20_000;

impl World {
    pub(super) fn start_satellite(&mut self, id: &SatelliteId) {
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        if satellite.is_running() {
            return;
        }
        self.shared.note(|| format!("{id}: starts"));
        let wishes = satellite.start();
        self.grant(id, wishes);
        self.within(10, 3_000, Event::Connect(id.clone()));
    }

    pub(super) fn crash_satellite(&mut self, id: &SatelliteId) {
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        if satellite.is_running() {
            satellite.crash();
            self.fallen(id);
        }
    }

    /// Its process has ended: it comes back, and the broker notices some time.
    fn fallen(&mut self, id: &SatelliteId) {
        let connection = self.broker.lock().connection(id);
        if let Some(connection) = connection {
            self.dead.insert(connection);
            self.within(0, 40_000, Event::BrokerNotices(id.clone(), connection));
        }
        let longest_ms = if self.dice.permille(300) { 150_000 } else { 30_000 };
        self.within(500, longest_ms, Event::SatelliteStart(id.clone()));
    }

    pub(super) fn tick_satellite(&mut self, id: &SatelliteId, boot: u64) {
        let now_ms = self.now_ms();
        let Some(satellite) = self.satellites.get_mut(id).filter(|satellite| satellite.boot == boot) else { return };
        if satellite.tick_at_ms.is_some_and(|due| due <= now_ms) {
            satellite.tick_at_ms = None;
            self.tell(id, Input::Tick);
        }
    }

    pub(super) fn tell(&mut self, id: &SatelliteId, input: Input) {
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        let wishes = satellite.tell(input);
        self.grant(id, wishes);
    }

    /// Carries out what an agent wants from the world.
    fn grant(&mut self, id: &SatelliteId, wishes: Vec<Wish>) {
        let Some((connection, boot)) = self.satellites.get(id).map(|one| (one.connection, one.boot)) else { return };
        // The connection of a process that has just crashed still carries what it had sent before.
        let connection = connection.or_else(|| self.broker.lock().connection(id));
        for wish in wishes {
            match (wish, connection) {
                (Wish::Subscribe(topics), Some(connection)) => self.up(id, connection, Up::Subscribe(topics)),
                (Wish::Publish { topic, payload, token }, Some(connection)) => {
                    self.shared.note(|| format!("{id}: publishes {topic} {payload}"));
                    self.up(id, connection, Up::Publish { topic, payload, token });
                }
                (Wish::Subscribe(_) | Wish::Publish { .. }, None) => {}
                (Wish::Start { action, job }, _) => {
                    self.shared.note(|| format!("{id}: runs {action} {job:?}"));
                    let now = self.now();
                    self.shared.lock().oracle.started(&action, &job, id, now);
                    let error = self.dice.permille(200).then(|| "it jams".to_owned());
                    let outcome = Outcome { result: None, error };
                    self.within(0, JOB_MS_MAX, Event::JobEnds(id.clone(), boot, action, outcome));
                }
                (Wish::Crashed, _) => self.fallen(id),
            }
        }
        let deadline = self.satellites.get(id).and_then(|satellite| satellite.deadline_ms());
        let Some(at_ms) = deadline.map(|at_ms| at_ms.max(self.now_ms() + 1)) else { return };
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        if satellite.tick_at_ms.is_none_or(|due| due > at_ms) {
            satellite.tick_at_ms = Some(at_ms);
            let boot = satellite.boot;
            self.at(at_ms, Event::SatelliteTick(id.clone(), boot));
        }
    }

    pub(super) fn job_ends(&mut self, id: &SatelliteId, boot: u64, action: ActionId, outcome: Outcome) {
        if self.satellites.get(id).is_some_and(|satellite| satellite.boot == boot) {
            self.tell(id, Input::Finished { action, outcome });
        }
    }

    /// Words for the hub; some are to be told again.
    pub(super) fn words(&mut self) -> String {
        let n = self.next();
        let known = self.dice.range(n.saturating_sub(200), n);
        let lamp = if self.dice.permille(500) { "on" } else { "off" };
        match self.dice.range(0, 11) {
            0..=2 => format!("remember that the ob{n} key is in the tin"),
            3..=5 => format!("turn the lamp {lamp}"),
            6 => format!("turn the den-pi lamp {lamp}"),
            7 => format!("what do you know about the key in the tin {known}"),
            8 => "forget everything about tin".to_owned(),
            9 => format!("remind me to water plant {n} in {} minutes", self.dice.range(1, 3)),
            10 => "switch off the lamp".to_owned(),
            _ => format!("nothing in particular {n}"),
        }
    }

    pub(super) fn line(&mut self, id: &SatelliteId) {
        if self.calm {
            return;
        }
        let listening = self.satellites.get(id).is_some_and(|one| one.is_running() && !one.paused);
        let bursts = if self.dice.permille(50) { self.dice.range(2, 12) } else { 1 };
        for _ in 0..if listening { bursts } else { 0 } {
            let text = self.words();
            let emit = if self.dice.permille(150) { Emit::Observation } else { Emit::Transcript };
            self.shared.note(|| format!("{id}: hears `{text}`"));
            self.tell(id, Input::Line { input: "stdin".to_owned(), emit, text, position: None });
        }
        self.within(5_000, 60_000, Event::Line(id.clone()));
    }

    pub(super) fn readings(&mut self, id: &SatelliteId) {
        if self.calm {
            return;
        }
        let value = self.dice.range(0, 100) as f64;
        self.tell(id, Input::Readings(vec![Reading { name: "load".to_owned(), value, unit: String::new() }]));
        self.within(20_000, 120_000, Event::Readings(id.clone()));
    }

    /// A device with a certificate of its own writes to another's topics. The broker's policies would stop it; the hub
    /// must not depend on that.
    pub(super) fn forge(&mut self) {
        if self.calm {
            return;
        }
        self.within(20_000, 90_000, Event::Forge);
        let ids: Vec<_> = self.satellites.keys().cloned().collect();
        let Some(victim) = self.dice.pick(&ids).cloned() else { return };
        let others = self.satellites.values().filter(|one| one.id != victim);
        let others: Vec<_> = others.map(|one| one.certificate.clone()).collect();
        let Some(forger) = self.dice.pick(&others).cloned() else { return };
        let trusts_topics = self.shared.lock().has(crate::options::Plant::BrokerTrustsTopics);
        let own = self.satellites.get(&victim).map(|one| one.certificate.clone());
        let principal = own.filter(|_| trusts_topics).unwrap_or(forger);
        let at: Timestamp = self.now();
        let n = self.next();
        let open: Vec<ActionId> = self.oracle(|oracle| {
            let actions = oracle.all::<marvain_domain::action::Action>("action");
            actions.into_iter().filter(|one| one.state == ActionState::Dispatched).map(|one| one.id).collect()
        });
        let reports = self.dice.permille(500);
        let action = self.dice.pick(&open).cloned().filter(|_| reports);
        let (topic, payload) = match action {
            Some(action) => (
                Topic::Report { thing: victim },
                json!({"v": WIRE_VERSION, "action": action, "state": "succeeded", "at": at}),
            ),
            None => (
                Topic::Event { thing: victim, kind: EventKind::Transcript },
                json!({"v": WIRE_VERSION, "id": format!("forged-{n}"), "at": at, "kind": "transcript", "text": "turn the lamp on"}),
            ),
        };
        self.count("forgeries");
        self.enqueue(&topic, Some(&principal), payload.to_string().into_bytes());
    }
}
