//! The connection to the broker: MQTT 3.1.1 over TLS with a client certificate, connected again whenever it falls.
//!
//! It keeps nothing: what was published and not acknowledged when a connection falls is published again from the spool.

mod backoff;
mod session;
mod tls;

pub(crate) use backoff::delay_ms;
pub(crate) use session::{Session, SessionError, Target, subscribe};
pub use tls::TlsError;
pub(crate) use tls::client_config;

use crate::{config::Endpoint, core::Token, ports::Entropy};
use bytes::Bytes;
use marvain_domain::chain;
use marvain_topics::Topic;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, mpsc};

/// Messages on their way to and from the connection.
const QUEUE_MAX: usize = 256;
/// Longest that a connection attempt may take, in seconds.
pub(crate) const CONNECT_TIMEOUT_S: u64 = 20;
/// Longest that the broker may take to accept subscriptions, in seconds.
const SUBSCRIBE_TIMEOUT_S: u64 = 20;

/// What the connection is asked to do.
#[derive(Debug)]
pub(super) enum Request {
    Subscribe(Vec<Topic>),
    Publish { topic: Topic, payload: String, token: Option<Token> },
}

/// What the connection says.
#[derive(Debug)]
pub(super) enum Event {
    Up,
    Subscribed,
    Acked(Token),
    Message { topic: Topic, payload: Bytes },
    Down,
}

/// The end of the link that the agent holds.
#[derive(Debug)]
pub(super) struct Link {
    requests: mpsc::Sender<Request>,
    events: mpsc::Receiver<Event>,
    restart: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Link {
    /// Starts connecting as `client_id`, for ever.
    pub(super) fn start(endpoint: Endpoint, client_id: String, entropy: Arc<dyn Entropy>) -> Self {
        let (requests, to_link) = mpsc::channel(QUEUE_MAX);
        let (from_link, events) = mpsc::channel(QUEUE_MAX);
        let restart = Arc::new(Notify::new());
        let task = tokio::spawn(keep_up(endpoint, client_id, entropy, to_link, from_link, Arc::clone(&restart)));
        Self { requests, events, restart, task }
    }

    /// Hands a request over. When the connection is so far behind that there is no room, it is begun anew: everything in
    /// flight comes again from the spool.
    pub(super) fn send(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::error!("the connection does not keep up and is begun anew");
            self.restart.notify_one();
        }
    }

    /// The next thing that the connection says.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Ends the connection.
    pub(super) async fn stop(self) {
        drop((self.requests, self.events));
        // The session sends its DISCONNECT when nobody asks any more.
        if tokio::time::timeout(Duration::from_secs(2), self.task).await.is_err() {
            tracing::debug!("the connection did not end in time");
        }
    }
}

async fn keep_up(
    endpoint: Endpoint,
    client_id: String,
    entropy: Arc<dyn Entropy>,
    mut requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
    restart: Arc<Notify>,
) {
    let mut attempt = 0_u32;
    loop {
        while requests.try_recv().is_ok() {}
        let mut subscribed = false;
        let ended = connection(&endpoint, &client_id, &mut requests, &events, &restart, &mut subscribed).await;
        let Err(error) = ended else { return };
        if events.send(Event::Down).await.is_err() {
            return;
        }
        attempt = if subscribed { 0 } else { attempt.saturating_add(1) };
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let delay_ms = delay_ms(attempt, u64::from_le_bytes(random));
        let cause = chain(&error);
        tracing::warn!(cause, attempt, delay_ms, "not connected");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(delay_ms)) => {}
            () = events.closed() => return,
        }
    }
}

/// One connection, from dialling to its end. `Ok` means that nobody needs it any more.
async fn connection(
    endpoint: &Endpoint,
    client_id: &str,
    requests: &mut mpsc::Receiver<Request>,
    events: &mpsc::Sender<Event>,
    restart: &Notify,
    subscribed: &mut bool,
) -> Result<(), SessionError> {
    // Read each time: a rotated certificate is used from the next connection on.
    let tls = client_config(endpoint)?;
    let target = Target { host: &endpoint.host, port: endpoint.port, client_id, clean: false };
    let (mut session, client) = Session::new(&target, tls);
    let came = session.connect(Duration::from_secs(CONNECT_TIMEOUT_S)).await?;
    tracing::info!(endpoint = %endpoint.host, port = endpoint.port, session_present = came, "connected");
    if events.send(Event::Up).await.is_err() {
        return Ok(());
    }
    let reading = async {
        loop {
            let (topic, payload) = session.message().await?;
            match topic.parse() {
                Ok(topic) => {
                    if events.send(Event::Message { topic, payload }).await.is_err() {
                        return Ok(());
                    }
                }
                Err(error) => tracing::warn!(%error, "message on an unknown topic"),
            }
        }
    };
    tokio::select! {
        ended = reading => ended,
        ended = session::serve(&client, requests, events, subscribed, Duration::from_secs(SUBSCRIBE_TIMEOUT_S)) => {
            if ended.is_ok() {
                session.disconnect(&client).await;
            }
            ended
        }
        () = restart.notified() => Err(SessionError::Behind),
    }
}
