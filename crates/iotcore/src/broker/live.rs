//! The connections there are, by client id.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::close::CloseReason;
use super::mailbox::Mailbox;
use crate::ids::CertificateId;

/// A connected client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its MQTT client id.
    pub client_id: Arc<str>,
    /// The certificate it showed.
    pub certificate_id: CertificateId,
    /// Where it connected from.
    pub ip: IpAddr,
    /// When it connected, in milliseconds since 1970.
    pub since_ms: u64,
    /// As in its lifecycle events: 32 hex digits, of this connection alone.
    pub session_identifier: String,
}

/// A connection, as others see it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client_id: Arc<str>,
    pub(crate) certificate_id: CertificateId,
    pub(crate) ip: IpAddr,
    pub(crate) since_ms: u64,
    pub(crate) session_identifier: String,
    pub(crate) mailbox: Arc<Mailbox>,
}

#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<HashMap<Arc<str>, Arc<Connected>>>);

impl Live {
    /// Gives the client id to `connected`, and ends the connection that had it.
    pub(crate) fn insert(&self, connected: &Arc<Connected>) {
        let previous = self.0.lock().insert(Arc::clone(&connected.client_id), Arc::clone(connected));
        if let Some(previous) = previous {
            previous.mailbox.close(CloseReason::DuplicateClientId);
        }
    }

    /// Whether nobody has taken the client id from `connected`.
    pub(crate) fn is_current(&self, connected: &Arc<Connected>) -> bool {
        self.0.lock().get(&connected.client_id).is_some_and(|current| Arc::ptr_eq(current, connected))
    }

    /// Forgets `connected`, unless another one has its client id.
    pub(crate) fn remove(&self, connected: &Arc<Connected>) {
        let mut live = self.0.lock();
        if live.get(&connected.client_id).is_some_and(|current| Arc::ptr_eq(current, connected)) {
            live.remove(&connected.client_id);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(crate) fn info(&self, client_id: &str) -> Option<ConnectionInfo> {
        let live = self.0.lock();
        let connected = live.get(client_id)?;
        Some(ConnectionInfo {
            client_id: Arc::clone(&connected.client_id),
            certificate_id: connected.certificate_id,
            ip: connected.ip,
            since_ms: connected.since_ms,
            session_identifier: connected.session_identifier.clone(),
        })
    }

    /// Ends the connection of `client_id`; says whether there was one.
    pub(crate) fn close(&self, client_id: &str, reason: CloseReason) -> bool {
        let live = self.0.lock();
        let connected = live.get(client_id);
        connected.inspect(|connected| connected.mailbox.close(reason)).is_some()
    }

    /// Ends the connections of a certificate.
    pub(crate) fn close_certificate(&self, id: CertificateId, reason: CloseReason) {
        let live = self.0.lock();
        live.values()
            .filter(|connected| connected.certificate_id == id)
            .for_each(|connected| connected.mailbox.close(reason));
    }
}
