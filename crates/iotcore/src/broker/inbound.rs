//! What clients send: checked, authorised, and handed on.

use std::sync::Arc;

use super::close::End;
use super::codec::{Inbound, Publish, Reason, Version};
use super::connection::{Connection, Done};
use super::retained;
use super::router::Copies;
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::message::{Message, expires_ms};
use crate::policy::{Action, Resource};
use crate::rules::Origin;
use crate::shadow::ShadowError;
use crate::store::{StoreError, Tx};
use crate::topic::TopicName;
use crate::{jobs, provisioning, shadows};

impl Connection {
    pub(super) async fn on_packet(&mut self, packet: Inbound) -> Result<(), End> {
        match packet {
            Inbound::Publish(publish) => self.on_publish(publish).await,
            Inbound::Puback(packet_id) => {
                self.on_puback(packet_id);
                Ok(())
            }
            Inbound::Subscribe(subscribe) => self.on_subscribe(subscribe).await,
            Inbound::Unsubscribe { packet_id, filters } => self.on_unsubscribe(packet_id, filters).await,
            Inbound::Ping => {
                self.wire.pingresp();
                Ok(())
            }
            // MQTT 5.0 section 3.14.2.2.2: a session that was to end with the connection cannot be kept after all.
            Inbound::Disconnect(disconnect)
                if self.terms.expiry_s == 0 && disconnect.expiry_s.is_some_and(|s| s > 0) =>
            {
                Err(End::client_error("DISCONNECT keeps a session that was not to be kept")
                    .telling(Reason::ProtocolError))
            }
            Inbound::Disconnect(disconnect) => Err(End::goodbye(disconnect)),
            Inbound::Connect(_) => Err(End::client_error("a second CONNECT")),
        }
    }

    async fn on_publish(&mut self, publish: Publish) -> Result<(), End> {
        self.broker.counters.messages_in.add(1);
        match self.check(&publish).await? {
            Ok(topic) => self.on_allowed(publish, topic).await,
            Err(end) => self.refuse(publish.packet_id, end),
        }
    }

    /// The topic, if the message may be published there; why not otherwise.
    async fn check(&mut self, publish: &Publish) -> Result<Result<TopicName, End>, End> {
        if publish.payload.len() > PAYLOAD_BYTES_MAX {
            let bytes = publish.payload.len();
            let why = format!("a payload of {bytes} bytes: {PAYLOAD_BYTES_MAX} are allowed");
            return Ok(Err(End::client_error(why).telling(Reason::QuotaExceeded)));
        }
        let topic = match &publish.topic {
            Ok(topic) => topic.clone(),
            Err(error) => return Ok(Err(End::client_error(error).telling(Reason::TopicNameInvalid))),
        };
        let actions: &[_] = if publish.retain { &[Action::Publish, Action::RetainPublish] } else { &[Action::Publish] };
        for action in actions {
            if !self.may(*action, Resource::Topic(topic.as_str())).await? {
                let name = action.name();
                return Ok(Err(End::forbidden(format!("no policy allows {name} on `{topic}`"))));
            }
        }
        if publish.retain && topic.is_reserved() {
            return Ok(Err(End::forbidden(format!("`{topic}` is reserved: nothing is retained there"))));
        }
        Ok(Ok(topic))
    }

    /// Answers a PUBLISH that is not carried out. With MQTT 5 and QoS 1 its PUBACK says so; there is nothing else that could,
    /// so AWS disconnects. Developer Guide, "AWS IoT Core policy actions" and "MQTT reason codes", PUBACK; that a refused QoS 0
    /// message ends the connection of MQTT 5, too, could not be verified.
    fn refuse(&mut self, packet_id: Option<u16>, end: End) -> Result<(), End> {
        let (Some(packet_id), Version::V5, Some((reason, why))) = (packet_id, self.wire.version(), end.told()) else {
            return Err(end);
        };
        let client_id = &self.connected.client_id;
        tracing::info!(?client_id, why, "a publish was refused");
        self.done(Done::Refused { packet_id, reason, why: why.into() })
    }

