//! The three named shadows: `commands` and `config` are heard, `presence` is told.
//!
//! Nothing is ever reported in `commands` and `config`, so a delta has all that is desired ("Device Shadow service
//! documents"). On connecting both are asked for; until `config` has answered, events stay in the spool.

use super::{Agent, Fact, Link, Now, Output, payload};
use marvain_domain::id::ActionId;
use marvain_topics::{
    ShadowName, ShadowOp, Topic,
    wire::{ConfigDesired, PresenceReported, ShadowDocument, ShadowState},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// After this long without an answer a shadow is asked for again, in milliseconds.
const ASK_MS: u64 = 10_000;
/// Shortest time between two updates of the reported presence, in milliseconds.
const PRESENCE_MS: u64 = 2_000;
/// `code` of a rejection that means that there is no shadow yet ("Device Shadow error messages").
const NO_SHADOW: u16 = 404;

/// What is known of the shadows on this connection.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    commands_known: bool,
    config_known: bool,
    config_version: u64,
    ask_at: Option<u64>,
    told: Option<PresenceReported>,
    tell_at: u64,
}

/// A `get/rejected`.
#[derive(Deserialize)]
struct Rejected {
    code: u16,
    #[serde(default)]
    message: String,
}

impl Shadows {
    pub(super) const fn config_known(&self) -> bool {
        self.config_known
    }

    pub(super) const fn ask_at(&self) -> Option<u64> {
        self.ask_at
    }

    pub(super) fn presence_at(&self, current: &PresenceReported) -> Option<u64> {
        (self.told.as_ref() != Some(current)).then_some(self.tell_at)
    }
}

/// What a satellite subscribes to: seven filters, where AWS IoT allows eight in one SUBSCRIBE.
const HEARD: [(ShadowName, ShadowOp); 7] = [
    (ShadowName::Commands, ShadowOp::GetAccepted),
    (ShadowName::Commands, ShadowOp::GetRejected),
    (ShadowName::Commands, ShadowOp::UpdateDelta),
    (ShadowName::Config, ShadowOp::GetAccepted),
    (ShadowName::Config, ShadowOp::GetRejected),
    (ShadowName::Config, ShadowOp::UpdateDelta),
    (ShadowName::Presence, ShadowOp::UpdateRejected),
];

impl Agent {
    fn shadow(&self, name: ShadowName, op: ShadowOp) -> Topic {
        Topic::Shadow { thing: self.thing.clone(), name, op }
    }

    pub(super) fn connected(&mut self) {
        self.link = Link::Connected;
        let topics = HEARD.map(|(name, op)| self.shadow(name, op));
        self.outputs.push_back(Output::Subscribe(topics.into()));
    }

    pub(super) fn subscribed(&mut self, now: Now) {
        self.link = Link::Ready;
        self.shadows = Shadows::default();
        self.ask(now);
    }

    pub(super) fn disconnected(&mut self) {
        self.link = Link::Down;
        self.events.reset();
        self.telemetry.reset();
    }

    fn ask(&mut self, now: Now) {
        let asked =
            [(ShadowName::Config, self.shadows.config_known), (ShadowName::Commands, self.shadows.commands_known)];
        for (name, known) in asked {
            if !known {
                let topic = self.shadow(name, ShadowOp::Get);
                self.outputs.push_back(Output::Publish { topic, payload: "{}".to_owned(), token: None });
            }
        }
        self.shadows.ask_at = Some(now.mono_ms.saturating_add(ASK_MS));
    }

    /// Asks again for what was not answered, or could not be taken in whole.
    pub(super) fn ask_again(&mut self, now: Now) {
        let Shadows { commands_known, config_known, ask_at, .. } = &mut self.shadows;
        if *commands_known && *config_known {
            *ask_at = None;
            if !self.commands.has_left() {
                return;
            }
            *ask_at = Some(now.mono_ms.saturating_add(ASK_MS));
            *commands_known = false;
        }
        if self.link == Link::Ready && self.shadows.ask_at.is_some_and(|at| at <= now.mono_ms) {
            self.commands.take_left();
            self.ask(now);
        }
    }

