//! The life of a command on the satellite: at most once, whatever crashes.
//!
//! An id is remembered as started, durably, before its job begins, and as done after its final report is in the spool.
//! One that is started and not done when the agent starts may have run or not: it is reported as failed and never run
//! again. Whether a command has expired is decided by this machine's clock alone, when it is about to begin; `expires_at`
//! is the hub's time, so a clock that is an hour slow runs commands up to an hour late, and one that is an hour fast
//! refuses them early. Both are reported with the satellite's time.

use super::types::Fact;
use crate::config::{Actuator, Job};
use marvain_domain::{
    Timestamp,
    action::{ActionState, COMMANDS_OPEN_MAX, Outcome},
    id::{ActionId, SatelliteId},
};
use marvain_topics::wire::Command;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How long after its expiry a command's id is remembered, in seconds. A clock may be put back by so much before a command
/// that has run looks new.
pub const REMEMBER_S: u64 = 48 * 3600;
/// Most ids remembered. Further commands stay in the shadow until some are forgotten.
pub const REMEMBERED_MAX: usize = 1024;
/// Facts written before the journal is written anew without what is forgotten.
const REWRITE_FACTS: usize = 4 * REMEMBERED_MAX;

const INTERRUPTED: &str = "interrupted: outcome unknown";
const DAMAGED: &str = "interrupted: the command journal was damaged, so it may have run: outcome unknown";

#[derive(Debug)]
enum State {
    /// Waits for its id to be durable.
    Beginning(Job),
    /// Its job runs.
    Running,
    /// Its final report waits for the spool.
    Reporting,
    /// Its final report is in the spool or beyond.
    Done,
}

#[derive(Debug)]
struct Known {
    expires_at: Timestamp,
    state: State,
    /// Its job may have begun.
    started: bool,
}

/// What to do about a command.
#[derive(Debug)]
pub(super) enum Step {
    /// Remember it as started, then come back.
    Remember(Fact),
    /// Report this end.
    Report(ActionId, ActionState, Outcome),
}

/// All commands that the satellite has not forgotten.
#[derive(Debug)]
pub(super) struct Commands {
    known: BTreeMap<ActionId, Known>,
    /// Commands that are open now may have run before the journal was damaged.
    damaged: bool,
    /// Some were left in the shadow for lack of room here.
    left: bool,
    facts_written: usize,
}

const fn failed(error: String) -> Outcome {
    Outcome { result: None, error: Some(error) }
}

impl Commands {
    /// From the journal; also what has to be reported of commands that a crash interrupted.
    pub(super) fn recover(facts: &[Fact], reported: &[ActionId]) -> (Self, Vec<Step>) {
        let mut known = BTreeMap::new();
        let mut damaged = false;
        for fact in facts {
            match fact {
                Fact::Started { action, expires_at } => {
                    known.entry(action.clone()).or_insert(Known {
                        expires_at: *expires_at,
                        state: State::Running,
                        started: true,
                    });
                }
                Fact::Done { action, expires_at } => {
                    known.insert(action.clone(), Known { expires_at: *expires_at, state: State::Done, started: true });
                }
                Fact::Damaged => damaged = true,
                Fact::Trusted => damaged = false,
                Fact::Privacy { .. } => {}
            }
        }
        let mut steps = Vec::new();
        for (action, command) in &mut known {
            if matches!(command.state, State::Running) && !reported.contains(action) {
                command.state = State::Reporting;
                steps.push(Step::Report(action.clone(), ActionState::Failed, failed(INTERRUPTED.to_owned())));
            } else {
                command.state = State::Done;
            }
        }
        (Self { known, damaged, left: false, facts_written: facts.len() }, steps)
    }

    /// Facts that a journal without the forgotten needs; called after recovery and when `must_rewrite` says so.
    pub(super) fn facts(&mut self, now: Timestamp) -> Vec<Fact> {
        self.known
            .retain(|_, command| !matches!(command.state, State::Done) || now < command.expires_at.plus_s(REMEMBER_S));
        let mut facts: Vec<_> = self
            .known
            .iter()
            .filter(|(_, command)| command.started || matches!(command.state, State::Done))
            .map(|(action, command)| {
                let (action, expires_at) = (action.clone(), command.expires_at);
                match command.state {
                    State::Done => Fact::Done { action, expires_at },
                    // A report that is not in the spool may be lost: after a crash its outcome would be unknown.
                    State::Beginning(_) | State::Running | State::Reporting => Fact::Started { action, expires_at },
                }
            })
            .collect();
        if self.damaged {
            facts.push(Fact::Damaged);
        }
        self.facts_written = facts.len();
        facts
    }

