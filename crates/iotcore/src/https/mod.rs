//! The data plane and the control plane of AWS IoT over HTTPS: AWS's REST paths, JSON and error types.
//!
//! Who calls is known by the signature of the request (AWS Signature Version 4, by one of the given access keys: an operator,
//! who may do everything) or by the client certificate of the connection (a device, which its policies allow what its data plane
//! has). Developer Guide, "Device communication protocols", HTTPS, and "Protocols, port mappings, and authentication"; API
//! Reference; paths and members as in botocore's models `iot`, `iot-data` and `iot-jobs-data`.
//!
//! Left out: thing types, dynamic groups, tags.

mod caller;
mod connectivity;
mod control;
mod data;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzzing;
mod page;
mod reply;
mod request;
mod route;
mod server;
mod sigv4;
mod tls;

#[cfg(any(test, feature = "fuzzing"))]
pub use fuzzing::fuzz_requests;
pub use sigv4::{AccessKey, AccessKeyError};

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::core::{IotCore, ServeError};
use crate::error::Error;
use sigv4::Keys;

/// What the connections share.
struct Https {
    core: IotCore,
    keys: Keys,
    tls: TlsAcceptor,
}

/// The listener could not be set up, or has ended though nobody asked for it.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// TLS could not be set up.
    #[error(transparent)]
    Setup(#[from] Error),
    /// It was served, and ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl IotCore {
    /// Answers requests over HTTPS until `shutdown` completes, then finishes those that are being answered. `access_keys` are
    /// those of operators, who sign their requests and may do everything; devices show their certificates.
    ///
    /// # Errors
    /// [`HttpsError`], when it could not begin or the core was closed; failures of single peers are logged.
    pub async fn serve_https(
        &self,
        listener: TcpListener,
        access_keys: Vec<AccessKey>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), HttpsError> {
        let tls = tls::acceptor(&self.broker)?;
        let https = Arc::new(Https { core: self.clone(), keys: Keys::new(access_keys), tls });
        let mut closed = false;
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = self.broker.store.ended() => closed = true,
            }
        };
        server::serve(https, listener, stop).await;
        if closed { Err(ServeError::Closed.into()) } else { Ok(()) }
    }
}
