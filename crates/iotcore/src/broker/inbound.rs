//! What clients send: checked, authorised, and handed on.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::{Packet, Qos, v3_1_1};

use super::close::{CloseReason, End};
use super::connection::{Connection, Done};
use super::{queue, retained};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::message::{Message, QoS};
use crate::policy::{Action, Resource};
use crate::rules::Origin;
use crate::store::{StoreError, Tx};
use crate::topic::TopicName;
use crate::{provisioning, shadows};

impl Connection {
    pub(super) async fn on_packet(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::V3_1_1Publish(publish) => self.on_publish(publish).await,
            Packet::V3_1_1Puback(puback) => {
                self.on_puback(&puback);
                Ok(())
            }
            Packet::V3_1_1Subscribe(subscribe) => self.on_subscribe(subscribe).await,
            Packet::V3_1_1Unsubscribe(unsubscribe) => self.on_unsubscribe(unsubscribe).await,
            Packet::V3_1_1Pingreq(_) => Ok(self.wire.pingresp()?),
            Packet::V3_1_1Disconnect(_) => Err(End::new(CloseReason::ClientInitiated, "DISCONNECT")),
            // Developer Guide, "MQTT": QoS 2 is not supported.
            Packet::V3_1_1Pubrec(_) | Packet::V3_1_1Pubrel(_) | Packet::V3_1_1Pubcomp(_) => {
                Err(End::client_error("a packet of QoS 2"))
            }
            _ => Err(End::client_error("a packet that only servers send, or a second CONNECT")),
        }
    }

    async fn on_publish(&mut self, publish: v3_1_1::Publish) -> Result<(), End> {
        self.broker.counters.messages_in.add(1);
        let qos = match publish.qos() {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce => QoS::AtLeastOnce,
            Qos::ExactlyOnce => return Err(End::client_error("QoS 2 is not supported")),
        };
        let payload = publish.payload().clone();
        if payload.len() > PAYLOAD_BYTES_MAX {
            let bytes = payload.len();
            return Err(End::client_error(format!("a payload of {bytes} bytes: {PAYLOAD_BYTES_MAX} are allowed")));
        }
        let topic = TopicName::parse(publish.topic_name()).map_err(End::client_error)?;
        self.require(Action::Publish, &topic).await?;
        if publish.retain() {
            self.require(Action::RetainPublish, &topic).await?;
        }
        let origin = Origin {
            principal: Some(self.connected.certificate_id),
            client_id: Some(Arc::clone(&self.connected.client_id)),
            received_at_ms: self.broker.clock.now_ms(),
        };
        let message = Message { topic, payload, qos, retain: publish.retain() };
        let done = match (qos, publish.packet_id()) {
            (QoS::AtLeastOnce, Some(packet_id)) => Done::Puback(packet_id),
            _ => Done::Nothing,
        };
        if message.topic.is_reserved() {
            self.on_reserved(message, origin, done).await
        } else {
            self.route(message, origin, done).await
        }
    }

    /// AWS disconnects a client that publishes what it may not. Developer Guide, "AWS IoT Core policy actions".
    async fn require(&mut self, action: Action, topic: &TopicName) -> Result<(), End> {
        if self.may(action, Resource::Topic(topic.as_str())).await? {
            return Ok(());
        }
        Err(End::forbidden(format!("no policy allows {} on `{topic}`", action.name())))
    }

    /// Topics that mean something to the broker itself. Developer Guide, "Reserved topics".
    async fn on_reserved(&mut self, message: Message, origin: Origin, done: Done) -> Result<(), End> {
        if message.retain {
            return Err(End::forbidden(format!("`{}` is reserved: nothing is retained there", message.topic)));
        }
        if let Some(request) = shadows::parse_request(&message.topic) {
            let pending =
                shadows::submit(&self.broker, request, message.payload, origin.client_id, origin.principal).await?;
            self.promise(Box::pin(async move {
                // A rejected request has had its reply, too.
                let _reply = pending.durable().await?;
                Ok(done)
            }));
            return Ok(());
        }
        if let Some(request) = provisioning::parse_request(&message.topic) {
            let (broker, connected) = (Arc::clone(&self.broker), Arc::clone(&self.connected));
            self.promise(Box::pin(async move {
                provisioning::answer(&broker, &connected, request, &message).await?;
                Ok(done)
            }));
            return Ok(());
        }
        Err(End::forbidden(format!("`{}` is reserved", message.topic)))
    }

    /// Gives the message to its subscribers and rules; it is done when all that must be durable is.
    async fn route(&mut self, message: Message, origin: Origin, done: Done) -> Result<(), End> {
        let broker = &self.broker;
        let delivered = broker.rules.deliver(&message, &origin);
        let recipients = broker.router.recipients(&message.topic, message.qos);
        let retain = message.retain.then(|| message.clone());
        let message = Arc::new(Message { retain: false, ..message });
        let stored = if retain.is_some() || !recipients.durable.is_empty() {
            let (counters, durable, message) =
                (Arc::clone(&broker.counters), recipients.durable.clone(), Arc::clone(&message));
            let store = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
                if let Some(message) = &retain {
                    retained::retain(tx, message, origin.received_at_ms)?;
                }
                queue::enqueue(tx, &durable, &message, &counters)
            };
            Some(broker.store.submit(store).await?)
        } else {
            None
        };
        recipients.deliver_volatile(&message, &broker.counters);
        if stored.is_none() && delivered.is_none() {
            return self.done(done);
        }
        self.promise(Box::pin(async move {
            let stored = async {
                match stored {
                    Some(pending) => pending.durable().await.map_err(End::from),
                    None => Ok(()),
                }
            };
            let delivered = async {
                match delivered {
                    Some(delivered) => delivered.await.map_err(|error| End::server_error(&error)),
                    None => Ok(()),
                }
            };
            let (stored, delivered) = tokio::join!(stored, delivered);
            match (stored.and(delivered), &done) {
                (Ok(()), _) => Ok(done),
                // Nobody waits for an acknowledgement that could be withheld.
                (Err(end), Done::Nothing) => {
                    tracing::warn!(topic = %message.topic, why = end.why, "a QoS 0 message was lost");
                    Ok(done)
                }
                (Err(end), _) => Err(end),
            }
        }));
        Ok(())
    }
}
