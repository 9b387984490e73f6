//! A connection with the claim's certificate: one question at a time.

use super::EnrolError;
use crate::{
    config::{Connection, Endpoint},
    io::link::{CONNECT_TIMEOUT_S, Session, SessionError, Target, client_config, subscribe},
};
use bytes::Bytes;
use marvain_domain::id::SatelliteId;
use marvain_topics::{Topic, acl, topic::Answer};
use rumqttc::{AsyncClient, PublishOptions, QoS};
use std::{path::Path, time::Duration};

/// Longest that an answer may take, in seconds: a pre-provisioning hook may take 5 ("Pre-provisioning hooks").
const ANSWER_TIMEOUT_S: u64 = 15;

pub(super) struct Claim {
    session: Session,
    client: AsyncClient,
}

impl Claim {
    pub(super) async fn connect(dir: &Path, connection: &Connection, serial: &SatelliteId) -> Result<Self, EnrolError> {
        let endpoint = Endpoint {
            host: connection.endpoint.clone(),
            port: connection.port,
            certificate: dir.join("certificate.pem"),
            private_key: dir.join("private.key"),
            root_ca: dir.join("root-ca.pem"),
        };
        let access = acl::claim(serial);
        let target = Target { host: &endpoint.host, port: endpoint.port, client_id: &access.client_id, clean: true };
        let (mut session, client) = Session::new(&target, client_config(&endpoint)?);
        let timeout = Duration::from_secs(CONNECT_TIMEOUT_S);
        session.connect(timeout).await?;
        let filters: Vec<String> = access.receive.iter().map(ToString::to_string).collect();
        tokio::select! {
            subscribed = subscribe(&client, &filters, timeout) => subscribed?,
            ended = session.message() => {
                ended?;
                return Err(SessionError::Ended("SUBACK").into());
            }
        }
        Ok(Self { session, client })
    }

    /// Publishes a request, and waits for the answer to it.
    pub(super) async fn ask(
        &mut self,
        topic: impl Fn(Answer) -> Topic,
        request: &str,
    ) -> Result<(Answer, Bytes), EnrolError> {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        let publish = self.client.publish(topic(Answer::Request).to_string(), request.to_owned(), options);
        publish.await.map_err(|_| SessionError::Ended("PUBLISH"))?;
        let answers = [Answer::Accepted, Answer::Rejected].map(|answer| (topic(answer).to_string(), answer));
        let answered = async {
            loop {
                let (topic, payload) = self.session.message().await?;
                if let Some((_, answer)) = answers.iter().find(|(name, _)| *name == topic) {
                    return Ok((*answer, payload));
                }
            }
        };
        let timeout = Duration::from_secs(ANSWER_TIMEOUT_S);
        tokio::time::timeout(timeout, answered).await.map_err(|_| SessionError::Timeout("answer"))?
    }

    pub(super) async fn leave(mut self) {
        self.session.disconnect(&self.client).await;
    }
}
