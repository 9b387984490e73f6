//! The satellite's decisions, without input or output: [`Agent::handle`] takes what happened, [`Agent::poll_output`] gives
//! what to do, [`Agent::deadline`] says when to come back.
//!
//! It has no socket, clock, file, process or task; storage answers come in like everything else, so that "durable before
//! acted upon" is visible here and tested on virtual time.

mod commands;
mod payload;
mod shadow;
mod store;
mod types;
mod window;

#[cfg(test)]
mod tests;

pub use commands::{REMEMBER_S, REMEMBERED_MAX};
pub use payload::{BOOT_ID_BYTES, BootId, ERROR_BYTES_MAX, Refusal, head};
pub use types::{Channel, Entry, Fact, Input, Lane, NotStored, Now, Output, Position, Record, Recovered, Token, Usage};

use crate::config::{Actuator, Config, Emit};
use commands::{Commands, Step};
use marvain_domain::{
    action::{ActionState, Outcome},
    event::EventBody,
    id::{ActionId, SatelliteId},
};
use marvain_topics::wire::PresenceReported;
use payload::Ids;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use store::Store;
use window::Window;

/// Events and reports that may wait for their PUBACK. AWS IoT allows 100 unacknowledged publishes per client.
const EVENTS_IN_FLIGHT_MAX: usize = 64;
/// Telemetry that may wait for its PUBACK.
const TELEMETRY_IN_FLIGHT_MAX: usize = 16;
/// Publishes that may wait for their PUBACK in all, with some for the shadows.
pub const IN_FLIGHT_MAX: u16 = 96;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    Down,
    Connected,
    Ready,
}

/// The satellite.
#[derive(Debug)]
pub struct Agent {
    thing: SatelliteId,
    actuators: Vec<Actuator>,
    outputs: VecDeque<Output>,
    ids: Ids,
    link: Link,
    events: Window,
    telemetry: Window,
    store: Store,
    commands: Commands,
    shadows: shadow::Shadows,
    privacy: bool,
    /// No command begins any more.
    stopping: bool,
    presence: PresenceReported,
}

impl Agent {
    /// The agent of `config` as it was left, and the run's id.
    pub fn new(config: &Config, boot: BootId, recovered: Recovered, now: Now) -> Self {
        let (commands, interrupted) = Commands::recover(&recovered.facts, &recovered.reported);
        let privacy = recovered.facts.iter().rev().find_map(|fact| match fact {
            Fact::Privacy { on } => Some(*on),
            Fact::Started { .. } | Fact::Done { .. } | Fact::Damaged | Fact::Trusted => None,
        });
        let presence = PresenceReported {
            software: crate::SOFTWARE.to_owned(),
            capabilities: config.capabilities(),
            dropped_telemetry: recovered.usage.dropped_telemetry,
            paused: false,
        };
        let mut agent = Self {
            thing: config.thing.clone(),
            actuators: config.actuators.clone(),
            outputs: VecDeque::new(),
            ids: Ids::new(boot),
            link: Link::Down,
            events: Window::new(recovered.events, EVENTS_IN_FLIGHT_MAX),
            telemetry: Window::new(recovered.telemetry, TELEMETRY_IN_FLIGHT_MAX),
            store: Store::default(),
            commands,
            shadows: shadow::Shadows::default(),
            privacy: privacy.unwrap_or_default(),
            stopping: false,
            presence,
        };
        agent.rewrite(now);
        for fault in recovered.faults {
            let details = Map::from_iter([("fault".to_owned(), Value::String(fault))]);
            agent.event(EventBody::Observation { name: "satellite.fault".to_owned(), details }, None, now);
        }
        for step in interrupted {
            agent.step(step, now);
        }
        agent
    }

