//! Who subscribes to what: a trie of topic filters, one level a node, so that a publish costs the matching branches and not
//! the number of subscriptions.
//!
//! It does not know sessions, qualities of service or policies: a key and a value are whatever the caller gives.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use crate::topic::{TopicFilter, TopicName};

/// Subscriptions of keys (sessions, say) to filters, each with a value (a quality of service, say).
///
/// A filter has at most eight levels, so a match visits at most 2⁸ branches, however many subscriptions there are.
#[derive(Debug, Clone)]
pub struct Subscriptions<K, V> {
    root: Node<K, V>,
    filters: HashMap<K, BTreeSet<TopicFilter>>,
}

#[derive(Debug, Clone)]
struct Node<K, V> {
    literal: HashMap<Box<str>, Node<K, V>>,
    /// The branch of `+`.
    single: Option<Box<Node<K, V>>>,
    /// Subscriptions of the filter that ends here.
    here: BTreeMap<K, V>,
    /// Subscriptions of the filter that ends in `#` below here, which is for what is below, not for what ends here.
    rest: BTreeMap<K, V>,
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self { literal: HashMap::new(), single: None, here: BTreeMap::new(), rest: BTreeMap::new() }
    }
}

impl<K, V> Default for Subscriptions<K, V> {
    fn default() -> Self {
        Self { root: Node::default(), filters: HashMap::new() }
    }
}

impl<K: Eq + Hash + Ord + Clone, V> Subscriptions<K, V> {
    /// No subscriptions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes `key` to `filter`; gives the value of the same subscription that it replaces.
    pub fn insert(&mut self, filter: TopicFilter, key: K, value: V) -> Option<V> {
        let replaced = self.root.slot(filter.levels()).insert(key.clone(), value);
        self.filters.entry(key).or_default().insert(filter);
        replaced
    }

    /// The value that `key` subscribes to `filter` with.
    #[must_use]
    pub fn get(&self, filter: &TopicFilter, key: &K) -> Option<&V> {
        let mut node = &self.root;
        for level in filter.levels() {
            node = match level {
                "#" => return node.rest.get(key),
                "+" => node.single.as_deref()?,
                level => node.literal.get(level)?,
            };
        }
        node.here.get(key)
    }

    /// Unsubscribes `key` from `filter`; gives the value it had.
    pub fn remove(&mut self, filter: &TopicFilter, key: &K) -> Option<V> {
        let filters = self.filters.get_mut(key)?;
        filters.remove(filter);
        if filters.is_empty() {
            self.filters.remove(key);
        }
        self.root.remove(&mut filter.levels(), key)
    }

    /// Unsubscribes `key` from everything; gives what it had, ordered by filter.
    pub fn remove_key(&mut self, key: &K) -> Vec<(TopicFilter, V)> {
        let filters = self.filters.remove(key).unwrap_or_default();
        filters
            .into_iter()
            .filter_map(|filter| Some((filter.clone(), self.root.remove(&mut filter.levels(), key)?)))
            .collect()
    }

    /// The filters of `key`, ordered.
    pub fn filters(&self, key: &K) -> impl Iterator<Item = &TopicFilter> {
        self.filters.get(key).into_iter().flatten()
    }

    /// How many filters `key` has.
    #[must_use]
    pub fn count(&self, key: &K) -> usize {
        self.filters.get(key).map_or(0, BTreeSet::len)
    }

    /// Whether nobody subscribes to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Calls `found` for each subscription that `name` matches, in an order that depends on the subscriptions alone. A key
    /// with several matching filters is found once for each.
    pub fn for_each_match<'a>(&'a self, name: &TopicName, mut found: impl FnMut(&'a K, &'a V)) {
        self.root.matches(name.levels(), name.is_reserved(), &mut found);
    }
}

