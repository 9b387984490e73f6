//! Publishing. API Reference, data plane, `Publish`; Developer Guide, "HTTPS".

use std::sync::Arc;

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use serde_json::json;

use super::properties;
use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::request::Request;
use crate::https::route::{Answer, Call};
use crate::limits::MESSAGE_EXPIRY_S_MAX;
use crate::message::{Message, QoS, expires_ms};
use crate::policy::{Action, Resource};
use crate::rules::Origin;
use crate::shadows;
use crate::store::{StoreError, Tx};
use crate::topic::TopicName;

/// `POST /topics/{topic}?qos={0|1}&retain={true|false}`. It is answered when everything that must be durable is; the targets of
/// rules get it after that.
pub(super) async fn publish(call: Call<'_>, topic: &str) -> Answer {
    let broker = &call.core.broker;
    let topic = TopicName::parse(topic).map_err(|error| ApiError::invalid(error.to_string()))?;
    let retain = call.request.flag("retain")?;
    let actions: &[_] = if retain { &[Action::Publish, Action::RetainPublish] } else { &[Action::Publish] };
    for action in actions {
        call.caller.must_be_allowed(broker, *action, Resource::Topic(topic.as_str()))?;
    }
    if retain && topic.is_reserved() {
        return Err(ApiError::forbidden());
    }
    broker.counters.messages_in.add(1);
    if topic.is_reserved() && !is_basic_ingest(&topic) {
        reserved(call, &topic).await?;
    } else {
        let received_at_ms = broker.clock.now_ms();
        let message = message(call.request, topic, retain, received_at_ms)?;
        let origin = Origin { principal: call.caller.certificate(), client_id: None, received_at_ms };
        let broker = Arc::clone(broker);
        let job = move |tx: &mut Tx<'_>| -> Result<(), StoreError> { broker.publish_in(tx, message, &origin) };
        call.core.broker.store.write(job).await?;
    }
    Ok(Reply::json(&json!({"message": "OK"})))
}

/// Whether a rule takes it, and no topic that is reserved is meant by it. Developer Guide, "Basic Ingest".
fn is_basic_ingest(topic: &TopicName) -> bool {
    topic.basic_ingest().is_some_and(|ingest| ingest.topic == *topic || !ingest.topic.is_reserved())
}

/// Of the reserved topics those of shadows: the others answer a connection, which there is none of here.
async fn reserved(call: Call<'_>, topic: &TopicName) -> Result<(), ApiError> {
    let request = shadows::parse_request(topic).ok_or_else(ApiError::forbidden)?;
    let payload = call.request.body().as_ref().into_payload();
    let pending = shadows::submit(&call.core.broker, request, payload, None, call.caller.certificate()).await?;
    // A rejected request has had its reply, too.
    let _reply = pending.durable().await?;
    Ok(())
}

fn message(request: &Request, topic: TopicName, retain: bool, now_ms: u64) -> Result<Message, ApiError> {
    let qos = match request.query("qos") {
        None | Some("0") => QoS::AtMostOnce,
        Some("1") => QoS::AtLeastOnce,
        Some(_) => return Err(ApiError::invalid("qos is 0 or 1")),
    };
    let expiry_s = request.number("messageExpiry")?.map(|s| u32::try_from(s).unwrap_or(MESSAGE_EXPIRY_S_MAX));
    Ok(Message {
        retain,
        properties: properties::of_request(request)?,
        expires_ms: expiry_s.map(|expiry_s| expires_ms(now_ms, expiry_s)),
        ..Message::new(topic, request.body().as_ref(), qos)
    })
}
