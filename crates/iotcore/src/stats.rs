//! Counters of what the broker does.

use std::sync::atomic::{AtomicU64, Ordering};

/// What has been counted since [`IotCore::open`](crate::IotCore::open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections now, after their CONNACK.
    pub connections: u64,
    /// Connections that reached CONNACK.
    pub accepted: u64,
    /// Peers turned away before CONNACK: no valid certificate, no permission, too slow, too many.
    pub refused: u64,
    /// Bugs that ended one connection and no other: panics in its task.
    pub panicked: u64,
    /// PUBLISH packets received.
    pub messages_in: u64,
    /// PUBLISH packets sent.
    pub messages_out: u64,
    /// QoS 0 messages dropped because their subscriber was too slow.
    pub dropped_qos0: u64,
    /// QoS 1 messages dropped because the queue of a persistent session was full.
    pub dropped_queue_full: u64,
    /// Messages not delivered because they had expired.
    pub expired: u64,
    /// Messages not delivered because their subscriber takes no packets of their size.
    pub too_large: u64,
    /// Messages not delivered because no policy allows their subscriber to receive them.
    pub denied_receive: u64,
    /// QoS 1 messages put into the durable queues of sessions.
    pub queued: u64,
    /// Messages published to be retained that were not, because too many are.
    pub dropped_retained: u64,
    /// Messages dropped because too many waited for a rule whose target does not take them.
    pub dropped_outbox: u64,
    /// Times that a connection was not read for a while because it sent faster than AWS lets it.
    pub throttled: u64,
    /// Messages of Basic Ingest for rules that do not exist.
    pub rule_not_found: u64,
    /// Messages of shared subscriptions that no member of their group could take.
    pub dropped_shared: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) panicked: Counter,
    pub(crate) messages_in: Counter,
    pub(crate) messages_out: Counter,
    pub(crate) dropped_qos0: Counter,
    pub(crate) dropped_queue_full: Counter,
    pub(crate) expired: Counter,
    pub(crate) too_large: Counter,
    pub(crate) denied_receive: Counter,
    pub(crate) queued: Counter,
    pub(crate) dropped_retained: Counter,
    pub(crate) dropped_outbox: Counter,
    pub(crate) throttled: Counter,
    pub(crate) rule_not_found: Counter,
    pub(crate) dropped_shared: Counter,
}

impl Counters {
    pub(crate) fn read(&self, connections: usize) -> Stats {
        Stats {
            connections: connections as u64,
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            panicked: self.panicked.get(),
            messages_in: self.messages_in.get(),
            messages_out: self.messages_out.get(),
            dropped_qos0: self.dropped_qos0.get(),
            dropped_queue_full: self.dropped_queue_full.get(),
            expired: self.expired.get(),
            too_large: self.too_large.get(),
            denied_receive: self.denied_receive.get(),
            queued: self.queued.get(),
            dropped_retained: self.dropped_retained.get(),
            dropped_outbox: self.dropped_outbox.get(),
            throttled: self.throttled.get(),
            rule_not_found: self.rule_not_found.get(),
            dropped_shared: self.dropped_shared.get(),
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
