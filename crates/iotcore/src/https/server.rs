//! Connections: a bounded number, each in a task of its own, with a bound on what a request may be and take.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use super::Https;
use super::caller::Peer;
use super::error::ApiError;
use super::reply::Reply;
use super::request::Request;
use super::route::route;
use crate::broker::HalfOpen;
use crate::ids::CertificateId;
use crate::limits::{
    CONNECT_TIMEOUT, DRAIN_TIMEOUT, HTTPS_CONNECTIONS_MAX, HTTPS_HEAD_BYTES_MAX, HTTPS_HEADERS_MAX,
    HTTPS_REQUEST_TIMEOUT, PAYLOAD_BYTES_MAX,
};

/// Pause when the operating system gives no connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// What is read of a body that is too large.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Serves until `shutdown` completes, then until what was asked before is answered, for a bounded time.
pub(super) async fn serve(https: Arc<Https>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(false);
    // For a connection too many, the address with the most loses its oldest.
    let places = HalfOpen::new(HTTPS_CONNECTIONS_MAX);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(&https, ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let mut place = places.enter(peer.ip());
                    let connection = connection(Arc::clone(&https), stream, peer, stopping.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            () = connection => {}
                            () = place.displaced() => tracing::info!(%peer, "too many HTTPS connections: this one ends"),
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(&https, ended);
        }
    };
    if timeout(DRAIN_TIMEOUT, all_ended).await.is_err() {
        tracing::warn!(left = connections.len(), "HTTPS connections did not end in time");
    }
    connections.shutdown().await;
}

fn report(https: &Https, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        https.core.broker.counters.panicked.add(1);
        tracing::error!(%error, "a bug: the task of an HTTPS connection ended without cleaning up");
    }
}

async fn connection(https: Arc<Https>, stream: TcpStream, peer: SocketAddr, mut stopping: watch::Receiver<bool>) {
    // Whether it is told, or the one who would tell is gone.
    let mut stopped = pin!(async { drop(stopping.wait_for(|stop| *stop).await) });
    let handshake = timeout(CONNECT_TIMEOUT, https.tls.accept(stream));
    let stream = tokio::select! {
        handshake = handshake => match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake"),
            Err(_) => return tracing::debug!(%peer, "no TLS handshake in time"),
        },
        () = stopped.as_mut() => return,
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.map(|certificate| CertificateId::of_der(certificate));
    let peer_of_requests = Peer { certificate, ip: peer.ip() };
    let service = service_fn(|request| {
        let https = Arc::clone(&https);
        async move { Ok::<_, Infallible>(answer(&https, peer_of_requests, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTPS_REQUEST_TIMEOUT)
        .max_headers(HTTPS_HEADERS_MAX)
        .max_buf_size(HTTPS_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.as_mut() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTPS connection broke off");
    }
}

async fn answer(https: &Https, peer: Peer, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
    let mut request_id = [0; 16];
    https.core.broker.entropy.fill(&mut request_id);
    let request_id = super::reply::uuid(request_id);
    let answered = match read(request).await {
        Ok(request) => route(https, peer, &request).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(reply) => reply.response(&request_id),
        Err(error) => {
            tracing::info!(request_id, %error, "an HTTPS request was refused");
            Reply::refusal(&error, &request_id).response(&request_id)
        }
    }
}

/// The whole request, within its bounds.
async fn read(request: http::Request<Incoming>) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    match timeout(HTTPS_REQUEST_TIMEOUT, collect(body)).await {
        Ok(body) => Request::new(head, body?),
        Err(_) => Err(ApiError::invalid("the body did not come in time")),
    }
}

/// The body. Of one that is too large some more is read, so that a client that sends all of it before it listens hears why.
async fn collect(mut body: Incoming) -> Result<Bytes, ApiError> {
    let (mut kept, mut discarded) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::invalid("the body is not complete"))?;
        let Some(data) = frame.data_ref() else { continue };
        if discarded == 0 && kept.len() + data.len() <= PAYLOAD_BYTES_MAX {
            kept.extend_from_slice(data);
        } else {
            discarded += data.len();
        }
        if discarded > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if discarded == 0 { Ok(kept.freeze()) } else { Err(ApiError::too_large()) }
}
