//! The broker: certificates, connections, persistent sessions, named shadows, lifecycle events.
//!
//! All that it knows but the connections is durable. Shadows are the embedded IoT Core's own ("Device Shadow service
//! documents"); what its rules forward and what its clients are sent goes out through [`Broker::take_out`], and the world
//! decides when it arrives.

use marvain_domain::id::SatelliteId;
use marvain_iotcore::{
    names::{ShadowName as IotShadowName, ThingName},
    shadow::{Shadow, ShadowAddress},
};
use marvain_topics::{ShadowName, ShadowOp, Topic};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Messages kept for a client that is away; further ones are let go, as AWS IoT Core does with an expired session.
const SESSION_MESSAGES_MAX: usize = 100;

/// Something that leaves the broker.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Out {
    /// To a client, on this connection.
    Message { thing: SatelliteId, connection: u64, topic: Topic, payload: Vec<u8> },
    /// To the rule that takes this topic.
    Rule { topic: Topic, principal: Option<String>, payload: Vec<u8> },
    /// A connection has ended.
    Closed { thing: SatelliteId, connection: u64 },
}

#[derive(Default)]
struct Client {
    connection: Option<u64>,
    /// Counts connects, as lifecycle events have it.
    version: u64,
    certificate: String,
    subscribed: BTreeSet<String>,
    waiting: VecDeque<(Topic, Vec<u8>)>,
}

#[derive(Default)]
pub(crate) struct Broker {
    pub(crate) now_ms: u64,
    certificates: BTreeMap<String, (SatelliteId, bool)>,
    clients: BTreeMap<SatelliteId, Client>,
    shadows: BTreeMap<(SatelliteId, &'static str), Shadow>,
    connections: u64,
    out: Vec<Out>,
}

impl Broker {
    /// A certificate for this thing, trusted.
    pub(crate) fn certify(&mut self, thing: &SatelliteId) -> String {
        let n = self.certificates.len();
        let id = hex::encode(Sha256::digest(format!("certificate {n} of {thing}")));
        self.certificates.insert(id.clone(), (thing.clone(), true));
        id
    }

    /// Trusts a certificate no more and ends its connections.
    pub(crate) fn revoke(&mut self, certificate: &str) {
        if let Some((_, trusted)) = self.certificates.get_mut(certificate) {
            *trusted = false;
        }
        let theirs = self.clients.iter().filter(|(_, client)| client.certificate == certificate);
        let theirs: Vec<_> = theirs.map(|(thing, _)| thing.clone()).collect();
        for thing in theirs {
            self.close(&thing, "FORBIDDEN_ACCESS");
        }
    }

    pub(crate) fn is_trusted(&self, certificate: &str) -> bool {
        self.certificates.get(certificate).is_some_and(|(_, trusted)| *trusted)
    }

    pub(crate) fn connection(&self, thing: &SatelliteId) -> Option<u64> {
        self.clients.get(thing)?.connection
    }

    /// Version and connectedness, as lifecycle events tell them.
    pub(crate) fn presence(&self, thing: &SatelliteId) -> (u64, bool) {
        self.clients.get(thing).map_or((0, false), |client| (client.version, client.connection.is_some()))
    }

    pub(crate) fn desired(&self, thing: &SatelliteId, name: ShadowName) -> Value {
        let shadow = self.shadows.get(&(thing.clone(), name.as_str()));
        shadow.map_or(Value::Null, |shadow| Value::Object(shadow.desired().clone()))
    }

    /// Accepts a connection; an earlier one of the same client ends.
    pub(crate) fn connect(&mut self, thing: &SatelliteId, certificate: &str) -> Option<u64> {
        if self.certificates.get(certificate) != Some(&(thing.clone(), true)) {
            return None;
        }
        self.close(thing, "DUPLICATE_CLIENTID");
        self.connections += 1;
        let connection = self.connections;
        let client = self.clients.entry(thing.clone()).or_default();
        client.version += 1;
        client.connection = Some(connection);
        client.certificate = certificate.to_owned();
        let waiting = std::mem::take(&mut client.waiting);
        let version = client.version;
        self.lifecycle(thing, version, true, None);
        for (topic, payload) in waiting {
            self.out.push(Out::Message { thing: thing.clone(), connection, topic, payload });
        }
        Some(connection)
    }

    pub(crate) fn subscribe(&mut self, thing: &SatelliteId, topics: &[Topic]) {
        if let Some(client) = self.clients.get_mut(thing) {
            client.subscribed.extend(topics.iter().map(ToString::to_string));
        }
    }