    async fn on_allowed(&mut self, publish: Publish, topic: TopicName) -> Result<(), End> {
        let Publish { payload, qos, packet_id, retain, properties, expiry_s, .. } = publish;
        let received_at_ms = self.broker.clock.now_ms();
        let origin = Origin {
            principal: Some(self.connected.certificate_id),
            client_id: Some(Arc::clone(&self.connected.client_id)),
            received_at_ms,
        };
        let expires_ms = expiry_s.map(|interval_s| expires_ms(received_at_ms, interval_s));
        let message = Message { topic, payload, qos, retain, properties, expires_ms };
        let done = packet_id.map_or(Done::Nothing, Done::Puback);
        if message.topic.is_reserved() {
            self.on_reserved(message, origin, done).await
        } else {
            self.route(message, origin, done).await
        }
    }

    /// Topics that mean something to the broker itself. Developer Guide, "Reserved topics".
    async fn on_reserved(&mut self, message: Message, origin: Origin, done: Done) -> Result<(), End> {
        if let Some(request) = shadows::parse_request(&message.topic) {
            let place = self.rates.as_mut().map(|rates| rates.shadow_requests.begin(&request.address.thing));
            let refused = matches!(place, Some(None)).then_some(ShadowError::TooManyRequests);
            let Origin { client_id, principal, .. } = origin;
            let pending =
                shadows::submit_unless(refused, &self.broker, request, message.payload, client_id, principal).await?;
            self.promise(Box::pin(async move {
                // A rejected request has had its reply, too.
                let _reply = pending.durable().await?;
                drop(place);
                Ok(done)
            }));
            return Ok(());
        }
        if let Some(request) = jobs::parse_request(&message.topic) {
            let pending = jobs::submit(&self.broker, &self.connected, request, message).await?;
            self.promise(Box::pin(async move {
                pending.durable().await?;
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
        if let Some(ingest) = message.topic.basic_ingest()
            && (ingest.topic == message.topic || !ingest.topic.is_reserved())
        {
            return self.route(message, origin, done).await;
        }
        // Basic Ingest under a reserved topic, too: a rule may trust that clients do not publish there.
        let packet_id = if let Done::Puback(packet_id) = done { Some(packet_id) } else { None };
        self.refuse(packet_id, End::forbidden(format!("`{}` is reserved", message.topic)))
    }

    /// Gives the message to its subscribers and rules; it is done when all that must be durable is.
    async fn route(&mut self, message: Message, origin: Origin, done: Done) -> Result<(), End> {
        let broker = &self.broker;
        let delivered = broker.rules.deliver(&message, &origin);
        let mut recipients = broker.router.recipients(&message, Some(&self.session));
        let retain = message.retain.then(|| message.clone());
        let (topic, version, retained) = (message.topic.clone(), self.wire.version(), message.retain);
        let copies = Arc::new(Copies::of(message));
        let handed = if recipients.are_durable() { recipients.hand_out(&copies) } else { None };
        let recipients = Arc::new(recipients);
        let stored = if retain.is_some() || recipients.are_durable() {
            let (broker, recipients, copies) = (Arc::clone(broker), Arc::clone(&recipients), Arc::clone(&copies));
            let store = move |tx: &mut Tx<'_>| -> Result<bool, StoreError> {
                let kept = match &retain {
                    Some(message) => retained::retain(tx, message, origin.received_at_ms, &broker.counters)?,
                    None => true,
                };
                recipients.enqueue(tx, &copies, &broker)?;
                Ok(kept)
            };
            match handed.filter(|_| !retained) {
                Some((waiver, pending)) => {
                    self.broker.store.submit_waivable(store, waiver).await?;
                    Some(pending)
                }
                None => Some(self.broker.store.submit(store).await?),
            }
        } else {
            None
        };
        recipients.deliver_volatile(&copies, broker);
        if stored.is_none() && delivered.is_none() {
            return self.done(done);
        }
        self.promise(Box::pin(async move {
            let stored = async {
                match stored {
                    Some(pending) => pending.durable().await.map_err(End::from),
                    None => Ok(true),
                }
            };
            let delivered = async {
                match delivered {
                    Some(delivered) => delivered.await.map_err(|error| End::server_error(&error)),
                    None => Ok(()),
                }
            };
            let (stored, delivered) = tokio::join!(stored, delivered);
            match (delivered.and(stored), &done) {
                (Ok(true), _) => Ok(done),
                (Ok(false), _) => Ok(done.without_retaining(version)),
                // Nobody waits for an acknowledgement that could be withheld.
                (Err(end), Done::Nothing) => {
                    tracing::warn!(%topic, why = end.why, "a QoS 0 message was lost");
                    Ok(done)
                }
                (Err(end), _) => Err(end),
            }
        }));
        Ok(())
    }
}
