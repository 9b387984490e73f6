//! Shared subscriptions: groups of sessions, of which one gets each message. MQTT 5.0 section 4.8.2; Developer Guide, "MQTT",
//! shared subscriptions: both versions of MQTT have them, and retained messages are not sent for them.
//!
//! It knows whose turn it is; how a message gets there is in `handover`. Members take turns, where AWS takes one at random. When
//! all are away one with a persistent session keeps the message; that AWS drops it then, after some attempts, could not be
//! verified.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::router::Subscriber;
use crate::message::QoS;
use crate::subscriptions::Subscriptions;
use crate::topic::{SubscribedFilter, TopicName};

/// All groups, by their filters and the names of their shares.
#[derive(Debug, Default)]
pub(super) struct Shares {
    groups: Subscriptions<Arc<str>, Group>,
    of_sessions: HashMap<u64, BTreeSet<Arc<SubscribedFilter>>>,
}

/// Those who share one subscription.
#[derive(Debug)]
pub(super) struct Group {
    name: Arc<SubscribedFilter>,
    members: Vec<Subscriber>,
    turn: AtomicUsize,
}

impl Shares {
    /// Makes `subscriber` a member of the group, or gives it other options.
    pub(super) fn insert(&mut self, filter: SubscribedFilter, subscriber: Subscriber) {
        let Some(share) = filter.share().cloned() else { return };
        let key = subscriber.session.key;
        let mut group = self.groups.remove(filter.filter(), &share).unwrap_or_else(|| Group {
            name: Arc::new(filter),
            members: Vec::new(),
            turn: AtomicUsize::default(),
        });
        let name = Arc::clone(&group.name);
        let subscriber = Subscriber { share: Some(Arc::clone(&name)), ..subscriber };
        match group.members.iter_mut().find(|member| member.session.key == key) {
            Some(member) => *member = subscriber,
            None => group.members.push(subscriber),
        }
        self.groups.insert(name.filter().clone(), share, group);
        self.of_sessions.entry(key).or_default().insert(name);
    }

    /// Ends the membership of the session `key` in one group.
    pub(super) fn remove(&mut self, filter: &SubscribedFilter, key: u64) {
        let Some(share) = filter.share() else { return };
        if let Some(of_session) = self.of_sessions.get_mut(&key) {
            of_session.remove(filter);
            if of_session.is_empty() {
                self.of_sessions.remove(&key);
            }
        }
        let Some(mut group) = self.groups.remove(filter.filter(), share) else { return };
        group.members.retain(|member| member.session.key != key);
        if !group.members.is_empty() {
            self.groups.insert(filter.filter().clone(), Arc::clone(share), group);
        }
    }

    /// Ends the memberships of the session `key`.
    pub(super) fn remove_key(&mut self, key: u64) {
        for filter in self.filters(key) {
            self.remove(&filter, key);
        }
    }

    /// The groups of the session `key`.
    pub(super) fn filters(&self, key: u64) -> Vec<SubscribedFilter> {
        self.of_sessions.get(&key).into_iter().flatten().map(|filter| SubscribedFilter::clone(filter)).collect()
    }

    /// How many members a group has.
    pub(super) fn members(&self, filter: &SubscribedFilter) -> usize {
        self.group(filter).map_or(0, |group| group.members.len())
    }

    pub(super) fn group(&self, filter: &SubscribedFilter) -> Option<&Group> {
        self.groups.get(filter.filter(), filter.share()?)
    }

    /// Calls `found` for each group that gets a message on `topic`.
    pub(super) fn for_each_match(&self, topic: &TopicName, mut found: impl FnMut(&Group)) {
        self.groups.for_each_match(topic, |_, group| found(group));
    }
}

