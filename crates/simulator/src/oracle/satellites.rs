//! What satellites really do: once, in time, and only what was allowed.

use super::{Held, Oracle, is_too_late, violated};
use marvain_domain::{
    Timestamp,
    action::{ActionState, Target},
    id::{ActionId, SatelliteId},
};
use marvain_satellite::config::Job;
use serde_json::Value;

const GRANT: &str = "no effect without a matching allow";

impl Oracle {
    /// An actuator begins.
    pub(crate) fn started(&mut self, action: &ActionId, job: &Job, at: &SatelliteId, now: Timestamp) {
        self.count("executions");
        let times = self.executions.entry(action.clone()).or_default();
        *times += 1;
        let times = *times;
        let held = self.check_start(action, job, at, now, times);
        self.note(held);
    }

    fn check_start(&self, id: &ActionId, job: &Job, at: &SatelliteId, now: Timestamp, times: u64) -> Held {
        if times > 1 {
            return violated("an action runs at most once", format!("{id} ran {times} times"));
        }
        let Some(action) = self.action(id) else { return violated(GRANT, format!("{id} ran and is unknown")) };
        // The record may have lost its words since: what was granted is what was proposed.
        let Some(proposed) = self.proposed.get(id) else { return violated(GRANT, format!("{id} was never proposed")) };
        let hash = proposed.hash().ok();
        if hash.is_none() || action.grant.as_ref().map(|grant| &grant.args_hash) != hash.as_ref() {
            return violated(GRANT, format!("{id} ran without a matching grant: {action:?}"));
        }
        if proposed.target != Target::Satellite(at.clone()) {
            return violated(GRANT, format!("{id} ran at {at}: {action:?}"));
        }
        if !matches!(action.state, ActionState::Dispatched | ActionState::Acknowledged) {
            return violated("what has ended does not run", format!("{id} ran at {now}: {action:?}"));
        }
        if action.command_expires_at.is_none_or(|expires_at| is_too_late(expires_at, now)) {
            return violated("what has expired does not run", format!("{id} ran at {now}: {action:?}"));
        }
        let arg = |name: &str| proposed.args.get(name).and_then(Value::as_str).unwrap_or_default();
        let same = match job {
            Job::Run { argv, .. } => *argv == ["lamp", arg("state")],
            Job::Print { line, .. } => line == arg("text"),
            Job::Answer { .. } => proposed.capability.as_str() == "ping",
        };
        if same { Ok(()) } else { violated(GRANT, format!("{id} ran as {job:?}, allowed was {action:?}")) }
    }
}
