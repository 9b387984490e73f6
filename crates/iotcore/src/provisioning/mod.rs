//! Fleet provisioning by claim. Developer Guide, "Device provisioning MQTT API".
//!
//! Replies go to the connection that asked, whether or not it subscribed to them, and to nobody else.

mod error;
mod make;
mod register;
mod tokens;

pub(crate) use tokens::sweep;

use std::sync::Arc;

use serde::Serialize;

use crate::broker::{Broker, Connected};
use crate::message::Message;
use crate::store::StoreError;
use crate::topic::TopicName;

use error::Rejection;

/// One operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// `CreateCertificateFromCsr`.
    FromCsr,
    /// `CreateKeysAndCertificate`.
    WithKeys,
    /// `RegisterThing`, by the template of this name.
    Register(String),
}

/// The request that publishing to `topic` is, if it is one. Payloads are JSON.
pub(crate) fn parse_request(topic: &TopicName) -> Option<Request> {
    match topic.as_str() {
        "$aws/certificates/create-from-csr/json" => Some(Request::FromCsr),
        "$aws/certificates/create/json" => Some(Request::WithKeys),
        other => {
            let template = other.strip_prefix("$aws/provisioning-templates/")?.strip_suffix("/provision/json")?;
            (!template.contains('/')).then(|| Request::Register(template.into()))
        }
    }
}

/// Carries out the request and puts the reply into the mailbox of the connection that asked.
pub(crate) async fn answer(
    broker: &Arc<Broker>,
    connected: &Connected,
    request: Request,
    message: &Message,
) -> Result<(), StoreError> {
    let payload = message.payload.as_slice();
    let outcome = match &request {
        Request::FromCsr => make::from_csr(broker, connected, payload).await.and_then(|made| encode(&made)),
        Request::WithKeys => make::with_keys(broker, connected).await.and_then(|made| encode(&made)),
        Request::Register(template) => {
            register::register(broker, connected, template, payload).await.and_then(|registered| encode(&registered))
        }
    };
    let (verdict, payload) = match outcome {
        Ok(payload) => ("accepted", payload),
        // The client asks again on its next connection.
        Err(Rejection::Store(error)) => return Err(error),
        Err(rejection) => {
            let (client_id, certificate) = (&connected.client_id, connected.certificate_id);
            let error = &rejection as &dyn std::error::Error;
            tracing::warn!(?client_id, %certificate, ?request, error, "provisioning rejected");
            ("rejected", rejection.payload())
        }
    };
    // The topic with the name of a template that cannot be may be too long for an answer.
    if let Ok(topic) = TopicName::parse(&format!("{}/{verdict}", message.topic)) {
        connected.reply(Message::new(topic, payload, message.qos));
    }
    Ok(())
}

fn encode(reply: &impl Serialize) -> Result<Vec<u8>, Rejection> {
    serde_json::to_vec(reply).map_err(|error| StoreError::Value(error.to_string()).into())
}
