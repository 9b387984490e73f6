//! The connections there are, by client id.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;

use super::close::CloseReason;
use super::mailbox::Mailbox;
use crate::ids::CertificateId;
use crate::message::{Message, QoS};

/// A connected client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its MQTT client id.
    pub client_id: Arc<str>,
    /// The certificate it showed.
    pub certificate_id: CertificateId,
    /// Where it connected from.
    pub ip: IpAddr,
    /// The port it connected from.
    pub port: u16,
    /// Where it connected to, as this machine sees it; none if the socket was gone already.
    pub local: Option<SocketAddr>,
    /// The keep-alive that it asked for, in seconds; 0 is none.
    pub keep_alive_s: u16,
    /// How long its session outlives the connection, in seconds; 0 is a clean session.
    pub session_expiry_s: u32,
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
    pub(crate) port: u16,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) keep_alive_s: u16,
    pub(crate) session_expiry_s: u32,
    pub(crate) since_ms: u64,
    pub(crate) session_identifier: String,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Connected {
    /// Sends it what it asked for, whether or not it subscribed to that.
    pub(crate) fn reply(&self, message: Message) {
        let pushed = match message.qos {
            QoS::AtMostOnce => self.mailbox.push_qos0(Arc::new(message)),
            QoS::AtLeastOnce => self.mailbox.push_volatile(Arc::new(message)),
        };
        if pushed.is_err() {
            self.mailbox.close(CloseReason::Throttled);
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    current: HashMap<Arc<str>, Arc<Connected>>,
    /// Those whose presence is not durable yet: they have not taken their client id from anybody.
    arriving: Vec<Arc<Connected>>,
}

impl Live {
    /// Lets a revocation find `connected` from now on.
    pub(crate) fn announce(&self, connected: &Arc<Connected>) {
        self.0.lock().arriving.push(Arc::clone(connected));
    }

    /// Gives the client id to `connected`, whose presence is durable, and ends the connection that had it.
    pub(crate) fn arrive(&self, connected: &Arc<Connected>) {
        let mut live = self.0.lock();
        live.arriving.retain(|arriving| !Arc::ptr_eq(arriving, connected));
        let previous = live.current.insert(Arc::clone(&connected.client_id), Arc::clone(connected));
        if let Some(previous) = previous {
            previous.mailbox.close(CloseReason::DuplicateClientId);
        }
    }

    /// Forgets `connected`, unless another one has its client id.
    pub(crate) fn remove(&self, connected: &Arc<Connected>) {
        let mut live = self.0.lock();
        live.arriving.retain(|arriving| !Arc::ptr_eq(arriving, connected));
        if live.current.get(&connected.client_id).is_some_and(|current| Arc::ptr_eq(current, connected)) {
            live.current.remove(&connected.client_id);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().current.len()
    }

    pub(crate) fn info(&self, client_id: &str) -> Option<ConnectionInfo> {
        let live = self.0.lock();
        let connected = live.current.get(client_id)?;
        Some(ConnectionInfo {
            client_id: Arc::clone(&connected.client_id),
            certificate_id: connected.certificate_id,
            ip: connected.ip,
            port: connected.port,
            local: connected.local,
            keep_alive_s: connected.keep_alive_s,
            session_expiry_s: connected.session_expiry_s,
            since_ms: connected.since_ms,
            session_identifier: connected.session_identifier.clone(),
        })
    }

    /// Ends the connection of `client_id`; says whether there was one.
    pub(crate) fn close(&self, client_id: &str, reason: CloseReason) -> bool {
        let live = self.0.lock();
        let connected = live.current.get(client_id);
        connected.inspect(|connected| connected.mailbox.close(reason)).is_some()
    }

    /// Ends the connections of a certificate.
    pub(crate) fn close_certificate(&self, id: CertificateId, reason: CloseReason) {
        let live = self.0.lock();
        live.current
            .values()
            .chain(&live.arriving)
            .filter(|connected| connected.certificate_id == id)
            .for_each(|connected| connected.mailbox.close(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(certificate: u8) -> Arc<Connected> {
        Arc::new(Connected {
            client_id: "a".into(),
            certificate_id: CertificateId::of_der(&[certificate]),
            ip: IpAddr::from([127, 0, 0, 1]),
            port: 1,
            local: None,
            keep_alive_s: 0,
            session_expiry_s: 0,
            since_ms: 0,
            session_identifier: String::new(),
            mailbox: Arc::new(Mailbox::new(false)),
        })
    }

    #[test]
    fn who_has_not_arrived_takes_over_from_nobody_and_can_be_ended() {
        let live = Live::default();
        let (first, refused, second) = (connected(1), connected(2), connected(3));
        live.announce(&first);
        live.arrive(&first);
        live.announce(&refused);
        live.close_certificate(refused.certificate_id, CloseReason::ForbiddenAccess);
        assert_eq!(refused.mailbox.close_reason(), Some(CloseReason::ForbiddenAccess));
        live.remove(&refused);
        assert_eq!((first.mailbox.close_reason(), live.len()), (None, 1));
        live.announce(&second);
        live.arrive(&second);
        assert_eq!(first.mailbox.close_reason(), Some(CloseReason::DuplicateClientId));
        live.remove(&first);
        assert_eq!(live.info("a").unwrap().certificate_id, second.certificate_id);
        live.remove(&second);
        assert!(live.0.lock().arriving.is_empty() && live.len() == 0);
    }
}
