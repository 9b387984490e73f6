//! The end of all faults: everything comes back, works off what waits, and comes to rest.

use super::{Event, World};
use crate::{
    executor::wait,
    oracle::{Quiet, Violation, check_log},
    weather::Weather,
};
use marvain_domain::action::ActionState;
use marvain_local::Redrive;
use marvain_topics::{Queue, ShadowName};
use serde::Deserialize as _;
use serde_json::Value;

/// Longest until everything is at rest, in ms: approvals wait 15 minutes, a queue's last attempt as long.
const REST_MS_MAX: u64 = 3 * 3600 * 1000;

/// Time between two looks at whether all is at rest, in ms.
const LOOK_MS: u64 = 60_000;

fn trouble(error: &dyn std::error::Error) -> Violation {
    Violation { invariant: "the simulator works", detail: format!("{error:?}") }
}

impl World {
    /// All faults end, and whoever is away comes back.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        self.shared.note(|| "all faults end".to_owned());
        self.calm = true;
        self.shared.lock().weather = Weather::CALM;
        self.agenda.retain(|_, event| {
            !matches!(
                event,
                Event::Spell
                    | Event::Regret(_)
                    | Event::HubCrash
                    | Event::SatelliteCrash(_)
                    | Event::Tick
                    | Event::Seal
            )
        });
        if self.hub.is_none() {
            self.start_hub();
        }
        self.after(1_000, Event::Tick);
        for id in self.satellites.keys().cloned().collect::<Vec<_>>() {
            if let Some(satellite) = self.satellites.get_mut(&id) {
                satellite.partitioned_until_ms = 0;
            }
            self.start_satellite(&id);
            self.after(1_000, Event::Connect(id));
        }
        for queue in Queue::ALL {
            wait(self.queues.redrive(Redrive::Queue(queue))).map_err(|e| trouble(&e))?;
            self.work_on(queue, self.now_ms());
        }
        let until_ms = self.now_ms() + REST_MS_MAX;
        let mut looked_ms = self.now_ms();
        while self.happen()? {
            if self.tasks.is_empty() && self.now_ms() >= looked_ms + LOOK_MS {
                looked_ms = self.now_ms();
                match self.unrest()? {
                    None => return Ok(()),
                    Some(detail) if looked_ms > until_ms => {
                        return Err(Violation { invariant: "the world comes to rest", detail });
                    }
                    Some(_) => {}
                }
            }
        }
        Err(Violation { invariant: "the world comes to rest", detail: "nothing happens any more".to_owned() })
    }

    /// What is still going on, if anything is.
    fn unrest(&self) -> Result<Option<String>, Violation> {
        let counts = wait(self.queues.counts(self.now())).map_err(|e| trouble(&e))?;
        if let Some(busy) = counts.iter().find(|queue| queue.ready + queue.in_flight + queue.delayed + queue.dead > 0) {
            return Ok(Some(format!("{busy:?}")));
        }
        let outbox = wait(self.ledger.outbox(10)).map_err(|e| trouble(&e))?;
        if !outbox.is_empty() {
            return Ok(Some(format!("the outbox holds {outbox:?}")));
        }
        let is_open = |action: &Value| {
            let state = ActionState::deserialize(action.get("state").unwrap_or(&Value::Null));
            !state.is_ok_and(ActionState::is_final)
        };
        let waits = |reminder: &Value| reminder.get("fired_at").is_none_or(Value::is_null);
        let open = self.oracle(|oracle| oracle.any("action", is_open).or_else(|| oracle.any("reminder", waits)));
        if open.is_some() {
            return Ok(open);
        }
        for satellite in self.satellites.values() {
            if !self.broker.lock().is_trusted(&satellite.certificate) {
                continue;
            }
            if satellite.connection.is_none() || satellite.waiting() > 0 {
                let (id, waiting) = (&satellite.id, satellite.waiting());
                return Ok(Some(format!("{id}: connection {:?}, {waiting} in the spool", satellite.connection)));
            }
        }
        Ok(None)
    }

    /// Seals the rest, and looks at what must hold now.
    pub(super) fn settle(&mut self) -> Result<(), Violation> {
        let Some(hub) = self.hub.clone() else { return Ok(()) };
        loop {
            match wait(hub.seal()) {
                Ok(sealed) if sealed.entries == 0 => break,
                Ok(_) => {}
                Err(error) => {
                    return Err(Violation { invariant: "the audit log is complete", detail: format!("{error:?}") });
                }
            }
        }
        let head = wait(self.ledger.head()).map_err(|e| trouble(&e))?;
        let recall_ids = wait(self.found.ids()).map_err(|e| trouble(&e))?;
        let shadows = {
            let broker = self.broker.lock();
            let of = |id| {
                (broker.desired(id, ShadowName::Commands), broker.desired(id, ShadowName::Config), broker.presence(id))
            };
            self.satellites.keys().map(|id| (id.clone(), of(id))).collect()
        };
        let quiet = Quiet { recall_ids, recall_words: self.recall.told(), shadows };
        self.shared.note(|| format!("at rest: head {head:?}"));
        self.oracle(|oracle| {
            check_log(oracle, &self.vault, head.as_ref(), &self.verifier_key)?;
            oracle.check_quiet(&quiet)
        })
    }
}
