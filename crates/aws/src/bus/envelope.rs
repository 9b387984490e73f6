//! A delivery as the text of a message in a queue, both as the hub itself puts it there and as an IoT rule does.
//!
//! A rule writes what its statement selects (`marvain_topics::render::rules::sql`; "AWS IoT SQL reference", functions `topic`,
//! `principal`, `timestamp`, `clientid` and `encode`): no id, so that it is derived here, as it would be from the message
//! itself. Whoever may send to the queue is believed: that is the rule's role and the hub's. It does not know what the payload
//! means, and takes a principal as it comes: a certificate id for a device, for others whatever AWS calls them, which the hub
//! knows nobody by.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::Delivery;
use marvain_topics::{Queue, channel::BROKER_PAYLOAD_BYTES_MAX};
use serde::{Deserialize, Serialize};

/// Longest text of a message, in bytes: what SQS takes ("Amazon SQS message quotas", 1 MiB since August 2025).
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Largest payload of a delivery, in bytes: a quarter of a message, so that Base64 and all around it fit, and twice what the broker
/// takes.
pub const DELIVERY_BYTES_MAX: usize = 2 * BROKER_PAYLOAD_BYTES_MAX;

/// Why a message of a queue is no delivery. It never will be: it belongs to the dead letters. No part of the payload is told.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not of this form.
    #[error("the message is no delivery")]
    Form(#[source] serde_json::Error),
    /// Neither an id, as the hub writes it, nor a topic, as a rule does.
    #[error("the message has neither an id nor a topic")]
    Nobody,
    /// The payload is not in Base64.
    #[error("the payload is no Base64")]
    Body(#[source] base64::DecodeError),
    /// Too large.
    #[error("the payload has {bytes} bytes, more than {DELIVERY_BYTES_MAX}")]
    Long {
        /// Its size.
        bytes: usize,
    },
}

/// The message.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    /// The hub's own have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<DeliveryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    /// Milliseconds since the epoch, as `timestamp()` has it.
    received_at: u64,
    /// Base64.
    #[serde(borrow)]
    body: std::borrow::Cow<'a, str>,
}

/// The text of the message that carries a delivery.
///
/// # Errors
/// [`EnvelopeError::Long`].
pub fn encode(delivery: &Delivery) -> Result<String, EnvelopeError> {
    let bytes = delivery.body.len();
    if bytes > DELIVERY_BYTES_MAX {
        return Err(EnvelopeError::Long { bytes });
    }
    let envelope = Envelope {
        id: Some(delivery.id.clone()),
        topic: delivery.topic.clone(),
        principal: delivery.principal.clone(),
        received_at: delivery.received_at.as_ms(),
        body: STANDARD.encode(&delivery.body).into(),
    };
    serde_json::to_string(&envelope).map_err(EnvelopeError::Form)
}

