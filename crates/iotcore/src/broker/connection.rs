//! One client's connection: a task that reads, writes, and completes what it has promised, in order.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::Broker;
use super::close::{CloseReason, End};
use super::codec::{Inbound, Reason, Version, Wire};
use super::connect::say_goodbye;
use super::ending::Ending;
use super::grants::Grants;
use super::handed::Kept;
use super::live::Connected;
use super::mailbox::Delivery;
use super::outbound::OUT_BYTES_MAX;
use super::rate::Rates;
use super::reader::Reader;
use super::retained::Retained;
use super::router::{Session, Unplaced};
use crate::limits::{DRAIN_TIMEOUT, INBOUND_UNACKED_MAX, RETAINED_WAITING_MAX};
use crate::policy::{Action, Resource};
use crate::topic::SubscribedFilter;

/// What a client is told when what it asked for is done.
#[derive(Debug)]
pub(super) enum Done {
    Nothing,
    Puback(u16),
    /// A PUBLISH was refused; only MQTT 5 can say so.
    Refused {
        packet_id: u16,
        reason: Reason,
        why: String,
    },
    Suback {
        packet_id: u16,
        reasons: Vec<Reason>,
        retained: Vec<Retained>,
    },
    Unsuback {
        packet_id: u16,
        reasons: Vec<Reason>,
    },
}

impl Done {
    /// The same for a message that was delivered, but not retained, because too many are: only MQTT 5 can say so. Developer
    /// Guide, "MQTT reason codes", PUBACK.
    pub(super) fn without_retaining(self, version: Version) -> Self {
        match (self, version) {
            (Self::Puback(packet_id), Version::V5) => {
                let why = "delivered, but not retained: too many messages are".into();
                Self::Refused { packet_id, reason: Reason::QuotaExceeded, why }
            }
            (done, _) => done,
        }
    }
}

pub(super) type Promise = BoxFuture<'static, Result<Done, End>>;

/// Writes some of `out`, or flushes when there is nothing to write; says whether it flushed. May be cancelled without loss.
async fn write_or_flush(writer: &mut (impl AsyncWrite + Unpin), out: &mut BytesMut) -> io::Result<bool> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    writer.write_buf(out).await?;
    if out.is_empty() && out.capacity() > IDLE_OUT_BYTES {
        *out = BytesMut::new();
    }
    Ok(false)
}

/// An idle connection's encode buffer is given back when it grew beyond this.
const IDLE_OUT_BYTES: usize = 1024;

/// A message that was sent and is not acknowledged.
#[derive(Debug)]
pub(super) struct Unacked {
    /// Where it is besides.
    pub(super) kept: Kept,
    /// The message, if another member of this group gets it when this one does not acknowledge it.
    pub(super) shared: Option<Unplaced>,
}

/// What CONNECT and CONNACK have agreed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How long the client may be silent.
    pub(super) silence_max: Duration,
    /// QoS 1 messages on their way to the client without its PUBACK. MQTT 5.0 section 3.1.2.11.3.
    pub(super) outbound_max: usize,
    /// How long the session outlives the connection.
    pub(super) expiry_s: u32,
}

pub(crate) struct Connection {
    pub(super) broker: Arc<Broker>,
    pub(super) connected: Arc<Connected>,
    pub(super) session: Arc<Session>,
    grants: Grants,
    pub(super) wire: Wire,
    reader: Reader<ReadHalf<TlsStream<TcpStream>>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
    pub(super) terms: Terms,
    /// What it has sent, if it may not send at any rate.
    pub(super) rates: Option<Box<Rates>>,
    /// What was asked and is not done yet, in the order it was asked.
    pub(super) promises: FuturesOrdered<Promise>,
    /// What is subscribed to, or will be when the promise to do so is kept.
    pub(super) filters: BTreeSet<SubscribedFilter>,
    /// QoS 1 messages sent and not acknowledged, by packet id.
    pub(super) unacked: HashMap<u16, Unacked>,
    /// Numbers of what was acknowledged and is still in the durable queue.
    pub(super) acked: Vec<i64>,
    /// Read from the durable queue and not sent yet.
    pub(super) backlog: VecDeque<Delivery>,
    /// Retained messages that were asked for and are not sent yet.
    pub(super) retained: VecDeque<Retained>,
    /// The number of the last message taken from the durable queue.
    pub(super) cursor: i64,
}

