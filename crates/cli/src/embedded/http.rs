//! The API's connections: a bounded number, none of which can hold up the hub's end.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{pin::pin, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time,
};

/// Most connections at a time. Who comes then waits until one has ended.
const CONNECTIONS_MAX: usize = 256;
/// Longest that the head of a request may take, in seconds.
const HEAD_S: u64 = 10;
/// How long requests that are being answered when the hub stops may go on, in seconds.
const DRAIN_S: u64 = 3;
/// Pause when the system gives no connection, in milliseconds.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Serves until `stopped` says so, and then until what was asked before is answered, at most [`DRAIN_S`] long. Nothing of
/// the router is left when it returns.
pub(super) async fn serve(listener: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stop = pin!(super::stopping(stopped.clone()));
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the API takes no connection");
                    time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if time::timeout(Duration::from_secs(DRAIN_S), ended).await.is_err() {
        tracing::warn!(requests = connections.len(), "cut off: they were not finished in {DRAIN_S} s");
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, router: Router, stopped: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_S))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = super::stopping(stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the API broke off");
    }
}
