//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use super::close::End;
use super::codec::{Entry, Reason, RetainHandling, Subscribe, SubscriptionOptions};
use super::connection::{Connection, Done};
use super::retained::Retained;
use super::router::Session;
use super::waiting::Waiting;
use super::{queue, retained, sessions};
use crate::lifecycle;
use crate::limits::{FILTERS_PER_SUBSCRIBE_MAX, SHARE_MEMBERS_MAX, SUBSCRIPTIONS_PER_CONNECTION_MAX};
use crate::message::QoS;
use crate::policy::{Action, Resource};
use crate::stats::Counters;
use crate::store::{StoreError, Tx};
use crate::topic::SubscribedFilter;

/// A subscription that is allowed.
struct Granted {
    filter: SubscribedFilter,
    qos: QoS,
    options: SubscriptionOptions,
    /// Whether the retained message is sent.
    greeted: bool,
}

impl Connection {
    pub(super) async fn on_subscribe(&mut self, subscribe: Subscribe) -> Result<(), End> {
        let Subscribe { packet_id, entries } = subscribe;
        if entries.len() > FILTERS_PER_SUBSCRIBE_MAX {
            let count = entries.len();
            return Err(End::client_error(format!(
                "{count} filters in one SUBSCRIBE: {FILTERS_PER_SUBSCRIBE_MAX} are allowed"
            ))
            .telling(Reason::QuotaExceeded));
        }
        let mut reasons = Vec::with_capacity(entries.len());
        let mut granted = Vec::with_capacity(entries.len());
        for Entry { filter, qos, options, retain_handling } in entries {
            match self.grant(&filter).await? {
                Ok((filter, is_new)) => {
                    reasons.push(match qos {
                        QoS::AtMostOnce => Reason::Success,
                        QoS::AtLeastOnce => Reason::GrantedQos1,
                    });
                    let greeted = match retain_handling {
                        RetainHandling::Always => true,
                        RetainHandling::IfNew => is_new,
                        RetainHandling::Never => false,
                    };
                    granted.push(Granted { filter, qos, options, greeted });
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if granted.is_empty() {
            return self.done(Done::Suback { packet_id, reasons, retained: Vec::new() });
        }
        let (broker, session) = (Arc::clone(&self.broker), Arc::clone(&self.session));
        let job = {
            let (broker, session, connected) = (Arc::clone(&broker), Arc::clone(&session), Arc::clone(&self.connected));
            move |tx: &mut Tx<'_>| -> Result<Vec<Retained>, StoreError> {
                if let Some(durable) = &session.durable {
                    // The session is that of whoever has taken over, who does not know of this.
                    if !lifecycle::is_current(tx, &connected)? {
                        return Ok(Vec::new());
                    }
                    for Granted { filter, qos, options, .. } in &granted {
                        sessions::add_subscription(tx, durable.id, filter, *qos, *options)?;
                    }
                }
                let filters: Vec<_> = granted.iter().map(|granted| granted.filter.clone()).collect();
                lifecycle::subscriptions_changed(tx, &broker, &connected, true, &filters)?;
                let retained = greet(tx, &session, &granted, &broker.counters)?;
                tx.after_commit(move || {
                    // A connection that has ended meanwhile has no subscriptions.
                    if session.durable.is_some() || session.is_attached() {
                        for Granted { filter, qos, options, .. } in granted {
                            broker.router.subscribe(&session, filter, qos, options);
                        }
                    }
                });
                Ok(retained)
            }
        };
        let pending = broker.store.submit(job).await?;
        self.promise(Box::pin(async move {
            let retained = pending.durable().await?;
            Ok(Done::Suback { packet_id, reasons, retained })
        }));
        Ok(())
    }

    /// The filter, if it is valid, allowed, and not one too many; and whether it is new.
    async fn grant(&mut self, filter: &str) -> Result<Result<(SubscribedFilter, bool), Reason>, End> {
        let Ok(parsed) = SubscribedFilter::parse(filter) else { return Ok(Err(Reason::TopicFilterInvalid)) };
        // Whatever policies say. Developer Guide, "Reducing messaging costs with Basic Ingest", note.
        if parsed.filter().is_basic_ingest() {
            tracing::info!(client_id = ?self.connected.client_id, filter, "nobody subscribes to Basic Ingest");
            return Ok(Err(Reason::NotAuthorized));
        }
        if !self.may(Action::Subscribe, Resource::TopicFilter(filter)).await? {
            tracing::info!(client_id = ?self.connected.client_id, filter, "no policy allows the subscription");
            return Ok(Err(Reason::NotAuthorized));
        }
        let is_full = self.filters.len() >= SUBSCRIPTIONS_PER_CONNECTION_MAX
            || self.broker.router.members(&parsed) >= SHARE_MEMBERS_MAX;
        if is_full && !self.filters.contains(&parsed) {
            return Ok(Err(Reason::QuotaExceeded));
        }
        let is_new = self.filters.insert(parsed.clone());
        Ok(Ok((parsed, is_new)))
    }

    pub(super) async fn on_unsubscribe(&mut self, packet_id: u16, asked: Vec<String>) -> Result<(), End> {
        let (mut reasons, mut filters) = (Vec::with_capacity(asked.len()), Vec::with_capacity(asked.len()));
        for filter in asked {
            reasons.push(match SubscribedFilter::parse(&filter) {
                Err(_) => Reason::TopicFilterInvalid,
                Ok(filter) if self.filters.remove(&filter) => {
                    filters.push(filter);
                    Reason::Success
                }
                Ok(_) => Reason::NoSubscriptionExisted,
            });
        }
        if filters.is_empty() {
            return self.done(Done::Unsuback { packet_id, reasons });
        }
        let (broker, session, connected) =
            (Arc::clone(&self.broker), Arc::clone(&self.session), Arc::clone(&self.connected));
        let job = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            if let Some(durable) = &session.durable {
                if !lifecycle::is_current(tx, &connected)? {
                    return Ok(());
                }
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
            Ok(Done::Unsuback { packet_id, reasons })
        }));
        Ok(())
    }
}

/// The retained messages for new subscriptions. For a persistent session the QoS 1 ones go by its durable queue; all others
/// are given back, to be sent after the SUBACK. There are none for a shared subscription.
fn greet(
    tx: &mut Tx<'_>,
    session: &Arc<Session>,
    granted: &[Granted],
    counters: &Arc<Counters>,
) -> Result<Vec<Retained>, StoreError> {
    let mut direct = Vec::new();
    let greeted = granted.iter().filter(|granted| granted.greeted && granted.filter.share().is_none());
    for Granted { filter, qos, .. } in greeted {
        let Some(retained) = retained::named(tx.connection, filter.filter(), *qos)? else { continue };
        if session.durable.is_none() || retained.qos == QoS::AtMostOnce {
            direct.push(retained);
        } else if let Some(message) = retained::load(tx.connection, &retained)? {
            queue::enqueue(tx, &[Waiting::for_session(session)], &message, counters)?;
        }
    }
    Ok(direct)
}
