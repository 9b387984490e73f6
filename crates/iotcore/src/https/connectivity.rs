//! Whether a client is connected, and what is known about that: what the data plane tells of a client and the control plane of a
//! thing.

use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::broker::ConnectionInfo;
use crate::core::IotCore;
use crate::presence::Departure;
use crate::store::StoreError;

pub(super) enum Connectivity {
    Connected(ConnectionInfo),
    Gone(Departure),
}

impl Connectivity {
    /// Of a client, if it is connected or remembered.
    pub(super) async fn of(core: &IotCore, client_id: &str) -> Result<Option<Self>, StoreError> {
        match core.connection(client_id) {
            Some(info) => Ok(Some(Self::Connected(info))),
            None => Ok(core.departure(client_id).await?.map(Self::Gone)),
        }
    }

    /// The members that `GetConnection` and `GetThingConnectivityData` share. Of a connection that has ended its session may
    /// have changed, and its socket is none any more: these are left out.
    pub(super) fn members(&self, with_socket: bool) -> Map<String, Value> {
        let mut members = Map::new();
        match self {
            Self::Connected(info) => {
                members.insert("connected".into(), true.into());
                members.insert("cleanSession".into(), (info.session_expiry_s == 0).into());
                members.insert("sessionExpiry".into(), info.session_expiry_s.into());
                members.insert("keepAliveDuration".into(), info.keep_alive_s.into());
                if with_socket {
                    members.insert("sourceIp".into(), info.ip.to_canonical().to_string().into());
                    members.insert("sourcePort".into(), info.port.into());
                    if let Some(local) = info.local {
                        members.insert("targetIp".into(), local.ip().to_canonical().to_string().into());
                        members.insert("targetPort".into(), local.port().into());
                    }
                }
            }
            Self::Gone(departure) => {
                members.insert("connected".into(), false.into());
                members.insert("disconnectReason".into(), departure.reason.clone().into());
            }
        }
        members
    }

    /// Whether there is a thing of the client id's name that the client's certificate is attached to.
    pub(super) async fn is_things(&self, core: &IotCore, client_id: &str) -> Result<bool, StoreError> {
        let certificate = match self {
            Self::Connected(info) => info.certificate_id.to_string(),
            Self::Gone(departure) => departure.certificate_id.to_string(),
        };
        let client_id = client_id.to_owned();
        let read = move |connection: &Connection| -> Result<bool, StoreError> {
            let sql = "SELECT 1 FROM thing_principals WHERE thing = ?1 AND certificate_id = ?2";
            Ok(connection.prepare_cached(sql)?.exists([client_id, certificate])?)
        };
        core.broker.store.read(read).await
    }
}
