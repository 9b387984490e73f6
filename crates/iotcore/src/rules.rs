//! Rules: subscriptions of the broker itself, whose targets are outside.
//!
//! A client's publish is delivered before its PUBACK leaves. What the target refuses goes to the rule's error action; if there is
//! none, or it fails, there is no PUBACK, and the client sends it again. What nobody would send again (lifecycle events, wills,
//! shadow documents) goes through an outbox that outlives this process, and to the error action when patience is at its end.
//!
//! A message on `$aws/rules/{rule}/{rest}` goes to that rule alone, whatever its filter, which sees it on `{rest}`. Developer
//! Guide, "Reducing messaging costs with Basic Ingest". AWS sends the PUBACK before the actions run.

mod action;
mod outbox;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use rusqlite::params;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::broker::Broker;
use crate::ids::CertificateId;
use crate::message::{Message, Properties};
use crate::ports::{Rule, RuleError, RuleMessage};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

use action::Action;
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
    filter: Option<TopicFilter>,
    action: Action,
    outbox_filled: Arc<Notify>,
}

/// All rules.
pub(crate) struct Rules {
    entries: Vec<Entry>,
    counters: Arc<Counters>,
}

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>, counters: Arc<Counters>) -> Self {
        let entry = |rule: Rule| Entry {
            name: rule.name.into(),
            filter: rule.filter,
            action: Action::new(rule.target, rule.error),
            outbox_filled: Arc::default(),
        };
        Self { entries: rules.into_iter().map(entry).collect(), counters }
    }

    /// The rules that take a message on `topic`, and the topic that they see.
    fn taking(&self, topic: &TopicName) -> (Vec<&Entry>, TopicName) {
        let Some(ingest) = topic.basic_ingest() else {
            let matches = |entry: &&Entry| entry.filter.as_ref().is_some_and(|filter| filter.matches(topic));
            return (self.entries.iter().filter(matches).collect(), topic.clone());
        };
        let named: Vec<_> = self.entries.iter().filter(|entry| entry.name == ingest.rule).collect();
        if named.is_empty() {
            self.counters.rule_not_found.add(1);
            // Counted; any client could fill the log with it.
            tracing::debug!(%topic, "Basic Ingest for a rule that does not exist");
        }
        (named, ingest.topic)
    }

    /// Delivers to every matching rule, whether or not another one fails; `None` if there is none.
    pub(crate) fn deliver(
        &self,
        message: &Message,
        origin: &Origin,
    ) -> Option<BoxFuture<'static, Result<(), RuleError>>> {
        let (taking, topic) = self.taking(&message.topic);
        let deliveries: Vec<_> = taking
            .into_iter()
            .map(|entry| {
                let message = RuleMessage {
                    rule: Arc::clone(&entry.name),
                    topic: topic.clone(),
                    principal: origin.principal,
                    client_id: origin.client_id.clone(),
                    received_at_ms: origin.received_at_ms,
                    payload: message.payload_bytes(),
                    properties: message.properties.as_ref().map(Properties::read).unwrap_or_default(),
                };
                entry.action.clone().carry_out(message)
            })
            .collect();
        if deliveries.is_empty() {
            return None;
        }
        Some(Box::pin(async move { join_all(deliveries).await.into_iter().collect() }))
    }

    /// Puts `message` into the outbox of every matching rule.
    pub(crate) fn enqueue(&self, tx: &mut Tx<'_>, message: &Message, origin: &Origin) -> Result<(), StoreError> {
        let (taking, topic) = self.taking(&message.topic);
        for entry in taking {
            tx.connection
                .prepare_cached(
                    "INSERT INTO rule_outbox (rule, topic, principal, client_id, received_at_ms, payload, properties)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    &*entry.name,
                    topic.as_str(),
                    origin.principal.map(|id| id.to_string()),
                    origin.client_id.as_deref(),
                    origin.received_at_ms as i64,
                    message.payload.as_slice(),
                    message.stored_properties(),
                ])?;
            let filled = Arc::clone(&entry.outbox_filled);
            tx.after_commit(move || filled.notify_one());
        }
        Ok(())
    }

    /// Starts to empty the outbox, one task a rule, so that a failing target delays only its own.
    pub(crate) fn start(&self, broker: &Arc<Broker>) -> Vec<AbortHandle> {
        let start = |entry: &Entry| {
            let outbox = Outbox::new(Arc::clone(&entry.name), entry.action.clone());
            tokio::spawn(outbox.run(Arc::downgrade(broker), Arc::clone(&entry.outbox_filled))).abort_handle()
        };
        self.entries.iter().map(start).collect()
    }

    /// Removes what no rule is there for any more, and gives what was set aside another chance.
    pub(crate) fn recover(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let names: Vec<&str> = self.entries.iter().map(|entry| &*entry.name).collect();
        outbox::recover(tx, &names)
    }

    /// Keeps each rule's outbox within its bound; says how many messages that cost.
    pub(crate) fn sweep(&self, tx: &mut Tx<'_>, rows_max: u64) -> Result<u64, StoreError> {
        self.entries.iter().map(|entry| outbox::sweep(tx, &entry.name, rows_max)).sum()
    }
}