    /// Ends the client's connection, if it has one.
    pub(crate) fn close(&mut self, thing: &SatelliteId, reason: &str) {
        let Some(client) = self.clients.get_mut(thing) else { return };
        let Some(connection) = client.connection.take() else { return };
        let version = client.version;
        self.out.push(Out::Closed { thing: thing.clone(), connection });
        self.lifecycle(thing, version, false, Some(reason));
    }

    /// The broker's process ends: all connections with it, and it says so when it is back.
    pub(crate) fn restart(&mut self) {
        let all: Vec<_> = self.clients.keys().cloned().collect();
        all.iter().for_each(|thing| self.close(thing, "SERVER_ERROR"));
    }

    fn lifecycle(&mut self, thing: &SatelliteId, version: u64, connected: bool, reason: Option<&str>) {
        let thing = thing.clone();
        let payload = json!({
            "clientId": thing, "timestamp": self.now_ms, "versionNumber": version, "disconnectReason": reason,
            "eventType": if connected { "connected" } else { "disconnected" },
        });
        let topic = if connected { Topic::Connected { thing } } else { Topic::Disconnected { thing } };
        self.out.push(Out::Rule { topic, principal: None, payload: payload.to_string().into_bytes() });
    }

    /// Merges into the desired state of a shadow.
    pub(crate) fn desire(&mut self, thing: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), String> {
        self.update(thing, name, json!({"state": {"desired": desired}}).to_string().as_bytes(), None)
    }

    /// A client's request on a shadow topic.
    pub(crate) fn request(&mut self, thing: &SatelliteId, name: ShadowName, op: ShadowOp, payload: &[u8], by: &str) {
        match op {
            ShadowOp::Update => {
                if let Err(why) = self.update(thing, name, payload, Some(by)) {
                    self.publish(thing, name, ShadowOp::UpdateRejected, why.into_bytes());
                }
            }
            ShadowOp::Get => {
                let Some(address) = address(thing, name) else { return };
                let current = self.shadows.get(&(thing.clone(), name.as_str()));
                let (op, payload) = match Shadow::get(current, &address, payload, self.now_ms / 1000) {
                    Ok(payload) => (ShadowOp::GetAccepted, payload),
                    Err(rejected) => (ShadowOp::GetRejected, rejected.payload(self.now_ms / 1000)),
                };
                self.publish(thing, name, op, payload);
            }
            _ => {}
        }
    }

    fn update(
        &mut self,
        thing: &SatelliteId,
        name: ShadowName,
        request: &[u8],
        by: Option<&str>,
    ) -> Result<(), String> {
        let key = (thing.clone(), name.as_str());
        let updated = Shadow::update(self.shadows.get(&key), request, self.now_ms / 1000)
            .map_err(|rejected| String::from_utf8_lossy(&rejected.payload(self.now_ms / 1000)).into_owned())?;
        self.shadows.insert(key, updated.shadow);
        if let Some(delta) = updated.delta {
            self.publish(thing, name, ShadowOp::UpdateDelta, delta);
        }
        if name == ShadowName::Presence {
            let topic = Topic::Shadow { thing: thing.clone(), name, op: ShadowOp::UpdateDocuments };
            let principal = by.map(str::to_owned);
            self.out.push(Out::Rule { topic, principal, payload: updated.documents });
        }
        Ok(())
    }

    /// To the shadow's own thing, if it has subscribed; what it misses waits in its session.
    fn publish(&mut self, thing: &SatelliteId, name: ShadowName, op: ShadowOp, payload: Vec<u8>) {
        let topic = Topic::Shadow { thing: thing.clone(), name, op };
        let Some(client) = self.clients.get_mut(thing) else { return };
        if !client.subscribed.contains(&topic.to_string()) {
            return;
        }
        match client.connection {
            Some(connection) => self.out.push(Out::Message { thing: thing.clone(), connection, topic, payload }),
            None if client.waiting.len() < SESSION_MESSAGES_MAX => client.waiting.push_back((topic, payload)),
            None => {}
        }
    }

    /// All that has left the broker since the last look, in order.
    pub(crate) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }
}

fn address(thing: &SatelliteId, name: ShadowName) -> Option<ShadowAddress> {
    let thing = ThingName::parse(thing.as_str()).ok()?;
    Some(ShadowAddress { thing, name: Some(IotShadowName::parse(name.as_str()).ok()?) })
}
