//! A bare MQTT client for what no honest device would do: the demo shows that the broker refuses it.

use super::StepError;
use crate::commands::bundle::connection;
use marvain_topics::Topic;
use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions, Outgoing, PublishOptions, QoS, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::time;

/// Longest that the broker may take to answer, in seconds.
const ANSWER_S: u64 = 10;
/// Requests that rumqttc holds.
const CLIENT_QUEUE_MAX: usize = 16;

/// How the broker takes what it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It answers that it has it.
    Accepted,
    /// It says no.
    Refused,
    /// It closes the connection.
    Closed,
}

/// A connected client.
pub(crate) struct Bare {
    client: AsyncClient,
    eventloop: EventLoop,
}

fn options(bundle: &Path, client_id: &str) -> Result<MqttOptions, StepError> {
    let connection = connection(bundle)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(bundle.join("root-ca.pem"))?)?;
    let certificate = CertificateDer::from_pem_file(bundle.join("certificate.pem"))?;
    let key = PrivateKeyDer::from_pem_file(bundle.join("private.key"))?;
    let tls = ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(vec![certificate], key)?;
    let mut options = MqttOptions::new(client_id, (connection.endpoint.as_str(), connection.port));
    options.set_clean_session(true).set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls))));
    Ok(options)
}

impl Bare {
    /// Connects with the certificate in `bundle`. None if the broker does not let it in.
    pub(crate) async fn connect(bundle: &Path, client_id: &str) -> Result<Option<Self>, StepError> {
        let (client, mut eventloop) =
            AsyncClient::builder(options(bundle, client_id)?).capacity(CLIENT_QUEUE_MAX).build();
        let connected = async {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(Incoming::ConnAck(_))) => return true,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::info!(%error, "the broker does not let the client in");
                        return false;
                    }
                }
            }
        };
        let connected = time::timeout(Duration::from_secs(ANSWER_S), connected).await?;
        Ok(connected.then_some(Self { client, eventloop }))
    }

    async fn until(&mut self, mut wanted: impl FnMut(&Event) -> Option<Taken>) -> Result<Taken, StepError> {
        let answer = async {
            loop {
                match self.eventloop.poll().await {
                    Ok(event) => {
                        if let Some(taken) = wanted(&event) {
                            return taken;
                        }
                    }
                    Err(error) => {
                        tracing::info!(%error, "the broker has closed the connection");
                        return Taken::Closed;
                    }
                }
            }
        };
        Ok(time::timeout(Duration::from_secs(ANSWER_S), answer).await?)
    }

    /// Publishes with QoS 1, and waits for the PUBACK.
    pub(crate) async fn publish(&mut self, topic: &Topic, payload: String) -> Result<Taken, StepError> {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        self.client.publish(topic.to_string(), payload, options).await?;
        self.until(|event| matches!(event, Event::Incoming(Incoming::PubAck(_))).then_some(Taken::Accepted)).await
    }

    /// Subscribes, and waits for the SUBACK.
    pub(crate) async fn subscribe(&mut self, filter: &str) -> Result<Taken, StepError> {
        self.client.subscribe(filter, QoS::AtLeastOnce).await?;
        self.until(|event| match event {
            Event::Incoming(Incoming::SubAck(ack)) if ack.return_codes.contains(&SubscribeReasonCode::Failure) => {
                Some(Taken::Refused)
            }
            Event::Incoming(Incoming::SubAck(_)) => Some(Taken::Accepted),
            _ => None,
        })
        .await
    }

    /// Publishes a request of fleet provisioning and waits for its answer, which the broker sends unasked.
    pub(crate) async fn ask(&mut self, request: &Topic, payload: &Value) -> Result<(Taken, Value), StepError> {
        let topic = request.to_string();
        let options = PublishOptions::new(QoS::AtLeastOnce);
        self.client.publish(topic.clone(), payload.to_string(), options).await?;
        let mut answer = Value::Null;
        let taken = self
            .until(|event| {
                let Event::Incoming(Incoming::Publish(publish)) = event else { return None };
                let ending = std::str::from_utf8(&publish.topic).ok()?.strip_prefix(&topic)?;
                answer = serde_json::from_slice(&publish.payload).ok()?;
                Some(if ending == "/accepted" { Taken::Accepted } else { Taken::Refused })
            })
            .await?;
        Ok((taken, answer))
    }

    /// Says goodbye.
    pub(crate) async fn leave(mut self) -> Result<(), StepError> {
        self.client.disconnect().await?;
        self.until(|event| matches!(event, Event::Outgoing(Outgoing::Disconnect)).then_some(Taken::Accepted)).await?;
        Ok(())
    }
}