/// The delivery that a message of `queue` carries.
///
/// # Errors
/// [`EnvelopeError`], for whatever else somebody has put there.
pub fn decode(queue: Queue, message: &str) -> Result<Delivery, EnvelopeError> {
    let Envelope { id, topic, principal, received_at, body } =
        serde_json::from_str(message).map_err(EnvelopeError::Form)?;
    let body = STANDARD.decode(body.as_bytes()).map_err(EnvelopeError::Body)?;
    if body.len() > DELIVERY_BYTES_MAX {
        return Err(EnvelopeError::Long { bytes: body.len() });
    }
    let received_at = Timestamp::from_ms(received_at);
    match (id, topic) {
        (Some(id), topic) => Ok(Delivery { id, queue, topic, principal, received_at, body }),
        (None, Some(topic)) => Ok(Delivery::from_rule(queue, &topic, principal.as_deref(), received_at, body)),
        (None, None) => Err(EnvelopeError::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_topics::{EventKind, Topic};
    use proptest::prelude::*;
    use serde_json::json;

    const AT: Timestamp = Timestamp::from_ms(1_795_348_800_123);
    const CERTIFICATE: &str = "ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373";

    /// As "AWS IoT SQL reference" has its functions' values: a function without a value leaves its member out.
    #[test]
    fn what_a_rule_writes_is_the_delivery_that_the_embedded_rules_make() {
        let topic = Topic::Event { thing: "den".parse().unwrap(), kind: EventKind::Transcript }.to_string();
        let topic = topic.as_str();
        let payload = br#"{"v": 1}"#.to_vec();
        let body = STANDARD.encode(&payload);
        let all = json!({
            "topic": topic, "principal": CERTIFICATE, "received_at": 1_795_348_800_123_u64, "client_id": "den", "body": body,
        });
        let made = Delivery::from_rule(Queue::Observe, topic, Some(CERTIFICATE), AT, payload.clone());
        assert_eq!(decode(Queue::Observe, &all.to_string()).unwrap(), made);
        let of_the_broker =
            json!({"topic": topic, "received_at": 1_795_348_800_123_u64, "client_id": "n/a", "body": body});
        let made = Delivery::from_rule(Queue::Presence, topic, None, AT, payload);
        assert_eq!(decode(Queue::Presence, &of_the_broker.to_string()).unwrap(), made);
        let empty = json!({"topic": topic, "received_at": 1, "body": ""});
        assert_eq!(decode(Queue::Presence, &empty.to_string()).unwrap().body, b"");
    }

    #[test]
    fn what_is_no_delivery_is_told_apart_and_not_repeated() {
        let cases = [
            ("", "the message is no delivery"),
            ("secret", "the message is no delivery"),
            ("[]", "the message is no delivery"),
            (r#"{"topic": "secret", "body": ""}"#, "the message is no delivery"),
            (r#"{"topic": "secret", "received_at": -1, "body": ""}"#, "the message is no delivery"),
            (r#"{"topic": 5, "received_at": 1, "body": ""}"#, "the message is no delivery"),
            (r#"{"id": "secret", "received_at": 1, "body": ""}"#, "the message is no delivery"),
            (r#"{"received_at": 1, "body": ""}"#, "the message has neither an id nor a topic"),
            (r#"{"topic": "a", "received_at": 1, "body": "secret?"}"#, "the payload is no Base64"),
        ];
        for (message, why) in cases {
            assert_eq!(decode(Queue::Observe, message).unwrap_err().to_string(), why, "{message}");
        }
    }

    #[test]
    fn the_largest_fits_a_message_and_what_is_larger_is_refused() {
        let mut delivery = Delivery::from_rule(Queue::Observe, &"t".repeat(256), Some(CERTIFICATE), AT, Vec::new());
        delivery.body = vec![0; DELIVERY_BYTES_MAX];
        let text = encode(&delivery).unwrap();
        assert!(text.len() <= MESSAGE_BYTES_MAX, "{}", text.len());
        assert_eq!(decode(Queue::Observe, &text).unwrap(), delivery);
        delivery.body.push(0);
        assert!(matches!(encode(&delivery), Err(EnvelopeError::Long { bytes }) if bytes == DELIVERY_BYTES_MAX + 1));
        let body = STANDARD.encode(&delivery.body);
        let message = json!({"topic": "a", "received_at": 1, "body": body}).to_string();
        assert!(matches!(decode(Queue::Observe, &message), Err(EnvelopeError::Long { .. })));
    }

    proptest! {
        #[test]
        fn a_delivery_reads_back(
            topic in proptest::option::of(".{0,40}"), principal in proptest::option::of(".{0,40}"),
            at in 0..253_402_300_800_000_u64, body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let id = DeliveryId::derive(&["a"]);
            let delivery = Delivery { id, queue: Queue::Plan, topic, principal, received_at: Timestamp::from_ms(at), body };
            prop_assert_eq!(decode(Queue::Plan, &encode(&delivery).unwrap()).unwrap(), delivery);
        }

        #[test]
        fn no_text_is_more_than_refused(text in ".{0,200}") {
            drop(decode(Queue::Plan, &text));
        }
    }
}
