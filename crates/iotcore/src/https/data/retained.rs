//! Retained messages. API Reference, data plane, `GetRetainedMessage`, `ListRetainedMessages`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::properties::user_properties_of;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::limits::PAGE_ITEMS_MAX;
use crate::policy::{Action, Resource};
use crate::store::StoreError;

/// `GET /retainedMessage/{topic}`
pub(super) async fn get(call: Call<'_>, topic: &str) -> Answer {
    call.caller.must_be_allowed(&call.core.broker, Action::GetRetainedMessage, Resource::Topic(topic))?;
    let (topic, now_ms) = (topic.to_owned(), call.core.broker.clock.now_ms());
    let read = {
        let topic = topic.clone();
        move |connection: &Connection| load(connection, &topic, now_ms)
    };
    let found = call.core.broker.store.read(read).await?;
    let found = found.ok_or_else(|| ApiError::not_found(format!("no message is retained for `{topic}`")))?;
    Ok(Reply::json(&found))
}

/// `GET /retainedMessage`
pub(super) async fn list(call: Call<'_>) -> Answer {
    call.caller.must_be_allowed(&call.core.broker, Action::ListRetainedMessages, Resource::All)?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (after, now_ms) = (page.after().to_owned(), call.core.broker.clock.now_ms());
    let read = move |connection: &Connection| after_topic(connection, &after, now_ms);
    let (topics, next) = page.cut(call.core.broker.store.read(read).await?, |(topic, _)| topic);
    let topics: Vec<Value> = topics.into_iter().map(|(_, summary)| summary).collect();
    Ok(Reply::json(&json!({"retainedTopics": topics, "nextToken": next})))
}

fn load(connection: &Connection, topic: &str, now_ms: u64) -> Result<Option<Value>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT payload, qos, updated_ms, properties FROM retained
         WHERE topic = ?1 AND (expires_ms IS NULL OR expires_ms > ?2)",
    )?;
    let message = select.query_row(params![topic, now_ms as i64], |row| {
        let user_properties = row.get::<_, Option<Vec<u8>>>(3)?.and_then(|stored| user_properties_of(&stored));
        Ok(json!({
            "topic": topic,
            "payload": STANDARD.encode(row.get_ref(0)?.as_blob()?),
            "qos": row.get::<_, i64>(1)?,
            "lastModifiedTime": row.get::<_, i64>(2)?,
            "userProperties": user_properties.map(|pairs| STANDARD.encode(pairs.to_string())),
        }))
    });
    Ok(message.optional()?)
}

/// Topics after `after`, each with its summary, in their order, at most [`PAGE_ITEMS_MAX`].
fn after_topic(connection: &Connection, after: &str, now_ms: u64) -> Result<Vec<(String, Value)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT topic, length(payload), qos, updated_ms FROM retained
         WHERE topic > ?1 AND (expires_ms IS NULL OR expires_ms > ?2) ORDER BY topic LIMIT ?3",
    )?;
    let topics = select.query_map(params![after, now_ms as i64, PAGE_ITEMS_MAX as i64], |row| {
        let topic: String = row.get(0)?;
        let summary = json!({
            "topic": topic,
            "payloadSize": row.get::<_, i64>(1)?,
            "qos": row.get::<_, i64>(2)?,
            "lastModifiedTime": row.get::<_, i64>(3)?,
        });
        Ok((topic, summary))
    })?;
    Ok(topics.collect::<Result<_, _>>()?)
}