impl Connection {
    #[expect(clippy::too_many_arguments, reason = "the parts of a connection, put together in one place")]
    pub(super) fn new(
        broker: Arc<Broker>,
        connected: Arc<Connected>,
        session: Arc<Session>,
        grants: Grants,
        wire: Wire,
        reader: Reader<ReadHalf<TlsStream<TcpStream>>>,
        writer: WriteHalf<TlsStream<TcpStream>>,
        terms: Terms,
    ) -> Self {
        let filters = broker.router.filters(&session).into_iter().collect();
        let rates = broker.config.aws_rates.then(|| Box::new(Rates::new()));
        Self {
            broker,
            connected,
            session,
            grants,
            wire,
            reader,
            writer,
            terms,
            rates,
            promises: FuturesOrdered::new(),
            filters,
            unacked: HashMap::new(),
            acked: Vec::new(),
            backlog: VecDeque::new(),
            retained: VecDeque::new(),
            cursor: 0,
        }
    }

    /// Runs until the connection ends, and says why.
    pub(crate) async fn run(&mut self) -> End {
        match self.serve().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        let began = Instant::now();
        let mut heard = began;
        let mut was_paused = false;
        let silence_max = self.terms.silence_max;
        let silence = sleep_until(heard + silence_max);
        let mut silence = std::pin::pin!(silence);
        let mut unflushed = true;
        loop {
            if let Some(reason) = self.connected.mailbox.close_reason() {
                return Err(End::new(reason, "closed by the broker"));
            }
            while self.has_room() && self.pause(began).is_none() {
                let Some(packet) = self.reader.next(&mut self.wire)? else { break };
                if let (Inbound::Publish(_), Some(rates)) = (&packet, &mut self.rates) {
                    rates.published(began.elapsed());
                }
                self.on_packet(packet).await?;
            }
            // All acknowledgements of one commit leave together.
            while let Some(Some(done)) = self.promises.next().now_or_never() {
                self.on_done(done?)?;
            }
            self.fill_out().await?;
            self.remove_acked().await?;
            unflushed |= !self.wire.out.is_empty();
            let pause = self.pause(began);
            if pause.is_some() && !was_paused {
                self.broker.counters.throttled.add(1);
            }
            was_paused = pause.is_some();
            let can_read = self.reader.is_empty() && self.has_room() && pause.is_none();
            tokio::select! {
                Some(done) = self.promises.next(), if !self.promises.is_empty() => self.on_done(done?)?,
                filled = self.reader.fill(), if can_read => {
                    let bytes = filled?;
                    heard = Instant::now();
                    if let Some(rates) = &mut self.rates {
                        rates.received(bytes, began.elapsed());
                    }
                }
                // Who is not listened to is not silent.
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => heard = Instant::now(),
                flushed = write_or_flush(&mut self.writer, &mut self.wire.out), if unflushed => unflushed = !flushed?,
                () = self.connected.mailbox.woken() => {}
                () = &mut silence => {
                    if heard.elapsed() >= silence_max {
                        return Err(End::new(CloseReason::KeepAliveTimeout, "nothing was heard"));
                    }
                    silence.as_mut().reset(heard + silence_max);
                }
            }
        }
    }

    /// Whether more may be asked: a client that does not wait for its answers, or does not read them, is not read either.
    fn has_room(&self) -> bool {
        self.promises.len() < INBOUND_UNACKED_MAX && self.wire.out.len() < OUT_BYTES_MAX
    }

    /// How long the client is not read, because it has sent faster than it may. `began` is when it began to.
    fn pause(&self, began: Instant) -> Option<Duration> {
        self.rates.as_ref()?.pause(began.elapsed())
    }

    /// Promises are told in the order they were made, whichever is kept first.
    pub(super) fn promise(&mut self, promise: Promise) {
        self.promises.push_back(promise);
    }

    /// Like [`Connection::promise`], for what is done already.
    pub(super) fn done(&mut self, done: Done) -> Result<(), End> {
        if self.promises.is_empty() {
            return self.on_done(done);
        }
        self.promises.push_back(Box::pin(std::future::ready(Ok(done))));
        Ok(())
    }