impl<K: Ord, V> Node<K, V> {
    /// The subscriptions at the end of `levels`; makes the branch.
    fn slot<'l>(&mut self, mut levels: impl Iterator<Item = &'l str>) -> &mut BTreeMap<K, V> {
        let mut node = self;
        loop {
            node = match levels.next() {
                None => return &mut node.here,
                Some("#") => return &mut node.rest,
                Some("+") => node.single.get_or_insert_default(),
                Some(level) => node.literal.entry(level.into()).or_default(),
            };
        }
    }

    /// Removes `key` at the end of `levels`, and every branch that this leaves empty. Recursion is as deep as a filter has
    /// levels: at most eight.
    fn remove(&mut self, levels: &mut dyn Iterator<Item = &str>, key: &K) -> Option<V> {
        match levels.next() {
            None => self.here.remove(key),
            Some("#") => self.rest.remove(key),
            Some("+") => {
                let child = self.single.as_mut()?;
                let removed = child.remove(levels, key);
                if child.is_empty() {
                    self.single = None;
                }
                removed
            }
            Some(level) => {
                let child = self.literal.get_mut(level)?;
                let removed = child.remove(levels, key);
                if child.is_empty() {
                    self.literal.remove(level);
                }
                removed
            }
        }
    }

    fn matches<'a, 'l>(
        &'a self,
        mut levels: impl Iterator<Item = &'l str> + Clone,
        wildcards_barred: bool,
        found: &mut impl FnMut(&'a K, &'a V),
    ) {
        let Some(level) = levels.next() else {
            self.here.iter().for_each(|(key, value)| found(key, value));
            return;
        };
        if !wildcards_barred {
            self.rest.iter().for_each(|(key, value)| found(key, value));
        }
        if let (Some(single), false) = (&self.single, wildcards_barred) {
            single.matches(levels.clone(), false, found);
        }
        if let Some(child) = self.literal.get(level) {
            child.matches(levels, false, found);
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty() && self.single.is_none() && self.here.is_empty() && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::parse(text).unwrap()
    }

    fn found(subscriptions: &Subscriptions<u8, u8>, name: &str) -> Vec<(u8, u8)> {
        let mut found = Vec::new();
        subscriptions.for_each_match(&TopicName::parse(name).unwrap(), |&key, &value| found.push((key, value)));
        found.sort_unstable();
        found
    }

    #[test]
    fn replaces_finds_and_removes() {
        let mut subscriptions = Subscriptions::new();
        assert_eq!(subscriptions.insert(filter("a/+"), 1, 0), None);
        assert_eq!(subscriptions.insert(filter("a/+"), 1, 1), Some(0));
        subscriptions.insert(filter("a/#"), 1, 2);
        subscriptions.insert(filter("#"), 2, 0);
        assert_eq!(found(&subscriptions, "a/b"), [(1, 1), (1, 2), (2, 0)]);
        assert_eq!(found(&subscriptions, "a"), [(2, 0)]);
        assert_eq!(found(&subscriptions, "a/"), [(1, 1), (1, 2), (2, 0)]);
        assert_eq!(found(&subscriptions, "$a"), []);
        assert_eq!(subscriptions.count(&1), 2);
        assert_eq!(subscriptions.get(&filter("a"), &1), None);
        assert_eq!(subscriptions.remove(&filter("a/b"), &1), None);
        assert_eq!(subscriptions.remove(&filter("a/+"), &1), Some(1));
        assert_eq!(subscriptions.remove(&filter("a/+"), &1), None);
        assert_eq!(subscriptions.filters(&1).map(TopicFilter::as_str).collect::<Vec<_>>(), ["a/#"]);
        assert_eq!(subscriptions.remove_key(&1), [(filter("a/#"), 2)]);
        assert_eq!(subscriptions.remove_key(&2), [(filter("#"), 0)]);
        assert!(subscriptions.is_empty() && subscriptions.root.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(TopicFilter, u8, u8),
        Remove(TopicFilter, u8),
        RemoveKey(u8),
    }

    fn levels(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(alphabet), 1..5).prop_map(|levels| levels.join("/"))
    }

    fn any_filter() -> impl Strategy<Value = TopicFilter> {
        levels(&["a", "b", "", "$x", "+", "#"]).prop_filter_map("malformed", |text| TopicFilter::parse(&text).ok())
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (any_filter(), 0u8..4, any::<u8>()).prop_map(|(filter, key, value)| Step::Insert(filter, key, value)),
            2 => (any_filter(), 0u8..4).prop_map(|(filter, key)| Step::Remove(filter, key)),
            1 => (0u8..4).prop_map(Step::RemoveKey),
        ]
    }

    proptest! {
        /// The trie finds what comparing every filter finds, and forgets all that is removed.
        #[test]
        fn agrees_with_comparing_every_filter(
            steps in prop::collection::vec(any_step(), 0..40),
            names in prop::collection::vec(levels(&["a", "b", "", "$x"]), 1..8),
        ) {
            let mut subscriptions = Subscriptions::new();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(filter, key, value) => {
                        prop_assert_eq!(subscriptions.insert(filter.clone(), key, value), model.insert((key, filter), value));
                    }
                    Step::Remove(filter, key) => {
                        prop_assert_eq!(subscriptions.remove(&filter, &key), model.remove(&(key, filter)));
                    }
                    Step::RemoveKey(key) => {
                        let removed: Vec<_> = model.extract_if(.., |(of, _), _| *of == key).map(|((_, f), v)| (f, v)).collect();
                        prop_assert_eq!(subscriptions.remove_key(&key), removed);
                    }
                }
            }
            for ((key, filter), value) in &model {
                prop_assert_eq!(subscriptions.get(filter, key), Some(value));
            }
            for name in names.iter().filter(|name| !name.is_empty()) {
                let topic = TopicName::parse(name).unwrap();
                let mut expected: Vec<_> =
                    model.iter().filter(|((_, f), _)| f.matches(&topic)).map(|(&(key, _), &value)| (key, value)).collect();
                expected.sort_unstable();
                prop_assert_eq!(found(&subscriptions, name), expected);
            }
            for key in 0..4 {
                subscriptions.remove_key(&key);
            }
            prop_assert!(subscriptions.is_empty() && subscriptions.root.is_empty());
        }
    }
}
