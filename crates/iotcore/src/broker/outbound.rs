//! From mailbox, durable queue and retained messages to the socket, and the client's acknowledgements back.

use std::sync::Arc;

use super::close::End;
use super::codec::TooLarge;
use super::connection::{Connection, Unacked};
use super::handed::Kept;
use super::mailbox::Delivery;
use super::{handover, queue, retained};
use crate::message::{Expiry, Message, QoS};
use crate::policy::{Action, Resource};
use crate::store::{StoreError, Tx};
use crate::topic::SubscribedFilter;

/// Encoded packets that may wait for the socket; beyond, messages stay where they are.
pub(super) const OUT_BYTES_MAX: usize = 32 * 1024;

impl Connection {
    /// Encodes messages while there is room: by turns of QoS 0 and of QoS 1, so that neither holds up the other.
    pub(super) async fn fill_out(&mut self) -> Result<(), End> {
        let mut any = true;
        while any && self.wire.out.len() < OUT_BYTES_MAX {
            let qos0 = self.connected.mailbox.pop_qos0();
            any = qos0.is_some();
            if let Some(message) = qos0 {
                self.deliver(&message, QoS::AtMostOnce, Kept::Nowhere, None).await?;
            }
            any |= self.fill_qos1().await?;
        }
        Ok(())
    }

    /// Encodes one retained or QoS 1 message, if there is one and few enough are unacknowledged; says whether there was.
    async fn fill_qos1(&mut self) -> Result<bool, End> {
        if self.unacked.len() >= self.terms.outbound_max {
            return Ok(false);
        }
        if let Some(retained) = self.retained.pop_front() {
            let load = move |connection: &rusqlite::Connection| retained::load(connection, &retained);
            if let Some(message) = self.broker.store.read(load).await? {
                self.deliver(&message, message.qos, Kept::Nowhere, None).await?;
            }
            return Ok(true);
        }
        match self.next_qos1().await? {
            Some(Delivery { message, kept, share }) => {
                self.deliver(&message, QoS::AtLeastOnce, kept, share).await.map(|()| true)
            }
            None => Ok(false),
        }
    }

    async fn next_qos1(&mut self) -> Result<Option<Delivery>, End> {
        loop {
            if let Some(delivery) = self.backlog.pop_front() {
                return Ok(Some(delivery));
            }
            // Given back when it was used up.
            self.backlog.shrink_to_fit();
            match self.connected.mailbox.pop_qos1() {
                Some(delivery) => match delivery.kept {
                    Kept::Queued(seq) if seq <= self.cursor => {}
                    Kept::Queued(seq) => {
                        self.cursor = seq;
                        return Ok(Some(delivery));
                    }
                    Kept::Nowhere | Kept::Handed(_) => return Ok(Some(delivery)),
                },
                None => {
                    let Some(durable) = &self.session.durable else { return Ok(None) };
                    let mailbox = &self.connected.mailbox;
                    if !mailbox.begin_reading() {
                        return Ok(None);
                    }
                    let (id, cursor, handed_before) = (durable.id, self.cursor, mailbox.queued_too());
                    let page = self.broker.store.read(move |connection| queue::page(connection, id, cursor)).await?;
                    mailbox.end_reading(page.len() == queue::PAGE_MESSAGES_MAX);
                    self.cursor = page.last().map_or(cursor, |(seq, _)| *seq);
                    // Not again what this connection was handed, of which some was stored, or removed, while the queue was read.
                    let handed = mailbox.queued_too();
                    let is_new = |(seq, _): &(i64, _)| !handed_before.contains(seq) && !handed.contains(seq);
                    let delivery = |(seq, message)| Delivery { message, kept: Kept::Queued(seq), share: None };
                    self.backlog = page.into_iter().filter(is_new).map(delivery).collect();
                }
            }
        }
    }

    /// Sends a message, or forgets it if it has expired, or the client may not receive it now, or does not take one of its
    /// size. Developer Guide, "AWS IoT Core policy actions", `iot:Receive`: checked for each message that is delivered; "MQTT",
    /// message expiry; MQTT 5.0 section 3.1.2.11.4: what is too large counts as delivered.
    async fn deliver(
        &mut self,
        message: &Arc<Message>,
        qos: QoS,
        kept: Kept,
        share: Option<Arc<SubscribedFilter>>,
    ) -> Result<(), End> {
        let left_s = match message.expiry(self.broker.clock.now_ms()) {
            Expiry::Never => None,
            Expiry::In(seconds) => Some(seconds),
            Expiry::Expired => {
                self.broker.counters.expired.add(1);
                self.acked.extend(kept.settle());
                return Ok(());
            }
        };
        let may = self.may(Action::Receive, Resource::Topic(message.topic.as_str())).await;
        if let (Err(_), Some(group)) = (&may, &share) {
            // This connection ends: another member gets it.
            handover::keep(&self.broker, group, message);
        }
        if !may? {
            self.broker.counters.denied_receive.add(1);
            self.acked.extend(kept.settle());
            return Ok(());
        }
        let taken = |packet_id| self.unacked.contains_key(&packet_id);
        match self.wire.publish(message, qos, left_s, taken) {
            Ok(packet_id) => {
                if let Some(packet_id) = packet_id {
                    let shared = share.map(|group| (group, Arc::clone(message)));
                    self.unacked.insert(packet_id, Unacked { kept, shared });
                }
                self.broker.counters.messages_out.add(1);
            }
            Err(TooLarge) => {
                self.broker.counters.too_large.add(1);
                self.acked.extend(kept.settle());
            }
        }
        Ok(())
    }

    pub(super) fn on_puback(&mut self, packet_id: u16) {
        self.acked.extend(self.unacked.remove(&packet_id).and_then(|unacked| unacked.kept.settle()));
    }

    /// Removes what was acknowledged from the durable queue. Nothing waits for that: after a crash it is sent again.
    pub(super) async fn remove_acked(&mut self) -> Result<(), End> {
        if self.acked.is_empty() {
            return Ok(());
        }
        let acked = std::mem::take(&mut self.acked);
        let (session, connected) = (Arc::clone(&self.session), Arc::clone(&self.connected));
        let remove = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let Some(durable) = &session.durable else { return Ok(()) };
            let removed = queue::acknowledge(tx, durable.id, &acked)?;
            let session = Arc::clone(&session);
            tx.after_commit(move || {
                connected.mailbox.are_removed(&acked);
                if let Some(durable) = &session.durable {
                    durable.removed(removed);
                }
            });
            Ok(())
        };
        self.broker.store.submit_unhurried(remove).await?;
        Ok(())
    }
}