    fn on_done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Nothing => {}
            Done::Puback(packet_id) => self.wire.puback(packet_id, Reason::Success, ""),
            Done::Refused { packet_id, reason, why } => self.wire.puback(packet_id, reason, &why),
            Done::Suback { packet_id, reasons, retained } => {
                self.wire.suback(packet_id, &reasons);
                self.retained.extend(retained);
                if self.retained.len() > RETAINED_WAITING_MAX {
                    return Err(End::new(CloseReason::Throttled, "too many retained messages were asked for"));
                }
            }
            Done::Unsuback { packet_id, reasons } => self.wire.unsuback(packet_id, &reasons),
        }
        Ok(())
    }

    /// Whether a policy allows the client to do this, as the policies are now.
    pub(super) async fn may(&mut self, action: Action, resource: Resource<'_>) -> Result<bool, End> {
        if !self.grants.are_current(&self.broker) {
            let Connected { certificate_id, client_id, ip, .. } = &*self.connected;
            self.grants = Grants::load(&self.broker, *certificate_id, client_id).await?.seen_from(*ip);
            if !self.grants.are_active() {
                return Err(End::new(CloseReason::ForbiddenAccess, "the certificate is no longer active"));
            }
        }
        Ok(self.grants.allow(&self.broker, &self.connected.client_id, action, resource))
    }

    /// Ends the connection and its presence, durably.
    pub(crate) async fn finish(mut self, end: End) {
        let Connected { client_id, mailbox, .. } = &*self.connected;
        match end.reason {
            CloseReason::ServerError => {
                tracing::error!(?client_id, reason = %end.reason, why = end.why, "disconnected")
            }
            _ => tracing::info!(?client_id, reason = %end.reason, why = end.why, "disconnected"),
        }
        self.session.detach(mailbox);
        if end.reason != CloseReason::ServerError {
            self.drain().await;
        }
        self.give_back().await;
        if let Some((reason, why)) = end.told() {
            self.wire.disconnect(reason, why);
        }
        say_goodbye(&mut self.wire, &mut self.writer).await;
        let acked = self.remove_acked().await;
        let ended = self.end_presence(&end).await;
        // Only now: what this connection had asked the writer for is done, a last subscription among it.
        if self.session.durable.is_none() {
            self.broker.router.remove(&self.session);
        }
        self.broker.live.remove(&self.connected);
        if let Err(error) = acked.and(ended) {
            // The mark stays in the store: what is owed is tried again, and by the next start at last.
            tracing::error!(client_id = ?self.connected.client_id, error = error.why, "presence not ended");
        }
    }

    /// Publishes that were read from the socket are carried out, and acknowledged if the peer still listens.
    async fn drain(&mut self) {
        let drain = async {
            while let Some(done) = self.promises.next().await {
                self.on_done(done?)?;
            }
            Ok::<_, End>(())
        };
        // Whatever a rule's target or the hook does, the presence of the client must end.
        match AssertUnwindSafe(timeout(DRAIN_TIMEOUT, drain)).catch_unwind().await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(end))) => tracing::warn!(why = end.why, "a publish was not carried out"),
            Ok(Err(_)) => tracing::warn!("publishes were not carried out in time"),
            Err(_) => {
                self.broker.counters.panicked.add(1);
                tracing::error!("a bug: what was to be carried out at the end of a connection panicked");
            }
        }
    }

    async fn end_presence(&mut self, end: &End) -> Result<(), End> {
        // As at its CONNECT: not beyond what the broker allows.
        let expiry_s_max = u32::try_from(self.broker.config.session_expiry_s).unwrap_or(u32::MAX);
        let ending = Ending {
            connected: Arc::clone(&self.connected),
            session_id: self.session.durable.as_ref().map(|durable| durable.id),
            reason: end.reason,
            with_will: end.publishes_will(),
            expiry_s: end.goodbye.and_then(|goodbye| goodbye.expiry_s).map(|asked_s| asked_s.min(expiry_s_max)),
        };
        Ok(ending.settle(&self.broker).await?)
    }
}