    pub(super) fn must_rewrite(&mut self) -> bool {
        self.facts_written = self.facts_written.saturating_add(1);
        self.facts_written >= REWRITE_FACTS
    }

    /// A command from the shadow. None if it is known already, or has to wait there.
    pub(super) fn offer(
        &mut self,
        action: &ActionId,
        mut command: Value,
        actuators: &[Actuator],
        thing: &SatelliteId,
        now: Timestamp,
    ) -> Option<Step> {
        if self.known.contains_key(action) {
            return None;
        }
        let busy = self.known.values().filter(|known| !matches!(known.state, State::Done)).count();
        if busy >= COMMANDS_OPEN_MAX || self.known.len() >= REMEMBERED_MAX {
            tracing::warn!(%action, busy, remembered = self.known.len(), "command left in the shadow: too many are open");
            self.left = true;
            return None;
        }
        if let Value::Object(fields) = &mut command {
            // A shadow keeps no empty object, so a command without arguments may come without `args`.
            fields.entry("args").or_insert_with(|| Value::Object(Map::new()));
        }
        let parsed: Result<Command, _> = serde_json::from_value(command);
        let expires_at = parsed.as_ref().map_or(now, |command| command.expires_at);
        let decided = match parsed {
            Err(error) => Err((ActionState::Rejected, format!("the command is malformed: {error}"))),
            Ok(_) if self.damaged => Err((ActionState::Failed, DAMAGED.to_owned())),
            Ok(command) if now >= command.expires_at => {
                Err((ActionState::Expired, format!("it is {now} here, and the command expired at {expires_at}")))
            }
            Ok(command) => match actuators.iter().find(|one| one.capability().name == command.capability) {
                None => Err((ActionState::Rejected, format!("capability `{}` is unknown here", command.capability))),
                Some(actuator) => actuator.job(&command.args, thing, now).map_err(|why| (ActionState::Rejected, why)),
            },
        };
        let (state, step) = match decided {
            Ok(job) => {
                let fact = Fact::Started { action: action.clone(), expires_at };
                (State::Beginning(job), Step::Remember(fact))
            }
            Err((state, error)) => (State::Reporting, Step::Report(action.clone(), state, failed(error))),
        };
        let started = matches!(state, State::Beginning(_));
        self.known.insert(action.clone(), Known { expires_at, state, started });
        Some(step)
    }

    /// All commands of a whole shadow document have been offered: those that come now are new.
    pub(super) fn trust(&mut self) -> Option<Fact> {
        std::mem::take(&mut self.damaged).then_some(Fact::Trusted)
    }

    /// The id is durable, or not: the job to run. A command that could not be remembered is offered again.
    pub(super) fn remembered(&mut self, action: &ActionId, stored: bool) -> Option<Job> {
        let known = self.known.get_mut(action)?;
        if !matches!(known.state, State::Beginning(_)) {
            return None;
        }
        if !stored {
            self.known.remove(action);
            self.left = true;
            return None;
        }
        match std::mem::replace(&mut known.state, State::Running) {
            State::Beginning(job) => Some(job),
            State::Running | State::Reporting | State::Done => None,
        }
    }

    /// The job has ended.
    pub(super) fn finished(&mut self, action: &ActionId, outcome: Outcome) -> Option<Step> {
        let known = self.known.get_mut(action)?;
        if !matches!(known.state, State::Running) {
            return None;
        }
        known.state = State::Reporting;
        let state = if outcome.error.is_some() { ActionState::Failed } else { ActionState::Succeeded };
        Some(Step::Report(action.clone(), state, outcome))
    }

    /// The final report is in the spool.
    pub(super) fn reported(&mut self, action: &ActionId) -> Option<Fact> {
        let known = self.known.get_mut(action)?;
        known.state = State::Done;
        Some(Fact::Done { action: action.clone(), expires_at: known.expires_at })
    }

    /// Were commands left in the shadow? Asked when there is room again.
    pub(super) fn take_left(&mut self) -> bool {
        std::mem::take(&mut self.left)
    }

    pub(super) const fn has_left(&self) -> bool {
        self.left
    }
}