impl Group {
    /// The member whose turn it is to get a message with `qos`, with the quality of service it gets: one that is connected or,
    /// if there is none, one whose persistent session keeps the message; none of `tried`, and none whose queue is full.
    pub(super) fn choose(&self, qos: QoS, tried: &[u64]) -> Option<Subscriber> {
        let (mut connected, mut absent) = (Vec::new(), Vec::new());
        for member in self.members.iter().filter(|member| !tried.contains(&member.session.key)) {
            let member = Subscriber { qos: member.qos.min(qos), ..member.clone() };
            match (member.session.is_attached(), member.is_kept()) {
                (_, true) if !member.session.has_room() => {}
                (true, _) => connected.push(member),
                (false, true) => absent.push(member),
                (false, false) => {}
            }
        }
        let mut able = if connected.is_empty() { absent } else { connected };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(able.len())?;
        Some(able.swap_remove(turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Router;
    use crate::broker::codec::SubscriptionOptions;
    use crate::broker::mailbox::Mailbox;
    use crate::broker::router::Session;

    fn filter(text: &str) -> SubscribedFilter {
        SubscribedFilter::parse(text).unwrap()
    }

    fn member(session: &Arc<Session>, qos: QoS) -> Subscriber {
        Subscriber { session: Arc::clone(session), qos, options: SubscriptionOptions::default(), share: None }
    }

    fn connect(session: &Arc<Session>) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(session.durable.is_some()));
        session.attach(Arc::clone(&mailbox));
        mailbox
    }

    /// Who gets the next messages.
    fn turns(shares: &Shares, qos: QoS, count: usize) -> Vec<u64> {
        let group = shares.group(&filter("$share/g/a")).unwrap();
        let mut keys: Vec<_> = (0..count).filter_map(|_| Some(group.choose(qos, &[])?.session.key)).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn members_take_turns_connected_ones_first() {
        let router = Router::default();
        let (volatile, first, second) = (
            router.volatile_session(),
            router.persistent_session(&"1".into(), 1, 0),
            router.persistent_session(&"2".into(), 2, 0),
        );
        let mut shares = Shares::default();
        for session in [&volatile, &first, &second] {
            shares.insert(filter("$share/g/a"), member(session, QoS::AtLeastOnce));
        }
        // Nobody is connected: persistent ones keep what is to be kept.
        assert_eq!(turns(&shares, QoS::AtLeastOnce, 4), [1, 1, 2, 2]);
        assert!(turns(&shares, QoS::AtMostOnce, 4).is_empty());
        let mailbox = connect(&second);
        assert_eq!(turns(&shares, QoS::AtLeastOnce, 2), [2, 2]);
        assert_eq!(turns(&shares, QoS::AtMostOnce, 2), [2, 2]);
        let _volatile = connect(&volatile);
        let _first = connect(&first);
        assert_eq!(turns(&shares, QoS::AtLeastOnce, 6), [0, 0, 1, 1, 2, 2]);
        second.detach(&mailbox);
        assert_eq!(turns(&shares, QoS::AtMostOnce, 4), [0, 0, 1, 1]);
        let group = shares.group(&filter("$share/g/a")).unwrap();
        assert_eq!(group.choose(QoS::AtLeastOnce, &[0, 1]).unwrap().session.key, 2);
        assert!(group.choose(QoS::AtLeastOnce, &[0, 1, 2]).is_none());
    }

    #[test]
    fn who_subscribed_with_qos_0_keeps_nothing_and_whose_queue_is_full_gets_nothing() {
        let router = Router::default();
        let most = crate::limits::SESSION_QUEUE_MESSAGES_MAX;
        let (full, other) =
            (router.persistent_session(&"1".into(), 1, most), router.persistent_session(&"2".into(), 2, 0));
        let mut shares = Shares::default();
        shares.insert(filter("$share/g/a"), member(&full, QoS::AtLeastOnce));
        shares.insert(filter("$share/g/a"), member(&other, QoS::AtMostOnce));
        assert!(turns(&shares, QoS::AtLeastOnce, 2).is_empty());
        let _other = connect(&other);
        assert_eq!(turns(&shares, QoS::AtLeastOnce, 2), [1, 1]);
        let group = shares.group(&filter("$share/g/a")).unwrap();
        assert_eq!(group.choose(QoS::AtLeastOnce, &[]).unwrap().qos, QoS::AtMostOnce);
    }

    #[test]
    fn groups_come_and_go_with_their_members() {
        let router = Router::default();
        let (a, b) = (router.volatile_session(), router.volatile_session());
        let mut shares = Shares::default();
        for (text, session) in [("$share/g/a", &a), ("$share/g/a", &b), ("$share/h/a", &a), ("$share/g/#", &a)] {
            shares.insert(filter(text), member(session, QoS::AtLeastOnce));
        }
        // The same again, with another quality of service.
        shares.insert(filter("$share/g/a"), member(&b, QoS::AtMostOnce));
        let matching = |shares: &Shares| {
            let mut names = Vec::new();
            shares.for_each_match(&TopicName::parse("a").unwrap(), |group| names.push(group.name.to_string()));
            names.sort();
            names
        };
        assert_eq!(matching(&shares), ["$share/g/#", "$share/g/a", "$share/h/a"]);
        assert_eq!(shares.members(&filter("$share/g/a")), 2);
        assert_eq!(shares.filters(b.key), [filter("$share/g/a")]);
        shares.remove(&filter("$share/g/a"), b.key);
        assert_eq!(shares.members(&filter("$share/g/a")), 1);
        shares.remove_key(a.key);
        assert_eq!((matching(&shares), shares.members(&filter("$share/g/a"))), (Vec::new(), 0));
        assert!(shares.groups.is_empty() && shares.of_sessions.is_empty());
    }
}
