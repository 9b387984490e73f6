//! MQTT topic names and topic filters, within AWS's limits: parsed once, then known to be well formed.
//!
//! Sources: MQTT 3.1.1 sections 1.5.3 and 4.7; AWS IoT Core endpoints and quotas ("topic size", "maximum number of slashes
//! in topic and topic filter"); AWS IoT developer guide, "MQTT topics" and "Reducing messaging costs with Basic Ingest".
//! This module does not know sessions, policies, nor what any reserved topic means.

mod share;

pub(crate) use share::SubscribedFilter;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::{TOPIC_BYTES_MAX, TOPIC_SLASHES_MAX};
use crate::names::checked_text;

/// Why a text is no topic name or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TopicError {
    /// MQTT 3.1.1, 4.7.3: at least one character.
    #[error("a topic has at least one character")]
    Empty,
    /// Over [`TOPIC_BYTES_MAX`].
    #[error("the topic has {bytes} bytes, {TOPIC_BYTES_MAX} are allowed")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// Over [`TOPIC_SLASHES_MAX`].
    #[error("the topic has {slashes} slashes, {TOPIC_SLASHES_MAX} are allowed")]
    TooManySlashes {
        /// How many slashes it has.
        slashes: usize,
    },
    /// NUL and the other control characters (MQTT 3.1.1, 1.5.3).
    #[error("the topic has a control character")]
    Control,
    /// `+` or `#` in the name of a topic.
    #[error("a topic name has no wildcards; `+` and `#` belong to filters")]
    WildcardInName,
    /// `+` that shares its level, or `#` that is not the whole last level.
    #[error("`+` takes a whole level of a filter, `#` the whole last level")]
    WildcardPlacement,
    /// `$share/{share}/{filter}`, where only a filter can be.
    #[error("a shared subscription (`$share/…`) is asked for in a SUBSCRIBE only")]
    SharedFilter,
    /// `$share/` without the name of a share, or with one that cannot be.
    #[error("a shared subscription is `$share/{{share}}/{{filter}}`, its share 1 to 128 bytes without `+` and `#`")]
    Share,
}

/// A topic that a message is published to: no wildcards. Cheap to clone.
///
/// ```
/// use marvain_iotcore::topic::TopicName;
/// assert_eq!(TopicName::parse("home/kitchen/light")?.levels().count(), 3);
/// assert!(TopicName::parse("home/+/light").is_err());
/// # Ok::<(), marvain_iotcore::topic::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks `text`. The prefix `$aws/rules/{rule}/` of Basic Ingest counts neither as bytes nor as slashes.
    ///
    /// # Errors
    /// [`TopicError`], naming the limit or the misplaced character.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text, basic_ingest_rest(text).unwrap_or(text))?;
        if text.contains(['+', '#']) {
            return Err(TopicError::WildcardInName);
        }
        Ok(Self(text.into()))
    }

    /// The levels between the slashes; at least one, each may be empty.
    pub fn levels(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split('/')
    }

    /// Whether it begins with `$`, which wildcards at a filter's first level do not match (MQTT 3.1.1, 4.7.2).
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }

    /// What Basic Ingest makes of it, if it begins with `$aws/rules/{rule}`.
    pub(crate) fn basic_ingest(&self) -> Option<BasicIngest> {
        let (rule, rest) = match self.0.strip_prefix(BASIC_INGEST)?.split_once('/') {
            Some((rule, "")) => (rule, None),
            Some((rule, rest)) => (rule, Some(Self(rest.into()))),
            None => (self.0.strip_prefix(BASIC_INGEST)?, None),
        };
        Some(BasicIngest { rule: rule.into(), topic: rest.unwrap_or_else(|| self.clone()) })
    }

    /// For a topic that this crate has put together from checked names.
    pub(crate) fn from_checked_parts(text: String) -> Self {
        debug_assert!(Self::parse(&text).is_ok(), "{text}");
        Self(text.into())
    }
}
checked_text!(TopicName, TopicError);