    pub(super) fn tell_presence(&mut self, now: Now) {
        let due = self.shadows.presence_at(&self.presence).is_some_and(|at| at <= now.mono_ms);
        if self.link != Link::Ready || !due {
            return;
        }
        let Some(payload) = payload::presence(&self.presence) else { return };
        let topic = self.shadow(ShadowName::Presence, ShadowOp::Update);
        self.outputs.push_back(Output::Publish { topic, payload, token: None });
        self.shadows.told = Some(self.presence.clone());
        self.shadows.tell_at = now.mono_ms.saturating_add(PRESENCE_MS);
    }

    pub(super) fn message(&mut self, topic: &Topic, bytes: &[u8], now: Now) {
        let Topic::Shadow { name, op, .. } = topic else {
            tracing::warn!(%topic, "message on a topic that was not subscribed to");
            return;
        };
        let read = match (name, op) {
            // What began now would be killed right away: it waits in the shadow.
            (ShadowName::Commands, _) if self.stopping => return,
            (ShadowName::Commands, ShadowOp::GetAccepted) => read(bytes).map(|document| {
                self.commands_document(document, now);
            }),
            (ShadowName::Commands, ShadowOp::UpdateDelta) => read(bytes).map(|document: ShadowDocument<_>| {
                self.offer(document.state, now);
            }),
            (ShadowName::Config, ShadowOp::GetAccepted) => read(bytes).map(|document| {
                self.config_document(document, now);
            }),
            (ShadowName::Config, ShadowOp::UpdateDelta) => read(bytes).map(|document| {
                self.config_delta(&document, now);
            }),
            (_, ShadowOp::GetRejected | ShadowOp::UpdateRejected) => read(bytes).map(|rejected| {
                self.rejected(*name, *op, &rejected, now);
            }),
            _ => return,
        };
        if let Err(error) = read {
            tracing::warn!(%topic, %error, "message refused");
        }
    }

    fn commands_document(&mut self, document: ShadowDocument<ShadowState<Map<String, Value>>>, now: Now) {
        self.shadows.commands_known = true;
        self.offer(document.state.desired.unwrap_or_default(), now);
        self.trust_commands(now);
    }

    fn trust_commands(&mut self, now: Now) {
        if self.commands.has_left() {
            return;
        }
        if let Some(fact) = self.commands.trust() {
            self.remember(fact, now);
        }
    }

    fn offer(&mut self, commands: Map<String, Value>, now: Now) {
        for (id, command) in commands {
            let action: ActionId = match id.parse() {
                Ok(action) => action,
                Err(error) => {
                    tracing::warn!(%error, "command without a valid id is left alone");
                    continue;
                }
            };
            let step = self.commands.offer(&action, command, &self.actuators, &self.thing, now.wall);
            if let Some(step) = step {
                self.step(step, now);
            }
        }
    }

    fn config_document(&mut self, document: ShadowDocument<ShadowState<ConfigDesired>>, now: Now) {
        self.shadows.config_known = true;
        if document.version >= self.shadows.config_version {
            self.shadows.config_version = document.version;
            self.set_privacy(document.state.desired.unwrap_or_default().privacy, now);
        }
    }

    fn config_delta(&mut self, document: &ShadowDocument<ConfigDesired>, now: Now) {
        if document.version >= self.shadows.config_version {
            self.shadows.config_version = document.version;
            self.set_privacy(document.state.privacy, now);
        }
    }

    fn set_privacy(&mut self, on: bool, now: Now) {
        if self.privacy != on {
            self.privacy = on;
            tracing::info!(on, "privacy mode");
            self.remember(Fact::Privacy { on }, now);
        }
    }

    fn rejected(&mut self, name: ShadowName, op: ShadowOp, rejected: &Rejected, now: Now) {
        match (name, op) {
            (ShadowName::Commands, ShadowOp::GetRejected) if rejected.code == NO_SHADOW => {
                self.shadows.commands_known = true;
                self.trust_commands(now);
            }
            (ShadowName::Config, ShadowOp::GetRejected) if rejected.code == NO_SHADOW => {
                self.shadows.config_known = true;
                self.set_privacy(false, now);
            }
            _ => {
                let (shadow, code, message) = (name.as_str(), rejected.code, &rejected.message);
                tracing::warn!(shadow, code, message, "the shadow service refused a request");
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}