    /// Something happened at `now`.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Connected => self.connected(),
            Input::Subscribed => self.subscribed(now),
            Input::Disconnected => self.disconnected(),
            Input::Message { topic, payload } => self.message(&topic, &payload, now),
            Input::Acked(token) => self.acked(token),
            Input::Line { input, emit, text, position } => self.line(&input, emit, text, position, now),
            Input::Readings(readings) => match payload::telemetry(&mut self.ids, readings, now.wall) {
                Ok(record) => self.append(record, None),
                Err(error) => tracing::warn!(%error, "readings refused"),
            },
            Input::Finished { action, outcome } => {
                if let Some(step) = self.commands.finished(&action, outcome) {
                    self.step(step, now);
                }
            }
            Input::Appended { stored, usage } => self.appended(stored, usage, now),
            Input::Fetched { lane, entries: Some(entries) } => self.fetched(lane, entries),
            Input::Fetched { lane, entries: None } => self.window(lane).unreadable(now.mono_ms),
            Input::Removed(usage) => self.removed(usage),
            Input::Remembered { fact, stored } => self.remembered(&fact, stored, now),
            Input::Stopping => self.stopping = true,
            Input::Tick => {}
        }
        self.retry(now);
        self.ask_again(now);
        self.tell_presence(now);
        self.pump(now);
    }

    /// What to do next, until there is nothing left. What came in since the last look is stored together.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.next_append())
    }

    /// When to come back with [`Input::Tick`] at the latest, in [`Now::mono_ms`].
    pub fn deadline(&self) -> Option<u64> {
        let presence = self.shadows.presence_at(&self.presence).filter(|_| self.link == Link::Ready);
        let ask = self.shadows.ask_at().filter(|_| self.link == Link::Ready);
        let read = [&self.events, &self.telemetry].map(|window| window.retry_at().filter(|_| self.link == Link::Ready));
        [self.store.retry_at(), presence, ask].into_iter().chain(read).flatten().min()
    }

    const fn window(&mut self, lane: Lane) -> &mut Window {
        match lane {
            Lane::Events => &mut self.events,
            Lane::Telemetry => &mut self.telemetry,
        }
    }

    fn line(&mut self, input: &str, emit: Emit, text: String, position: Option<Position>, now: Now) {
        if text.trim().is_empty() {
            return;
        }
        if self.privacy {
            return self.event(EventBody::Suppressed, position, now);
        }
        match payload::line(input, emit, text) {
            Ok(body) => self.event(body, position, now),
            Err(error) => tracing::warn!(input, %error, "line refused"),
        }
    }

    fn event(&mut self, body: EventBody, position: Option<Position>, now: Now) {
        match payload::event(&mut self.ids, body, now.wall, position) {
            Ok(record) => self.append(record, None),
            Err(error) => tracing::warn!(%error, "event refused"),
        }
    }

    fn step(&mut self, step: Step, now: Now) {
        match step {
            Step::Remember(fact) => self.remember(fact, now),
            Step::Report(action, state, outcome) => {
                tracing::info!(%action, state = state.as_str(), error = outcome.error.as_deref(), "command ended");
                self.report(&action, state, outcome, now);
            }
        }
    }

    fn report(&mut self, action: &ActionId, state: ActionState, outcome: Outcome, now: Now) {
        match payload::report(action, state, outcome, now.wall) {
            Ok(record) => self.append(record, state.is_final().then(|| action.clone())),
            Err(error) => tracing::error!(%action, %error, "report refused"),
        }
    }

    fn remember(&mut self, fact: Fact, now: Now) {
        if self.commands.must_rewrite() {
            self.rewrite(now);
        }
        self.outputs.push_back(Output::Remember(fact));
    }

    fn rewrite(&mut self, now: Now) {
        let mut facts = self.commands.facts(now.wall);
        facts.push(Fact::Privacy { on: self.privacy });
        self.outputs.push_back(Output::Rewrite(facts));
    }

    fn remembered(&mut self, fact: &Fact, stored: bool, now: Now) {
        let Fact::Started { action, .. } = fact else { return };
        match self.commands.remembered(action, stored) {
            Some(job) => {
                tracing::info!(%action, "command begins");
                self.report(action, ActionState::Acknowledged, Outcome::default(), now);
                self.outputs.push_back(Output::Start { action: action.clone(), job });
            }
            None if !stored => tracing::error!(%action, "command not begun: its id could not be stored"),
            None => {}
        }
    }

    fn acked(&mut self, Token { lane, seq }: Token) {
        if let Some(seq) = self.window(lane).acked(seq) {
            self.outputs.push_back(Output::Remove(Token { lane, seq }));
        }
    }

    fn fetched(&mut self, lane: Lane, entries: Vec<Entry>) {
        if self.link != Link::Ready || !self.window(lane).is_fetching() {
            return;
        }
        self.window(lane).fetched(&entries);
        for entry in entries {
            let suppressed = (self.privacy && entry.channel.is_content()).then(|| payload::suppress(&entry.payload));
            let (channel, payload) = match suppressed {
                None => (entry.channel, entry.payload),
                Some(Some(suppressed)) => (Channel::Suppressed, suppressed),
                Some(None) => {
                    tracing::error!(seq = entry.seq, "a spooled event is no event and is held back");
                    self.acked(Token { lane, seq: entry.seq });
                    continue;
                }
            };
            let topic = channel.topic(&self.thing);
            let token = Some(Token { lane, seq: entry.seq });
            self.outputs.push_back(Output::Publish { topic, payload: payload.get().to_owned(), token });
        }
    }

    /// Asks for entries where there is room in flight. Events wait until privacy mode is known for this connection.
    fn pump(&mut self, now: Now) {
        if self.link != Link::Ready {
            return;
        }
        for lane in Lane::ALL {
            if lane == Lane::Events && !self.shadows.config_known() {
                continue;
            }
            if let Some((after, most)) = self.window(lane).fetch(now.mono_ms) {
                self.outputs.push_back(Output::Fetch { lane, after, most });
            }
        }
    }
}
