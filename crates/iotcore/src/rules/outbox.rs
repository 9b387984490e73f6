//! Emptying the outbox: in order, again and again, but no message holds up the others for ever, and none waits without
//! bound.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rusqlite::{Connection, params};
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::limits::{RULE_OUTBOX_MESSAGES_MAX, RULE_REFUSALS_MAX};
use crate::message::Properties;
use crate::ports::{RuleError, RuleMessage};
use crate::store::{Store, StoreError, Tx};
use crate::topic::TopicName;

use super::action::Action;

/// Messages read at once.
const PAGE_MESSAGES_MAX: usize = 100;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// One rule's part of the outbox.
pub(super) struct Outbox {
    rule: Arc<str>,
    action: Action,
    /// The message at the head that was refused, and how often in a row.
    refused: Option<(i64, u32)>,
}

/// What one turn came to.
#[derive(Debug)]
enum Turn {
    /// There may be more.
    Progress,
    /// There was nothing.
    Empty,
    /// The target refused the message at the head, so often in a row.
    Refused(u32, RuleError),
}

impl Outbox {
    pub(super) fn new(rule: Arc<str>, action: Action) -> Self {
        Self { rule, action, refused: None }
    }

    /// Delivers what there is and what comes, until the broker is gone or closed.
    pub(super) async fn run(mut self, broker: Weak<Broker>, filled: Arc<Notify>) {
        let mut failures = 0;
        loop {
            let Some(strong) = broker.upgrade() else { return };
            let turn = self.turn(&strong.store).await;
            drop(strong);
            let pause = match turn {
                Ok(Turn::Progress) => {
                    failures = 0;
                    continue;
                }
                Ok(Turn::Empty) => {
                    filled.notified().await;
                    continue;
                }
                Ok(Turn::Refused(times, error)) => {
                    let pause = pause(times);
                    let (rule, error) = (&*self.rule, &error as &dyn std::error::Error);
                    tracing::error!(rule, error, times, retry_ms = pause.as_millis(), "the target of a rule refuses");
                    pause
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    failures += 1;
                    let (rule, error) = (&*self.rule, &error as &dyn std::error::Error);
                    tracing::error!(rule, error, "cannot read or clear the outbox");
                    pause(failures)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Delivers a page in order, up to a message that is refused.
    async fn turn(&mut self, store: &Store) -> Result<Turn, StoreError> {
        let page = {
            let rule = Arc::clone(&self.rule);
            store.read(move |connection| page(connection, &rule)).await?
        };
        let (mut delivered, mut refusal) = (None, None);
        for (id, message) in &page {
            match guarded(self.action.deliver(message.clone())).await {
                Ok(()) => delivered = Some(*id),
                Err(error) => {
                    let times = self.count_refusal(*id);
                    if times < RULE_REFUSALS_MAX {
                        refusal = Some((*id, times, error));
                        break;
                    }
                    match guarded(self.action.report(message, error)).await {
                        Ok(()) => delivered = Some(*id),
                        Err(error) => {
                            refusal = Some((*id, times, error));
                            break;
                        }
                    }
                }
            }
        }
        let set_aside = refusal.as_ref().and_then(|(id, times, _)| (*times >= RULE_REFUSALS_MAX).then_some(*id));
        if delivered.is_some() || set_aside.is_some() {
            let rule = Arc::clone(&self.rule);
            store.write(move |tx: &mut Tx<'_>| settle(tx, &rule, delivered, set_aside)).await?;
        }
        match refusal {
            Some((id, times, error)) if set_aside.is_some() => {
                self.refused = None;
                let (rule, error) = (&*self.rule, &error as &dyn std::error::Error);
                tracing::error!(rule, error, id, times, "a message is set aside: it is tried again at the next start");
                Ok(Turn::Progress)
            }
            Some((_, times, error)) => Ok(Turn::Refused(times, error)),
            None if page.is_empty() => Ok(Turn::Empty),
            None => Ok(Turn::Progress),
        }
    }

    fn count_refusal(&mut self, id: i64) -> u32 {
        let times = match self.refused {
            Some((refused, times)) if refused == id => times + 1,
            _ => 1,
        };
        self.refused = Some((id, times));
        times
    }
}

/// A target that panics has refused.
async fn guarded(delivery: impl Future<Output = Result<(), RuleError>>) -> Result<(), RuleError> {
    let delivered = AssertUnwindSafe(delivery).catch_unwind().await;
    delivered.unwrap_or_else(|_| Err(RuleError("a bug: it panicked".into())))
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    RETRY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(RETRY_MAX)
}

fn settle(tx: &mut Tx<'_>, rule: &str, delivered: Option<i64>, set_aside: Option<i64>) -> Result<(), StoreError> {
    if let Some(last) = delivered {
        let sql = "DELETE FROM rule_outbox WHERE rule = ?1 AND id <= ?2 AND set_aside = 0";
        tx.connection.prepare_cached(sql)?.execute(params![rule, last])?;
    }
    if let Some(id) = set_aside {
        tx.connection.prepare_cached("UPDATE rule_outbox SET set_aside = 1 WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}

fn page(connection: &Connection, rule: &Arc<str>) -> Result<Vec<(i64, RuleMessage)>, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    let mut select = connection.prepare_cached(
        "SELECT id, topic, principal, client_id, received_at_ms, payload, properties FROM rule_outbox
         WHERE rule = ?1 AND set_aside = 0 ORDER BY id LIMIT ?2",
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
            properties: Properties::from_stored(row.get(6)?).as_ref().map(Properties::read).unwrap_or_default(),
        };
        page.push((row.get(0)?, message));
    }
    Ok(page)
}

/// At a start: removes the messages for rules that are not among `rules`, and gives those that were set aside another chance.
pub(super) fn recover(tx: &mut Tx<'_>, rules: &[&str]) -> Result<(), StoreError> {
    let left: Vec<(String, i64)> = tx
        .connection
        .prepare("SELECT rule, count(*) FROM rule_outbox GROUP BY rule")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (rule, messages) in left.iter().filter(|(rule, _)| !rules.contains(&rule.as_str())) {
        tracing::warn!(rule, messages, "removed from the outbox: there is no such rule any more");
        tx.connection.execute("DELETE FROM rule_outbox WHERE rule = ?1", [rule])?;
    }
    tx.connection.execute("UPDATE rule_outbox SET set_aside = 0 WHERE set_aside = 1", [])?;
    Ok(())
}

/// Drops the oldest messages beyond [`RULE_OUTBOX_MESSAGES_MAX`], at most `rows_max`; says how many.
pub(super) fn sweep(tx: &mut Tx<'_>, rule: &str, rows_max: u64) -> Result<u64, StoreError> {
    let dropped = tx
        .connection
        .prepare_cached(
            "DELETE FROM rule_outbox WHERE id IN (
                 SELECT id FROM rule_outbox WHERE rule = ?1
                     AND id <= (SELECT id FROM rule_outbox WHERE rule = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
                 ORDER BY id LIMIT ?3)",
        )?
        .execute(params![rule, RULE_OUTBOX_MESSAGES_MAX as i64, rows_max as i64])?;
    if dropped > 0 {
        tracing::error!(
            rule,
            dropped,
            "more than {RULE_OUTBOX_MESSAGES_MAX} messages wait for the rule: the oldest are dropped"
        );
    }
    Ok(dropped as u64)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tempfile::TempDir;

    use super::*;
    use crate::ports::RuleTarget;

    /// Refuses, or chokes on, certain payloads.
    #[derive(Default)]
    struct Picky {
        refuses: &'static str,
        chokes: &'static str,
        got: Mutex<Vec<String>>,
    }

    #[async_trait::async_trait]
    impl RuleTarget for Picky {
        async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            assert_ne!(payload, self.chokes);
            if payload == self.refuses {
                return Err(RuleError("not that".into()));
            }
            self.got.lock().push(payload);
            Ok(())
        }
    }

    async fn put(store: &Store, rule: &'static str, payloads: impl IntoIterator<Item = String> + Send + 'static) {
        let put = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let sql = "INSERT INTO rule_outbox (rule, topic, received_at_ms, payload) VALUES (?1, 't', 0, ?2)";
            for payload in payloads {
                tx.connection.prepare_cached(sql)?.execute(params![rule, payload.as_bytes()])?;
            }
            Ok(())
        };
        store.write(put).await.unwrap();
    }

    /// Rules and payloads in the order they were put.
    async fn left(store: &Store) -> Vec<String> {
        let read = |connection: &Connection| -> Result<Vec<String>, StoreError> {
            let mut select =
                connection.prepare("SELECT rule || ':' || CAST(payload AS TEXT) FROM rule_outbox ORDER BY id")?;
            Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        store.read(read).await.unwrap()
    }

    fn texts(payloads: &[&str]) -> Vec<String> {
        payloads.iter().map(|payload| (*payload).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_message_that_is_always_refused_is_set_aside_and_comes_again_after_a_start() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        put(&store, "r", texts(&["1", "poison", "2", "panic", "3"])).await;
        let target = Arc::new(Picky { refuses: "poison", chokes: "panic", ..Picky::default() });
        let mut outbox = Outbox::new("r".into(), Action::new(Arc::clone(&target) as _, None));
        let mut refusals = 0;
        while let Turn::Progress | Turn::Refused(..) = outbox.turn(&store).await.unwrap() {
            if refusals < RULE_REFUSALS_MAX - 1 {
                assert_eq!(*target.got.lock(), ["1"], "what is behind it waits for so long");
            }
            refusals += 1;
        }
        assert_eq!(*target.got.lock(), ["1", "2", "3"]);
        assert_eq!(left(&store).await, ["r:poison", "r:panic"]);

        store.write(|tx: &mut Tx<'_>| recover(tx, &["r"])).await.unwrap();
        let repaired = Arc::new(Picky::default());
        let mut outbox = Outbox::new("r".into(), Action::new(Arc::clone(&repaired) as _, None));
        while let Turn::Progress = outbox.turn(&store).await.unwrap() {}
        assert_eq!(*repaired.got.lock(), ["poison", "panic"]);
        assert!(left(&store).await.is_empty());
    }

    #[tokio::test]
    async fn a_message_that_is_always_refused_goes_to_the_error_action_at_last() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        put(&store, "r", texts(&["1", "poison", "2", "panic", "3"])).await;
        let target = Arc::new(Picky { refuses: "poison", chokes: "panic", ..Picky::default() });
        let errors = Arc::new(Picky::default());
        let mut outbox = Outbox::new("r".into(), Action::new(Arc::clone(&target) as _, Some(Arc::clone(&errors) as _)));
        let mut refusals = 0;
        while let turn @ (Turn::Progress | Turn::Refused(..)) = outbox.turn(&store).await.unwrap() {
            refusals += u32::from(matches!(turn, Turn::Refused(..)));
        }
        assert_eq!(refusals, 2 * (RULE_REFUSALS_MAX - 1));
        assert_eq!(*target.got.lock(), ["1", "2", "3"]);
        let reports: Vec<serde_json::Value> =
            errors.got.lock().iter().map(|report| serde_json::from_str(report).unwrap()).collect();
        let payloads: Vec<_> = reports.iter().map(|report| report["base64OriginalPayload"].clone()).collect();
        assert_eq!(payloads, ["cG9pc29u", "cGFuaWM="]);
        assert_eq!(reports[0]["failures"][0]["errorMessage"], "the target of a rule failed: not that");
        assert!(left(&store).await.is_empty());
    }

    #[tokio::test]
    async fn what_waits_for_one_rule_is_bounded_and_the_newest_stay() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        put(&store, "other", texts(&["kept"])).await;
        put(&store, "r", (0..RULE_OUTBOX_MESSAGES_MAX + 15).map(|number| number.to_string())).await;
        let sweep = |rows_max| store.write(move |tx: &mut Tx<'_>| sweep(tx, "r", rows_max));
        assert_eq!(sweep(10).await.unwrap(), 10);
        assert_eq!(sweep(10).await.unwrap(), 5);
        assert_eq!(sweep(10).await.unwrap(), 0);
        let left = left(&store).await;
        assert_eq!(left.len() as u64, RULE_OUTBOX_MESSAGES_MAX + 1);
        assert_eq!(left.iter().take(2).collect::<Vec<_>>(), ["other:kept", "r:15"]);
    }

    #[tokio::test]
    async fn what_no_rule_is_there_for_goes_at_the_start() {
        let directory = TempDir::new().unwrap();
        let store = crate::store::open(directory.path()).await.unwrap();
        put(&store, "gone", texts(&["1", "2"])).await;
        put(&store, "r", texts(&["3"])).await;
        store.write(|tx: &mut Tx<'_>| recover(tx, &["r", "new"])).await.unwrap();
        assert_eq!(left(&store).await, ["r:3"]);
    }

    #[test]
    fn pauses_grow_to_their_bound() {
        let pauses: Vec<_> = [1, 2, 3, 9, 10, 1000].map(|failures| pause(failures).as_millis()).into();
        assert_eq!(pauses, [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
