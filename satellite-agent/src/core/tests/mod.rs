//! Scenarios on virtual time: an agent, and a world in memory that stores, publishes and acts as it is told.

mod commands;
mod events;
mod room;
mod shadows;

use super::*;
use crate::config::{self, Connection, Emit, Job};
use marvain_domain::Timestamp;
use marvain_topics::{ShadowName, ShadowOp, Topic};
use serde_json::{Value, json};
use std::path::Path;

const T0: u64 = 1_800_000_000_000;

/// What survives a crash.
#[derive(Clone, Default)]
struct Disk {
    lanes: [Vec<Entry>; 2],
    stored: [u64; 2],
    removed: [u64; 2],
    facts: Vec<Fact>,
    /// Entries of the events lane that fit; none for any number.
    room: Option<usize>,
    broken: bool,
    unreadable: bool,
    journal_broken: bool,
}

impl Disk {
    fn append(&mut self, record: Record) -> Result<u64, NotStored> {
        let i = index(record.channel.lane());
        if self.broken {
            return Err(NotStored::Disk);
        }
        if record.channel != Channel::Report && self.room.is_some_and(|room| self.lanes[i].len() >= room) {
            return Err(NotStored::Full);
        }
        self.stored[i] += 1;
        let seq = self.stored[i];
        self.lanes[i].push(Entry { seq, channel: record.channel, payload: record.payload });
        Ok(seq)
    }
}

struct World {
    agent: Agent,
    disk: Disk,
    mono_ms: u64,
    /// Topic and payload of everything published since the last look, and the tokens that wait for a PUBACK.
    published: Vec<(String, Value)>,
    unacked: Vec<Token>,
    started: Vec<(ActionId, Job)>,
    paused: bool,
    /// The world ends before it carries out the n-th output from here.
    crash_after: Option<usize>,
}

fn configuration() -> Config {
    let text = r#"
        [[actuator]]
        name = "lamp"
        kind = "command"
        argv = ["lamp", "{state}"]
        args = { state = { type = "text", enum = ["on", "off"] } }
        [[actuator]]
        name = "ping"
        kind = "ping"
    "#;
    let connection =
        Connection { endpoint: "hub".into(), port: 8883, thing: Some("den".parse().unwrap()), template: None };
    config::parse(Path::new("test.toml"), text, Path::new("identity"), &connection).unwrap()
}

const fn index(lane: Lane) -> usize {
    lane as usize
}

impl World {
    fn new() -> Self {
        Self::on(Disk::default(), 1)
    }

    fn on(disk: Disk, boot: u8) -> Self {
        let reports = disk.lanes[0].iter().filter(|entry| entry.channel == Channel::Report);
        let finals = reports.filter_map(|entry| {
            let report: Value = serde_json::from_str(entry.payload.get()).unwrap();
            (report["state"] != "acknowledged").then(|| report["action"].as_str().unwrap().parse().unwrap())
        });
        let recovered = Recovered {
            facts: disk.facts.clone(),
            reported: finals.collect(),
            events: (disk.removed[0], disk.stored[0]),
            telemetry: (disk.removed[1], disk.stored[1]),
            ..Recovered::default()
        };
        let now = Now { wall: Timestamp::from_ms(T0), mono_ms: 0 };
        let agent = Agent::new(&configuration(), BootId([boot; BOOT_ID_BYTES]), recovered, now);
        let mut world = Self {
            agent,
            disk,
            mono_ms: 0,
            published: Vec::new(),
            unacked: Vec::new(),
            started: Vec::new(),
            paused: false,
            crash_after: None,
        };
        world.settle();
        world
    }

