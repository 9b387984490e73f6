//! One delivery: gather, decide, commit once, carry out.

use crate::{
    changes::Changes,
    hub::Hub,
    port::{BusError, Committed, Delivery, Effect, LedgerError, ModelError, Outgoing, RecallError, TelemetryError},
    steps,
};
use marvain_domain::{Principal, Timestamp, id::DeliveryId};
use marvain_topics::Queue;
use serde_json::json;

/// How often a delivery is decided anew because somebody was faster, before it goes back to its queue.
pub const CONFLICTS_MAX: usize = 8;

/// What became of a delivery. In each case it is done with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It took effect.
    Applied,
    /// It had taken effect before.
    Repeated,
    /// It was refused, and the audit log says so.
    Rejected(String),
}

/// Why a delivery is not done with.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Try again later.
    #[error("the delivery has to be tried again")]
    Retry(#[source] crate::port::Cause),
    /// It will never work: a person has to look at it.
    #[error("the delivery cannot be worked on: {0}")]
    Bug(String),
}

/// How a step ends when it does not end in changes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// Drop it and say so in the audit log. The words carry no content of the payload.
    #[error("{0}")]
    Reject(String),
    /// A port failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A port failed.
    #[error(transparent)]
    Recall(#[from] RecallError),
    /// A port failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A port failed.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl StepError {
    pub(crate) fn reject(why: impl std::fmt::Display) -> Self {
        Self::Reject(why.to_string())
    }
}

impl Hub {
    /// Works on one delivery. Repeating it does no harm; an error leaves it to be repeated.
    pub async fn deliver(&self, delivery: &Delivery, now: Timestamp) -> Result<Outcome, DeliverError> {
        if self.ports.ledger.is_applied(&delivery.id).await.map_err(failed)? {
            return Ok(Outcome::Repeated);
        }
        for _ in 0..CONFLICTS_MAX {
            let (changes, outcome) = match self.step(delivery, now).await {
                Ok(changes) => (changes, Outcome::Applied),
                Err(StepError::Reject(why)) => (refusal(delivery, &why, now), Outcome::Rejected(why)),
                Err(StepError::Ledger(LedgerError::Conflict { .. })) => continue,
                Err(StepError::Ledger(e)) => return Err(failed(e)),
                Err(StepError::Recall(e)) => return Err(DeliverError::Retry(Box::new(e))),
                Err(StepError::Model(e)) => return Err(DeliverError::Retry(Box::new(e))),
                Err(StepError::Telemetry(e)) => return Err(DeliverError::Retry(Box::new(e))),
            };
            match self.apply(changes, delivery.id.clone(), now).await {
                Ok(Committed::Applied) => return Ok(outcome),
                Ok(Committed::Repeated) => return Ok(Outcome::Repeated),
                Err(LedgerError::Conflict { .. }) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(DeliverError::Retry(format!("others were faster {CONFLICTS_MAX} times").into()))
    }

    async fn step(&self, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
        match delivery.queue {
            Queue::Observe => steps::observe::run(self, delivery, now).await,
            Queue::Telemetry => steps::telemetry::run(self, delivery, now).await,
            Queue::Settle => steps::settle::run(self, delivery, now).await,
            Queue::Presence => steps::presence::run(self, delivery, now).await,
            Queue::Plan => steps::plan::run(self, delivery, now).await,
            Queue::Judge => steps::judge::run(self, delivery, now).await,
            Queue::Dispatch => steps::dispatch::run(self, delivery, now).await,
            Queue::Memory => steps::memory::run(self, delivery, now).await,
            Queue::Notify => steps::notify::run(self, delivery, now).await,
        }
    }

    /// Commits changes and carries their effects out. An effect that fails stays in the outbox for the next tick.
    pub(crate) async fn apply(
        &self,
        changes: Changes,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Committed, LedgerError> {
        let commit = changes.into_commit(id, now);
        let effects = commit.outgoing();
        let committed = self.ports.ledger.commit(commit).await?;
        if committed == Committed::Applied && !effects.is_empty() {
            self.carry_out(&effects).await?;
        }
        Ok(committed)
    }

    /// Carries effects out in order and confirms those that went out; says how many did not.
    pub(crate) async fn carry_out(&self, effects: &[Outgoing]) -> Result<usize, LedgerError> {
        let mut sent = Vec::with_capacity(effects.len());
        for outgoing in effects {
            match self.carry_out_one(outgoing).await {
                Ok(()) => sent.push(outgoing.id.clone()),
                Err(error) => {
                    tracing::warn!(outbox = %outgoing.id, %error, cause = ?error.source, "an effect stays in the outbox");
                }
            }
        }
        if !sent.is_empty() {
            self.ports.ledger.sent(&sent).await?;
        }
        Ok(effects.len() - sent.len())
    }

    async fn carry_out_one(&self, outgoing: &Outgoing) -> Result<(), BusError> {
        let bus = &self.ports.bus;
        match &outgoing.effect {
            Effect::Hop { queue, body } => {
                bus.enqueue(Delivery::hop(*queue, outgoing.id.as_str(), outgoing.at, body)).await
            }
            Effect::Shadow { satellite, name, desired } => self.tell(satellite, *name, desired).await,
            Effect::Revoke { certificate_id } => bus.revoke(certificate_id).await,
            Effect::Erase { memory } => {
                let erased = self.ports.recall.erase(std::slice::from_ref(memory)).await;
                erased.map_err(|e| BusError { what: format!("erasure of memory `{memory}`"), source: Box::new(e) })
            }
            Effect::Push { person, device, notification } => self.notify(outgoing, person, device, notification).await,
            Effect::Unpush { address } => self.unpush(address).await,
        }
    }
}

fn failed(error: LedgerError) -> DeliverError {
    match error {
        LedgerError::Bug(what) => DeliverError::Bug(what),
        other => DeliverError::Retry(Box::new(other)),
    }
}

/// The audit entry of a refused delivery. The payload is not in it: whoever sent it could choose its words.
fn refusal(delivery: &Delivery, why: &str, now: Timestamp) -> Changes {
    let mut changes = Changes::default();
    let data = json!({
        "queue": delivery.queue.name(),
        "topic": delivery.topic,
        "certificate": delivery.principal,
        "bytes": delivery.body.len(),
        "why": why,
    });
    changes.audit(now, &Principal::System, "delivery.rejected", data);
    changes
}
