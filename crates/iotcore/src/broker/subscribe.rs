//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::{Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::SubackReturnCode;

use super::close::End;
use super::connection::{Connection, Done};
use super::retained::Retained;
use super::router::Session;
use super::{Broker, queue, retained, sessions};
use crate::lifecycle;
use crate::limits::{FILTERS_PER_SUBSCRIBE_MAX, SUBSCRIPTIONS_PER_CONNECTION_MAX};
use crate::message::QoS;
use crate::policy::{Action, Resource};
use crate::store::{StoreError, Tx};
use crate::topic::TopicFilter;

impl Connection {
    pub(super) async fn on_subscribe(&mut self, subscribe: v3_1_1::Subscribe) -> Result<(), End> {
        let entries = subscribe.entries();
        if entries.len() > FILTERS_PER_SUBSCRIBE_MAX {
            let count = entries.len();
            return Err(End::client_error(format!(
                "{count} filters in one SUBSCRIBE: {FILTERS_PER_SUBSCRIBE_MAX} are allowed"
            )));
        }
        let mut codes = Vec::with_capacity(entries.len());
        let mut granted = Vec::with_capacity(entries.len());
        for entry in entries {
            let qos = match entry.sub_opts().qos() {
                Qos::AtMostOnce => QoS::AtMostOnce,
                Qos::AtLeastOnce => QoS::AtLeastOnce,
                // Developer Guide, "MQTT", differences from the specification: no SUBACK is sent when QoS 2 is requested.
                Qos::ExactlyOnce => return Err(End::client_error("SUBSCRIBE with QoS 2")),
            };
            match self.grant(entry.topic_filter()).await? {
                Some(filter) => {
                    codes.push(match qos {
                        QoS::AtMostOnce => SubackReturnCode::SuccessMaximumQos0,
                        QoS::AtLeastOnce => SubackReturnCode::SuccessMaximumQos1,
                    });
                    granted.push((filter, qos));
                }
                None => codes.push(SubackReturnCode::Failure),
            }
        }
        let packet_id = subscribe.packet_id();
        if granted.is_empty() {
            return self.done(Done::Suback { packet_id, codes, retained: Vec::new() });
        }
        let (broker, session) = (Arc::clone(&self.broker), Arc::clone(&self.session));
        let job = {
            let (broker, session, connected) = (Arc::clone(&broker), Arc::clone(&session), Arc::clone(&self.connected));
            let granted = granted.clone();
            move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
                if let Some(durable) = &session.durable {
                    for (filter, qos) in &granted {
                        sessions::add_subscription(tx, durable.id, filter, *qos)?;
                    }
                }
                let filters: Vec<_> = granted.iter().map(|(filter, _)| filter.clone()).collect();
                lifecycle::subscriptions_changed(tx, &broker, &connected, true, &filters)?;
                tx.after_commit(move || {
                    // A connection that has ended meanwhile has no subscriptions.
                    if session.durable.is_some() || session.is_attached() {
                        granted.into_iter().for_each(|(filter, qos)| broker.router.subscribe(&session, filter, qos));
                    }
                });
                Ok(())
            }
        };
        let pending = broker.store.submit(job).await?;
        self.promise(Box::pin(async move {
            pending.durable().await?;
            let retained = find_retained(&broker, &session, granted).await?;
            Ok(Done::Suback { packet_id, codes, retained })
        }));
        Ok(())
    }

    /// The filter, if it is valid, allowed, and not one too many.
    async fn grant(&mut self, filter: &str) -> Result<Option<TopicFilter>, End> {
        let Ok(parsed) = TopicFilter::parse(filter) else { return Ok(None) };
        if !self.may(Action::Subscribe, Resource::TopicFilter(filter)).await? {
            tracing::info!(client_id = %self.connected.client_id, filter, "no policy allows the subscription");
            return Ok(None);
        }
        if !self.filters.contains(&parsed) && self.filters.len() >= SUBSCRIPTIONS_PER_CONNECTION_MAX {
            return Ok(None);
        }
        self.filters.insert(parsed.clone());
        Ok(Some(parsed))
    }

    pub(super) async fn on_unsubscribe(&mut self, unsubscribe: v3_1_1::Unsubscribe) -> Result<(), End> {
        let filters: Vec<_> =
            unsubscribe.entries().iter().filter_map(|entry| TopicFilter::parse(entry.as_str()).ok()).collect();
        for filter in &filters {
            self.filters.remove(filter);
        }
        let packet_id = unsubscribe.packet_id();
        let (broker, session, connected) =
            (Arc::clone(&self.broker), Arc::clone(&self.session), Arc::clone(&self.connected));
        let job = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            if let Some(durable) = &session.durable {
                for filter in &filters {
                    sessions::remove_subscription(tx, durable.id, filter)?;
                }
            }
            lifecycle::subscriptions_changed(tx, &broker, &connected, false, &filters)?;
            tx.after_commit(move || filters.iter().for_each(|filter| broker.router.unsubscribe(&session, filter)));
            Ok(())
        };
        let pending = self.broker.store.submit(job).await?;
        self.promise(Box::pin(async move {
            pending.durable().await?;
            Ok(Done::Unsuback(packet_id))
        }));
        Ok(())
    }
}

/// The retained messages for new subscriptions. For a persistent session the QoS 1 ones go by its durable queue; all others
/// are given back, to be sent after the SUBACK.
async fn find_retained(
    broker: &Arc<Broker>,
    session: &Arc<Session>,
    granted: Vec<(TopicFilter, QoS)>,
) -> Result<Vec<Retained>, StoreError> {
    let find = move |connection: &rusqlite::Connection| -> Result<Vec<Retained>, StoreError> {
        let found = granted.iter().map(|(filter, qos)| retained::matching(connection, filter, *qos));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    };
    let found = broker.store.read(find).await?;
    if session.durable.is_none() {
        return Ok(found);
    }
    let (queued, direct): (Vec<_>, Vec<_>) = found.into_iter().partition(|retained| retained.qos == QoS::AtLeastOnce);
    for page in queued.chunks(queue::PAGE_MESSAGES_MAX) {
        let (page, sessions, counters) = (page.to_vec(), [Arc::clone(session)], Arc::clone(&broker.counters));
        let enqueue = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            for retained in &page {
                if let Some(message) = retained::load(tx.connection, retained)? {
                    queue::enqueue(tx, &sessions, &message, &counters)?;
                }
            }
            Ok(())
        };
        broker.store.write(enqueue).await?;
    }
    Ok(direct)
}