    /// The process is killed and started again.
    fn restart(&self, boot: u8) -> Self {
        Self::on(self.disk.clone(), boot)
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::from_ms(T0 + self.mono_ms), mono_ms: self.mono_ms }
    }

    fn tell(&mut self, input: Input) {
        self.agent.handle(self.now(), input);
        self.settle();
    }

    fn settle(&mut self) {
        while self.crash_after != Some(0)
            && let Some(output) = self.agent.poll_output()
        {
            self.crash_after = self.crash_after.map(|left| left - 1);
            if let Some(answer) = self.carry_out(output) {
                self.agent.handle(self.now(), answer);
            }
        }
    }

    fn usage(&self) -> Usage {
        let bytes = self.disk.lanes[0].len() as u64;
        Usage { bytes, bytes_max: self.disk.room.map_or(1_000_000, |room| room as u64), dropped_telemetry: 0 }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Subscribe(topics) => {
                assert!(topics.len() <= 8, "AWS IoT takes eight filters in one SUBSCRIBE");
                Some(Input::Subscribed)
            }
            Output::Publish { topic, payload, token } => {
                self.published.push((topic.to_string(), serde_json::from_str(&payload).unwrap()));
                self.unacked.extend(token);
                None
            }
            Output::Append(records) => {
                let stored = records.into_iter().map(|record| self.disk.append(record)).collect();
                Some(Input::Appended { stored, usage: self.usage() })
            }
            Output::Fetch { lane, after, most } => {
                let behind = self.disk.lanes[index(lane)].iter().filter(|entry| entry.seq > after);
                let entries = (!self.disk.unreadable).then(|| behind.take(most).cloned().collect());
                Some(Input::Fetched { lane, entries })
            }
            Output::Remove(token) => {
                let i = index(token.lane);
                self.disk.removed[i] = token.seq;
                self.disk.lanes[i].retain(|entry| entry.seq > token.seq);
                Some(Input::Removed(self.usage()))
            }
            Output::Remember(fact) => {
                let stored = !self.disk.journal_broken;
                if stored {
                    self.disk.facts.push(fact.clone());
                }
                Some(Input::Remembered { fact, stored })
            }
            Output::Rewrite(facts) => {
                self.disk.facts = facts;
                None
            }
            Output::Start { action, job } => {
                self.started.push((action, job));
                None
            }
            Output::Pause(paused) => {
                self.paused = paused;
                None
            }
        }
    }

    /// Virtual time passes; the agent is woken whenever it asked to be.
    fn pass(&mut self, ms: u64) {
        let until = self.mono_ms + ms;
        while let Some(at) = self.agent.deadline().filter(|at| *at <= until) {
            self.mono_ms = at.max(self.mono_ms);
            self.tell(Input::Tick);
        }
        self.mono_ms = until;
        self.tell(Input::Tick);
    }

    fn shadow(&mut self, name: ShadowName, op: ShadowOp, payload: &Value) {
        let topic = Topic::Shadow { thing: "den".parse().unwrap(), name, op };
        self.tell(Input::Message { topic, payload: payload.to_string().into() });
    }

    /// The link comes up, and the shadows answer.
    fn connect(&mut self, commands: &Value, privacy: bool) {
        self.tell(Input::Connected);
        let document = json!({"state": {"desired": {"privacy": privacy}}, "version": 1});
        self.shadow(ShadowName::Config, ShadowOp::GetAccepted, &document);
        self.shadow(
            ShadowName::Commands,
            ShadowOp::GetAccepted,
            &json!({"state": {"desired": commands}, "version": 1}),
        );
    }

    fn delta(&mut self, commands: &Value) {
        self.shadow(ShadowName::Commands, ShadowOp::UpdateDelta, &json!({"state": commands, "version": 2}));
    }

    fn disconnect(&mut self) {
        self.unacked.clear();
        self.tell(Input::Disconnected);
    }

    fn say(&mut self, text: &str) {
        let (input, emit) = ("stdin".to_owned(), Emit::Transcript);
        self.tell(Input::Line { input, emit, text: text.to_owned(), position: None });
    }

    /// The broker acknowledges everything that it has got.
    fn ack_all(&mut self) {
        for token in std::mem::take(&mut self.unacked) {
            self.tell(Input::Acked(token));
        }
    }

    /// Payloads published since the last look whose topic ends like this.
    fn sent(&mut self, end: &str) -> Vec<Value> {
        let (sent, rest) = std::mem::take(&mut self.published).into_iter().partition(|(topic, _)| topic.ends_with(end));
        self.published = rest;
        let sent: Vec<(String, Value)> = sent;
        sent.into_iter().map(|(_, payload)| payload).collect()
    }

    fn texts(&mut self) -> Vec<String> {
        self.sent("/event/transcript").iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
    }

    /// State and error of each report published since the last look.
    fn reports(&mut self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.sent("/report").iter().map(|report| (text(&report["state"]), text(&report["error"]))).collect()
    }

    fn states(&mut self) -> Vec<String> {
        self.reports().into_iter().map(|(state, _)| state).collect()
    }
}

fn action(n: u32) -> ActionId {
    ActionId::derive(&[&n.to_string()])
}

/// A command to the lamp that may begin until `s` seconds from the beginning of the test.
fn lamp(n: u32, state: &str, s: u64) -> Value {
    let expires_at = Timestamp::from_ms(T0).plus_s(s);
    json!({ action(n).as_str(): {"capability": "lamp", "args": {"state": state}, "expires_at": expires_at} })
}

fn done(n: u32) -> Input {
    Input::Finished { action: action(n), outcome: Outcome { result: Some(json!({"exit": 0})), error: None } }
}
