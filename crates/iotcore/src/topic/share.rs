//! What a SUBSCRIBE asks for: a topic filter, or one that is shared with others, `$share/{share}/{filter}`.
//!
//! Sources: MQTT 5.0 section 4.8.2; AWS IoT developer guide, "MQTT", shared subscriptions, which both versions of MQTT have
//! there. The name of the share has up to 128 bytes, and neither it nor `$share` counts as a part of the filter.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{TopicError, TopicFilter};
use crate::limits::SHARE_NAME_BYTES_MAX;

const PREFIX: &str = "$share/";

/// A filter that a session subscribes to, alone or as one of a group. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SubscribedFilter {
    share: Option<Arc<str>>,
    filter: TopicFilter,
}

impl SubscribedFilter {
    /// Checks `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, TopicError> {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return Ok(Self { share: None, filter: TopicFilter::parse(text)? });
        };
        let (share, filter) = rest.split_once('/').ok_or(TopicError::Share)?;
        let is_name = !share.is_empty()
            && share.len() <= SHARE_NAME_BYTES_MAX
            && !share.contains(|character: char| matches!(character, '+' | '#') || character.is_control());
        if !is_name {
            return Err(TopicError::Share);
        }
        Ok(Self { share: Some(share.into()), filter: TopicFilter::parse(filter)? })
    }

    /// A filter that is not shared.
    pub(crate) fn alone(filter: TopicFilter) -> Self {
        Self { share: None, filter }
    }

    /// The name of the share, if it is shared.
    pub(crate) fn share(&self) -> Option<&Arc<str>> {
        self.share.as_ref()
    }

    /// Which topics it is about.
    pub(crate) fn filter(&self) -> &TopicFilter {
        &self.filter
    }
}

impl std::fmt::Display for SubscribedFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(share) = &self.share {
            write!(f, "{PREFIX}{share}/")?;
        }
        f.write_str(self.filter.as_str())
    }
}

impl Serialize for SubscribedFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{TOPIC_BYTES_MAX, TOPIC_SLASHES_MAX};

    #[test]
    fn a_share_has_a_name_and_a_filter() {
        let longest_name = "n".repeat(SHARE_NAME_BYTES_MAX);
        let longest = format!("$share/{longest_name}/{}", "x".repeat(TOPIC_BYTES_MAX));
        let deepest = format!("$share/g/{}", "/".repeat(TOPIC_SLASHES_MAX));
        for (text, share, filter) in [
            ("a/+", None, "a/+"),
            ("$share", None, "$share"),
            ("$shared/g/a", None, "$shared/g/a"),
            ("$share/g/a/#", Some("g"), "a/#"),
            ("$share/ä b/#", Some("ä b"), "#"),
            ("$share/g//a", Some("g"), "/a"),
            (&*longest, Some(&*longest_name), &*"x".repeat(TOPIC_BYTES_MAX)),
            (&*deepest, Some("g"), "///////"),
        ] {
            let parsed = SubscribedFilter::parse(text).unwrap();
            assert_eq!((parsed.share().map(|share| &**share), parsed.filter().as_str()), (share, filter));
            assert_eq!(parsed.to_string(), text);
            assert_eq!(serde_json::to_value(&parsed).unwrap(), text);
        }
        for (text, error) in [
            ("$share/", TopicError::Share),
            ("$share/g", TopicError::Share),
            ("$share//a", TopicError::Share),
            ("$share/+/a", TopicError::Share),
            ("$share/g#/a", TopicError::Share),
            ("$share/\u{7f}/a", TopicError::Share),
            (&*format!("$share/{longest_name}n/a"), TopicError::Share),
            ("$share/g/", TopicError::Empty),
            ("$share/g/a#", TopicError::WildcardPlacement),
            ("$share/g/$share/h/a", TopicError::SharedFilter),
            (&*format!("$share/g/{}", "/".repeat(8)), TopicError::TooManySlashes { slashes: 8 }),
        ] {
            assert_eq!(SubscribedFilter::parse(text), Err(error), "{text}");
        }
    }
}
