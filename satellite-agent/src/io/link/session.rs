//! One MQTT session on rumqttc. A new client is made for each connection, so that it never sends again by itself: that is the
//! spool's to do.

use super::{Event, Request, TlsError};
use crate::core::{IN_FLIGHT_MAX, Token};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, Incoming, MqttOptions, Outgoing, PublishOptions, QoS,
    SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Seconds between pings on a silent connection.
const KEEP_ALIVE_S: u16 = 30;
/// Largest packet in bytes: AWS IoT's largest payload of 128 KB with its topic and header.
const PACKET_BYTES_MAX: usize = 132 * 1024;
/// Longest that a PUBACK may take, in seconds. A broker that throttles may never send it ("AWS IoT Core message broker
/// limits"): a new connection then sends again.
const PUBACK_TIMEOUT_S: u64 = 30;
/// Requests that rumqttc holds.
const CLIENT_QUEUE_MAX: usize = 128;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The identity's files are no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The broker refused the connection.
    #[error("the broker refused the connection: {0:?}; is the certificate active, and its policy attached?")]
    Refused(ConnectReturnCode),
    /// The connection broke, or could not be made.
    #[error("connection failed")]
    Connection(#[source] Box<ConnectionError>),
    /// Nothing came in time.
    #[error("no {0} in time")]
    Timeout(&'static str),
    /// The broker refused a subscription.
    #[error("the broker refused the subscription to `{0}`: does the policy allow it?")]
    NotSubscribed(String),
    /// The connection ended while something was waited for.
    #[error("the connection ended before the {0}")]
    Ended(&'static str),
    /// Requests came faster than they went.
    #[error("the connection did not keep up")]
    Behind,
}

impl From<ConnectionError> for SessionError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ConnectionRefused(code) => Self::Refused(code),
            other => Self::Connection(Box::new(other)),
        }
    }
}

/// With whom, and as whom.
pub(crate) struct Target<'a> {
    /// Host name or address.
    pub(crate) host: &'a str,
    /// TCP port.
    pub(crate) port: u16,
    /// MQTT client id.
    pub(crate) client_id: &'a str,
    /// Begin without, and leave, no session at the broker.
    pub(crate) clean: bool,
}

/// A session, driven by whoever awaits [`Self::message`].
pub(crate) struct Session {
    eventloop: EventLoop,
}

impl Session {
    /// Makes ready; nothing is sent yet.
    pub(crate) fn new(target: &Target<'_>, tls: Arc<rustls::ClientConfig>) -> (Self, AsyncClient) {
        let mut options = MqttOptions::new(target.client_id, (target.host, target.port));
        options
            .set_keep_alive(KEEP_ALIVE_S)
            .set_clean_session(target.clean)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX)
            .set_inflight(IN_FLIGHT_MAX)
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
        let (client, mut eventloop) = AsyncClient::builder(options).capacity(CLIENT_QUEUE_MAX).build();
        let mut network = eventloop.network_options();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(super::CONNECT_TIMEOUT_S);
        eventloop.set_network_options(network);
        (Self { eventloop }, client)
    }

    /// Waits for the broker to accept the connection. True if it has kept the session.
    pub(crate) async fn connect(&mut self, timeout: Duration) -> Result<bool, SessionError> {
        let accepted = async {
            loop {
                if let rumqttc::Event::Incoming(Incoming::ConnAck(accepted)) = self.eventloop.poll().await? {
                    return Ok(accepted.session_present);
                }
            }
        };
        tokio::time::timeout(timeout, accepted).await.map_err(|_| SessionError::Timeout("CONNACK"))?
    }

    /// Drives the session until a message comes.
    pub(crate) async fn message(&mut self) -> Result<(String, Bytes), SessionError> {
        loop {
            if let rumqttc::Event::Incoming(Incoming::Publish(publish)) = self.eventloop.poll().await? {
                return Ok((String::from_utf8_lossy(&publish.topic).into_owned(), publish.payload));
            }
        }
    }

    /// Says goodbye, so that the broker need not wait for the keep-alive.
    pub(crate) async fn disconnect(&mut self, client: &AsyncClient) {
        let goodbye = async {
            if client.disconnect_now().await.is_err() {
                return;
            }
            while let Ok(event) = self.eventloop.poll().await {
                if event == rumqttc::Event::Outgoing(Outgoing::Disconnect) {
                    return;
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(1), goodbye).await.is_err() {
            tracing::debug!("no time for DISCONNECT");
        }
    }
}

/// Carries out requests until nobody asks any more. The session has to be driven meanwhile.
pub(super) async fn serve(
    client: &AsyncClient,
    requests: &mut mpsc::Receiver<Request>,
    events: &mpsc::Sender<Event>,
    subscribed: &mut bool,
    timeout: Duration,
) -> Result<(), SessionError> {
    let mut unacked = FuturesUnordered::new();
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None => return Ok(()),
                Some(Request::Subscribe(topics)) => {
                    let topics: Vec<String> = topics.iter().map(ToString::to_string).collect();
                    subscribe(client, &topics, timeout).await?;
                    *subscribed = true;
                    if events.send(Event::Subscribed).await.is_err() {
                        return Ok(());
                    }
                }
                Some(Request::Publish { topic, payload, token }) => {
                    let options = PublishOptions::new(QoS::AtLeastOnce);
                    let notice = client.publish_tracked(topic.to_string(), payload, options).await;
                    let notice = notice.map_err(|_| SessionError::Ended("PUBLISH"))?;
                    let acked = tokio::time::timeout(Duration::from_secs(PUBACK_TIMEOUT_S), notice.wait_completion_async());
                    unacked.push(async move { acked.await.map(|acked| acked.map(|()| token)) });
                }
            },
            Some(acked) = unacked.next() => {
                let acked = acked.map_err(|_| SessionError::Timeout("PUBACK"))?;
                let token: Option<Token> = acked.map_err(|_| SessionError::Ended("PUBACK"))?;
                if let Some(token) = token
                    && events.send(Event::Acked(token)).await.is_err()
                {
                    return Ok(());
                }
            }
        }
    }
}

/// Subscribes to all of `filters` in one packet, with QoS 1.
pub(crate) async fn subscribe(client: &AsyncClient, filters: &[String], timeout: Duration) -> Result<(), SessionError> {
    let wanted = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
    let notice = client.subscribe_many_tracked(wanted).await.map_err(|_| SessionError::Ended("SUBSCRIBE"))?;
    let answer = tokio::time::timeout(timeout, notice.wait_async()).await;
    let answer = answer.map_err(|_| SessionError::Timeout("SUBACK"))?.map_err(|_| SessionError::Ended("SUBACK"))?;
    let refused = answer.return_codes.iter().zip(filters).find(|(code, _)| **code == SubscribeReasonCode::Failure);
    refused.map_or(Ok(()), |(_, filter)| Err(SessionError::NotSubscribed(filter.clone())))
}
