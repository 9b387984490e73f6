//! Topic names and filters, reserved topics, and who gets what.

use std::collections::BTreeSet;

use crate::jobs::JobsTopic;
use crate::limits::{SHARE_NAME_BYTES_MAX, TOPIC_BYTES_MAX, TOPIC_SLASHES_MAX};
use crate::shadow::ShadowTopic;
use crate::subscriptions::Subscriptions;
use crate::topic::{SubscribedFilter, TopicFilter, TopicName};

/// More say nothing more, and take long.
const FILTERS_MAX: usize = 16;

/// The first line of the input is what a client publishes to, each further one what it subscribes to.
pub fn topic(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (first, filters) = text.split_once('\n').unwrap_or((&text, ""));
    check_filter(first);
    let name = check_name(first);
    let filters: Vec<_> = filters.split('\n').take(FILTERS_MAX).filter_map(check_filter).collect();
    let Some(name) = name else { return };
    check_matches(&name, &filters);
}

/// MQTT 3.1.1, sections 1.5.3 and 4.7, and AWS's limits, once more and in other words.
fn fits(text: &str) -> bool {
    (1..=TOPIC_BYTES_MAX).contains(&text.len())
        && text.matches('/').count() <= TOPIC_SLASHES_MAX
        && !text.chars().any(char::is_control)
}

fn check_name(text: &str) -> Option<TopicName> {
    let Ok(name) = TopicName::parse(text) else {
        assert!(!fits(text) || text.contains(['+', '#']), "{text:?}");
        return None;
    };
    let ingest = text.starts_with("$aws/rules/");
    assert!((fits(text) || ingest) && !text.contains(['+', '#']), "{text:?}");
    assert_eq!(name.as_str(), text);
    let stored = serde_json::to_string(&name).unwrap_or_default();
    assert_eq!(serde_json::from_str::<TopicName>(&stored).ok().as_ref(), Some(&name));
    assert!(ShadowTopic::parse(&name).is_none_or(|topic| topic.to_name() == name), "{text:?}");
    assert!(JobsTopic::parse(&name).is_none_or(|topic| topic.to_name() == name), "{text:?}");
    if let Some(ingest) = name.basic_ingest() {
        let whole = format!("$aws/rules/{}/{}", ingest.rule, ingest.topic);
        assert!(whole == text || ingest.topic == name, "{text:?}");
        assert!(TopicName::parse(ingest.topic.as_str()).is_ok(), "{text:?}");
    }
    // It is a filter, too, for itself alone.
    if fits(text) && !text.starts_with("$share/") {
        assert!(TopicFilter::parse(text).is_ok_and(|filter| filter.matches(&name)), "{text:?}");
    }
    Some(name)
}

/// The filter that a SUBSCRIBE with `text` is about.
fn check_filter(text: &str) -> Option<TopicFilter> {
    let (share, filter) = match text.strip_prefix("$share/").map(|shared| shared.split_once('/')) {
        Some(Some((share, filter))) => (Some(share), filter),
        // Whatever it is called, it has no filter.
        Some(None) => (Some(""), ""),
        None => (None, text),
    };
    let is_share = |name: &str| {
        (1..=SHARE_NAME_BYTES_MAX).contains(&name.len())
            && !name.chars().any(|character| character.is_control() || "+#".contains(character))
    };
    let (before, last) = filter.rsplit_once('/').unwrap_or(("", filter));
    let plain = |level: &str| level == "+" || !level.contains(['+', '#']);
    let is_filter =
        fits(filter) && !filter.starts_with("$share/") && before.split('/').all(plain) && (last == "#" || plain(last));
    let Ok(subscribed) = SubscribedFilter::parse(text) else {
        assert!(!(share.is_none_or(is_share) && is_filter), "{text:?}");
        return None;
    };
    assert!(share.is_none_or(is_share) && is_filter, "{text:?}");
    assert_eq!(subscribed.to_string(), text);
    assert_eq!((subscribed.share().map(|share| &**share), subscribed.filter().as_str()), (share, filter));
    let stored = serde_json::to_string(subscribed.filter()).unwrap_or_default();
    assert_eq!(serde_json::from_str::<TopicFilter>(&stored).ok().as_ref(), Some(subscribed.filter()));
    Some(subscribed.filter().clone())
}

/// What matching means, without a thought for its cost.
fn matches(filter: &[&str], name: &[&str]) -> bool {
    match (filter.split_first(), name.split_first()) {
        (Some((&"#", _)), Some(_)) | (None, None) => true,
        (Some((level, filter)), Some((at, name))) => (*level == "+" || level == at) && matches(filter, name),
        _ => false,
    }
}

/// A filter, and all of them together, match what the naive matcher says.
fn check_matches(name: &TopicName, filters: &[TopicFilter]) {
    let levels: Vec<_> = name.levels().collect();
    let mut expected = BTreeSet::new();
    let mut subscriptions = Subscriptions::new();
    for (key, filter) in filters.iter().enumerate() {
        let is_hidden = name.as_str().starts_with('$') && filter.as_str().starts_with(['+', '#']);
        let is_match = !is_hidden && matches(&filter.levels().collect::<Vec<_>>(), &levels);
        assert_eq!(filter.matches(name), is_match, "{filter} {name}");
        if is_match {
            expected.insert(key);
        }
        subscriptions.insert(filter.clone(), key, ());
    }
    let found = |subscriptions: &Subscriptions<usize, ()>| {
        let mut found = Vec::new();
        subscriptions.for_each_match(name, |key, ()| found.push(*key));
        found.sort_unstable();
        found
    };
    assert_eq!(found(&subscriptions), expected.iter().copied().collect::<Vec<_>>());
    // What is removed is not found, and leaves nothing behind.
    for (key, filter) in filters.iter().enumerate() {
        assert_eq!(subscriptions.remove(filter, &key), Some(()));
        expected.remove(&key);
        assert_eq!(found(&subscriptions), expected.iter().copied().collect::<Vec<_>>());
    }
    assert!(subscriptions.is_empty());
}
