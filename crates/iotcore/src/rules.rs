//! Rules: subscriptions of the broker itself, whose targets are outside.
//!
//! A client's publish is delivered before its PUBACK leaves, so a failure reaches the client, which sends it again. What
//! nobody would send again (lifecycle events, wills, shadow documents) goes through an outbox that outlives this process.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use rusqlite::{Connection, params};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::broker::Broker;
use crate::ids::CertificateId;
use crate::message::Message;
use crate::ports::{Rule, RuleError, RuleMessage, RuleTarget};
use crate::store::{StoreError, Tx};
use crate::topic::{TopicFilter, TopicName};

/// Messages read from the outbox at once.
const PAGE_MESSAGES_MAX: usize = 100;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);

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

    /// Delivers to every matching rule; `None` if there is none.
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
        Some(Box::pin(async move { try_join_all(deliveries).await.map(drop) }))
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
            let (broker, name) = (Arc::downgrade(broker), Arc::clone(&entry.name));
            let (target, filled) = (Arc::clone(&entry.target), Arc::clone(&entry.outbox_filled));
            tokio::spawn(empty_outbox(broker, name, target, filled)).abort_handle()
        };
        self.0.iter().map(start).collect()
    }
}

async fn empty_outbox(broker: Weak<Broker>, rule: Arc<str>, target: Arc<dyn RuleTarget>, filled: Arc<Notify>) {
    let mut retry = RETRY_MIN;
    loop {
        let Some(strong) = broker.upgrade() else { return };
        let outcome = empty_once(&strong, &rule, target.as_ref()).await;
        drop(strong);
        match outcome {
            Ok(true) => retry = RETRY_MIN,
            Ok(false) => filled.notified().await,
            Err(error) => {
                tracing::error!(
                    rule = &*rule,
                    error = &error as &dyn std::error::Error,
                    retry_ms = retry.as_millis(),
                    "outbox not delivered"
                );
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum OutboxError {
    #[error("cannot read or clear the outbox: {0}")]
    Store(#[from] StoreError),
    #[error("the target failed: {}", .0.0)]
    Rule(#[from] RuleError),
}

/// Delivers a page in order; says whether there was anything.
async fn empty_once(broker: &Broker, rule: &Arc<str>, target: &dyn RuleTarget) -> Result<bool, OutboxError> {
    let page = {
        let rule = Arc::clone(rule);
        broker.store.read(move |connection| page(connection, &rule)).await?
    };
    let mut delivered = None;
    let mut outcome = Ok(());
    for (id, message) in &page {
        match target.deliver(message.clone()).await {
            Ok(()) => delivered = Some(*id),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    if let Some(last) = delivered {
        let rule = Arc::clone(rule);
        let clear = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let sql = "DELETE FROM rule_outbox WHERE rule = ?1 AND id <= ?2";
            tx.connection.prepare_cached(sql)?.execute(params![&*rule, last])?;
            Ok(())
        };
        broker.store.write(clear).await?;
    }
    outcome?;
    Ok(!page.is_empty())
}

fn page(connection: &Connection, rule: &Arc<str>) -> Result<Vec<(i64, RuleMessage)>, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    let mut select = connection.prepare_cached(
        "SELECT id, topic, principal, client_id, received_at_ms, payload FROM rule_outbox WHERE rule = ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = select.query(params![&**rule, PAGE_MESSAGES_MAX as i64])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let principal: Option<String> = row.get(2)?;
        let message = RuleMessage {
            rule: Arc::clone(rule),
            topic: TopicName::parse(&row.get::<_, String>(1)?).map_err(|error| value(&error))?,
            principal: principal.map(|id| id.parse()).transpose().map_err(|error| value(&error))?,
            client_id: row.get::<_, Option<String>>(3)?.map(Arc::from),
            received_at_ms: row.get::<_, i64>(4)?.unsigned_abs(),
            payload: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        };
        page.push((row.get(0)?, message));
    }
    Ok(page)
}
