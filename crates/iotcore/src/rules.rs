//! Rules: subscriptions of the broker itself, whose targets are outside.
//!
//! A client's publish is delivered before its PUBACK leaves, so a failure reaches the client, which sends it again. What
//! nobody would send again (lifecycle events, wills, shadow documents) goes through an outbox that outlives this process.

mod outbox;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use rusqlite::params;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::broker::Broker;
use crate::ids::CertificateId;
use crate::message::Message;
use crate::ports::{Rule, RuleError, RuleMessage, RuleTarget};
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

use outbox::Outbox;

/// Where a message comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) principal: Option<CertificateId>,
    pub(crate) client_id: Option<Arc<str>>,
    pub(crate) received_at_ms: u64,
}

struct Entry {
    name: Arc<str>,
    filter: TopicFilter,
    target: Arc<dyn RuleTarget>,
    outbox_filled: Arc<Notify>,
}

/// All rules.
pub(crate) struct Rules(Vec<Entry>);

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let entry = |rule: Rule| Entry {
            name: rule.name.into(),
            filter: rule.filter,
            target: rule.target,
            outbox_filled: Arc::default(),
        };
        Self(rules.into_iter().map(entry).collect())
    }

    fn matching(&self, topic: &TopicName) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| entry.filter.matches(topic))
    }

    /// Delivers to every matching rule, whether or not another one fails; `None` if there is none.
    pub(crate) fn deliver(
        &self,
        message: &Message,
        origin: &Origin,
    ) -> Option<BoxFuture<'static, Result<(), RuleError>>> {
        let deliveries: Vec<_> = self
            .matching(&message.topic)
            .map(|entry| {
                let message = RuleMessage {
                    rule: Arc::clone(&entry.name),
                    topic: message.topic.clone(),
                    principal: origin.principal,
                    client_id: origin.client_id.clone(),
                    received_at_ms: origin.received_at_ms,
                    payload: message.payload_bytes(),
                };
                let target = Arc::clone(&entry.target);
                async move { target.deliver(message).await }
            })
            .collect();
        if deliveries.is_empty() {
            return None;
        }
        Some(Box::pin(async move { join_all(deliveries).await.into_iter().collect() }))
    }

    /// Puts `message` into the outbox of every matching rule.
    pub(crate) fn enqueue(&self, tx: &mut Tx<'_>, message: &Message, origin: &Origin) -> Result<(), StoreError> {
        for entry in self.matching(&message.topic) {
            tx.connection
                .prepare_cached(
                    "INSERT INTO rule_outbox (rule, topic, principal, client_id, received_at_ms, payload)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    &*entry.name,
                    message.topic.as_str(),
                    origin.principal.map(|id| id.to_string()),
                    origin.client_id.as_deref(),
                    origin.received_at_ms as i64,
                    message.payload.as_slice(),
                ])?;
            let filled = Arc::clone(&entry.outbox_filled);
            tx.after_commit(move || filled.notify_one());
        }
        Ok(())
    }

    /// Starts to empty the outbox, one task a rule, so that a failing target delays only its own.
    pub(crate) fn start(&self, broker: &Arc<Broker>) -> Vec<AbortHandle> {
        let start = |entry: &Entry| {
            let outbox = Outbox::new(Arc::clone(&entry.name), Arc::clone(&entry.target));
            tokio::spawn(outbox.run(Arc::downgrade(broker), Arc::clone(&entry.outbox_filled))).abort_handle()
        };
        self.0.iter().map(start).collect()
    }

    /// Removes what no rule is there for any more, and gives what was set aside another chance.
    pub(crate) fn recover(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let names: Vec<&str> = self.0.iter().map(|entry| &*entry.name).collect();
        outbox::recover(tx, &names)
    }

    /// Keeps each rule's outbox within its bound; says how many messages that cost.
    pub(crate) fn sweep(&self, tx: &mut Tx<'_>, rows_max: u64) -> Result<u64, StoreError> {
        self.0.iter().map(|entry| outbox::sweep(tx, &entry.name, rows_max)).sum()
    }
}