/// What a client subscribes to: a topic in which `+` stands for one level and a last `#` for one or more. Cheap to clone.
///
/// ```
/// use marvain_iotcore::topic::{TopicFilter, TopicName};
/// let filter = TopicFilter::parse("home/+/light/#")?;
/// assert!(filter.matches(&TopicName::parse("home/kitchen/light/colour")?));
/// assert!(!filter.matches(&TopicName::parse("home/kitchen/light")?));
/// # Ok::<(), marvain_iotcore::topic::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicFilter(Arc<str>);

impl TopicFilter {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`TopicError`], naming the limit or the misplaced character; or that it is a shared subscription, which is more than a
    /// filter.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text, text)?;
        if text.starts_with("$share/") {
            return Err(TopicError::SharedFilter);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let is_last = levels.peek().is_none();
            let is_wildcard = level == "+" || (level == "#" && is_last);
            if level.contains(['+', '#']) && !is_wildcard {
                return Err(TopicError::WildcardPlacement);
            }
        }
        Ok(Self(text.into()))
    }

    /// Whether it is the name of one topic.
    pub(crate) fn is_exact(&self) -> bool {
        !self.0.contains(['+', '#'])
    }

    /// Whether it names topics of Basic Ingest, `$aws/rules` and what is below.
    pub(crate) fn is_basic_ingest(&self) -> bool {
        self.levels().take(2).eq(["$aws", "rules"])
    }

    /// The levels between the slashes; at least one, each may be empty.
    pub fn levels(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split('/')
    }

    /// Whether a message on `name` goes to this filter (MQTT 3.1.1, 4.7), but that `a/#` does not match `a` (AWS IoT developer
    /// guide, "AWS IoT differences from MQTT specifications").
    #[must_use]
    pub fn matches(&self, name: &TopicName) -> bool {
        if name.is_reserved() && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut theirs = name.levels();
        for mine in self.levels() {
            match (mine, theirs.next()) {
                ("#", Some(_)) => return true,
                ("+", Some(_)) => {}
                (mine, Some(theirs)) if mine == theirs => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}
checked_text!(TopicFilter, TopicError);

const BASIC_INGEST: &str = "$aws/rules/";

/// A message for one rule, past the subscribers. Developer guide, "Reducing messaging costs with Basic Ingest".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BasicIngest {
    /// The rule's name.
    pub(crate) rule: Arc<str>,
    /// The topic that the rule sees: what follows the rule's name, or all of it when nothing does.
    pub(crate) topic: TopicName,
}

/// What follows `$aws/rules/{rule}/`, when that is how `text` begins.
fn basic_ingest_rest(text: &str) -> Option<&str> {
    let (rule, rest) = text.strip_prefix(BASIC_INGEST)?.split_once('/')?;
    // The rule's name is not counted, so it is bounded here. AWS IoT API reference, `CreateTopicRule`: 1 to 128.
    (!rule.is_empty() && rule.len() <= 128 && !rest.is_empty()).then_some(rest)
}

/// The limits that names and filters share; `counted` is the part of `text` that the size limits are about.
fn check(text: &str, counted: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if counted.len() > TOPIC_BYTES_MAX {
        return Err(TopicError::TooLong { bytes: counted.len() });
    }
    let slashes = counted.bytes().filter(|&byte| byte == b'/').count();
    if slashes > TOPIC_SLASHES_MAX {
        return Err(TopicError::TooManySlashes { slashes });
    }
    if text.chars().any(char::is_control) {
        return Err(TopicError::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_and_beyond_the_limits() {
        let longest = "x".repeat(256);
        let deepest_ingest = format!("$aws/rules/{}/{}", "r".repeat(128), "a/".repeat(7));
        for good in
            ["a", "/", "a//b", " ", "ä/ö", "a/b/c/d/e/f/g/h", "$aws/things/t/shadow/get", &longest, &deepest_ingest]
        {
            assert_eq!(TopicName::parse(good).unwrap().as_str(), good);
        }
        let deep_ingest = format!("$aws/rules/r/{}", "a/".repeat(8));
        for (bad, error) in [
            ("", TopicError::Empty),
            (&*"x".repeat(257), TopicError::TooLong { bytes: 257 }),
            (&*"ä".repeat(129), TopicError::TooLong { bytes: 258 }),
            ("a/b/c/d/e/f/g/h/i", TopicError::TooManySlashes { slashes: 8 }),
            (&*deep_ingest, TopicError::TooManySlashes { slashes: 8 }),
            ("a\0", TopicError::Control),
            ("a\u{9f}", TopicError::Control),
            ("a/+", TopicError::WildcardInName),
            ("a#", TopicError::WildcardInName),
        ] {
            assert_eq!(TopicName::parse(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn wildcards_have_their_places() {
        for good in ["#", "+", "+/+", "a/#", "/+", "+/#", "$aws/events/presence/+/#", "$SYS/#", "a/+/b"] {
            assert!(TopicFilter::parse(good).is_ok(), "{good}");
        }
        for bad in ["a#", "a/#/b", "#/", "a+", "+a", "a/b+/c", "##", "a/+#", "++"] {
            assert_eq!(TopicFilter::parse(bad), Err(TopicError::WildcardPlacement), "{bad}");
        }
        assert_eq!(TopicFilter::parse("$share/group/a"), Err(TopicError::SharedFilter));
        assert_eq!(TopicFilter::parse("$aws/rules/r/a/b/c/d/e/f"), Err(TopicError::TooManySlashes { slashes: 8 }));
    }

    /// The examples of MQTT 3.1.1, section 4.7, and those of AWS where it differs.
    #[test]
    fn matching_as_the_standard_and_aws_say() {
        for (filter, name, matches) in [
            ("sensor/#", "sensor", false),
            ("sensor/#", "sensor/", true),
            ("sensor/#", "sensor/temperature", true),
            ("sensor/#", "sensor/temperature/room1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1", false),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sports", false),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/monitor", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a", "a/", false),
            ("a/", "a", false),
            ("+/#", "a", false),
            ("#", "a", true),
        ] {
            let (filter_, name_) = (TopicFilter::parse(filter).unwrap(), TopicName::parse(name).unwrap());
            assert_eq!(filter_.matches(&name_), matches, "{filter} {name}");
        }
    }

    #[test]
    fn basic_ingest_has_a_rule_and_a_topic_of_its_own() {
        for (name, rule_and_topic) in [
            ("$aws/rules/r/a/b", Some(("r", "a/b"))),
            ("$aws/rules/r//", Some(("r", "/"))),
            ("$aws/rules/r/$aws/events/x", Some(("r", "$aws/events/x"))),
            ("$aws/rules/r", Some(("r", "$aws/rules/r"))),
            ("$aws/rules/r/", Some(("r", "$aws/rules/r/"))),
            ("$aws/rules", None),
            ("a/$aws/rules/r", None),
        ] {
            let ingest = TopicName::parse(name).unwrap().basic_ingest();
            assert_eq!(ingest.as_ref().map(|ingest| (&*ingest.rule, ingest.topic.as_str())), rule_and_topic, "{name}");
        }
    }

    #[test]
    fn filters_of_basic_ingest_are_known() {
        for (filter, is) in [
            ("$aws/rules/r/a", true),
            ("$aws/rules/+/#", true),
            ("$aws/rules/#", true),
            ("$aws/rules", true),
            ("$aws/#", false),
            ("$aws/+/r/a", false),
            ("$aws/rulesets/r", false),
            ("a/$aws/rules", false),
        ] {
            assert_eq!(TopicFilter::parse(filter).unwrap().is_basic_ingest(), is, "{filter}");
        }
    }

    #[test]
    fn serde_parses() {
        assert_eq!(serde_json::from_str::<TopicName>(r#""a/b""#).unwrap().to_string(), "a/b");
        assert!(serde_json::from_str::<TopicName>(r#""a/+""#).is_err());
        assert_eq!(serde_json::to_string(&TopicFilter::parse("a/+").unwrap()).unwrap(), r#""a/+""#);
    }
}
