//! Accepting connections, each in a task of its own, so that no peer can hold up another.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use super::Broker;
use super::close::{CloseReason, End};
use super::connect::{begin, establish};
use super::half_open::{HalfOpen, Place};
use super::refusal::Refusal;
use crate::limits::{DRAIN_TIMEOUT, UNAUTHENTICATED_PEERS_MAX};

/// Pause after the operating system has run out of something.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The listener failed for good.
#[derive(Debug, thiserror::Error)]
#[error("cannot accept connections any more")]
pub struct ServeError(#[source] io::Error);

/// Serves until `shutdown` completes; then ends every connection made here and returns when that is durable.
pub(crate) async fn serve(
    broker: Arc<Broker>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (stop, stopping) = watch::channel(false);
    let half_open = HalfOpen::new(UNAUTHENTICATED_PEERS_MAX);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let result = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(&broker, ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let place = half_open.enter(peer.ip());
                    connections.spawn(connection(Arc::clone(&broker), stream, peer, place, stopping.clone()));
                }
                Err(error) if is_about_one_peer(&error) => tracing::debug!(%error, "accept"),
                Err(error) if is_exhaustion(&error) => {
                    tracing::warn!(%error, "accept");
                    sleep(ACCEPT_RETRY).await;
                }
                Err(error) => break Err(ServeError(error)),
            },
        }
    };
    // Whoever comes now is refused, and does not wait for nothing.
    drop(listener);
    stop.send_replace(true);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(&broker, ended);
        }
    };
    if timeout(DRAIN_TIMEOUT * 2, all_ended).await.is_err() {
        tracing::warn!(left = connections.len(), "connections did not end in time");
        connections.shutdown().await;
    }
    result
}

/// A connection's task ends by itself; one that panicked has found a bug.
fn report(broker: &Broker, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        broker.counters.panicked.add(1);
        tracing::error!(%error, "a bug: a connection's task ended without cleaning up");
    }
}

fn is_about_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn is_exhaustion(error: &io::Error) -> bool {
    // ENOMEM, ENFILE, EMFILE and ENOBUFS of Linux: they pass.
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105))
}

/// One peer, from its first byte to the end of its presence.
async fn connection(
    broker: Arc<Broker>,
    stream: TcpStream,
    peer: SocketAddr,
    mut place: Place,
    mut stopping: watch::Receiver<bool>,
) {
    // Boxed, so that a connection does not keep the room that its handshake needed.
    let handshake = AssertUnwindSafe(Box::pin(establish(&broker, stream))).catch_unwind();
    let established = tokio::select! {
        established = handshake => established.unwrap_or(Err(Refusal::Bug)),
        () = place.displaced() => Err(Refusal::Displaced),
        Ok(_) = stopping.wait_for(|stop| *stop) => return,
    };
    let begun = match established {
        Ok(established) => Box::pin(begin(&broker, established, peer)).await,
        Err(refusal) => Err(refusal),
    };
    drop(place);
    let mut connection = match begun {
        Ok(connection) => connection,
        Err(refusal) => {
            broker.counters.refused.add(1);
            if matches!(refusal, Refusal::Bug) {
                broker.counters.panicked.add(1);
                tracing::error!(%peer, reason = %refusal, "connection refused");
            } else {
                tracing::info!(%peer, reason = %refusal, "connection refused");
            }
            return;
        }
    };
    broker.counters.accepted.add(1);
    let end = tokio::select! {
        end = AssertUnwindSafe(connection.run()).catch_unwind() => {
            end.unwrap_or_else(|_| {
                broker.counters.panicked.add(1);
                End::new(CloseReason::ServerError, "a bug: the connection's task panicked")
            })
        }
        Ok(_) = stopping.wait_for(|stop| *stop) => End::new(CloseReason::ServerInitiated, "shutting down"),
    };
    connection.finish(end).await;
}
