//! The reserved topics of shadows, as a two-way map. AWS IoT developer guide, "Device Shadow MQTT topics".

use crate::names::{ShadowName, ThingName};
use crate::topic::TopicName;

/// Which shadow: a thing's classic one, or a named one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowAddress {
    /// Whose shadow.
    pub thing: ThingName,
    /// Its name; none for the classic shadow.
    pub name: Option<ShadowName>,
}

impl ShadowAddress {
    /// The name as AWS shows it in messages: the shadow's, or the thing's for its classic shadow.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.as_ref().map_or(self.thing.as_str(), ShadowName::as_str)
    }

    /// The topic of `operation` on this shadow.
    #[must_use]
    pub fn topic(&self, operation: ShadowOperation) -> ShadowTopic {
        ShadowTopic { address: self.clone(), operation }
    }
}

/// What a shadow topic is for: a request, or one of the replies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ShadowOperation {
    /// Request: the shadow, please.
    Get,
    /// Reply: here it is.
    GetAccepted,
    /// Reply: an error.
    GetRejected,
    /// Request: change it.
    Update,
    /// Reply: what was changed.
    UpdateAccepted,
    /// Reply: an error.
    UpdateRejected,
    /// Reply: what is desired and not reported.
    UpdateDelta,
    /// Reply: the shadow before and after.
    UpdateDocuments,
    /// Request: delete it.
    Delete,
    /// Reply: it is deleted.
    DeleteAccepted,
    /// Reply: an error.
    DeleteRejected,
}

impl ShadowOperation {
    /// Every operation with the end of its topic.
    const TABLE: [(Self, &'static str); 11] = [
        (Self::Get, "get"),
        (Self::GetAccepted, "get/accepted"),
        (Self::GetRejected, "get/rejected"),
        (Self::Update, "update"),
        (Self::UpdateAccepted, "update/accepted"),
        (Self::UpdateRejected, "update/rejected"),
        (Self::UpdateDelta, "update/delta"),
        (Self::UpdateDocuments, "update/documents"),
        (Self::Delete, "delete"),
        (Self::DeleteAccepted, "delete/accepted"),
        (Self::DeleteRejected, "delete/rejected"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::TABLE.into_iter().find(|(_, end)| *end == text).map(|(operation, _)| operation)
    }

    fn as_str(self) -> &'static str {
        Self::TABLE.into_iter().find(|(operation, _)| *operation == self).map_or("", |(_, end)| end)
    }
}

/// A topic of a shadow.
///
/// ```
/// use marvain_iotcore::shadow::{ShadowOperation, ShadowTopic};
/// use marvain_iotcore::topic::TopicName;
/// let classic = TopicName::parse("$aws/things/pi/shadow/get")?;
/// let parsed = ShadowTopic::parse(&classic).unwrap();
/// assert_eq!((parsed.address.shown(), parsed.operation), ("pi", ShadowOperation::Get));
/// assert_eq!(parsed.to_name(), classic);
///
/// let named = TopicName::parse("$aws/things/pi/shadow/name/commands/update/delta")?;
/// let parsed = ShadowTopic::parse(&named).unwrap();
/// assert_eq!((parsed.address.shown(), parsed.operation), ("commands", ShadowOperation::UpdateDelta));
/// assert_eq!(parsed.to_name(), named);
/// # Ok::<(), marvain_iotcore::topic::TopicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowTopic {
    /// Which shadow.
    pub address: ShadowAddress,
    /// What about it.
    pub operation: ShadowOperation,
}

impl ShadowTopic {
    /// Reads a topic; none when it is no shadow topic, or its names are none that a thing or a shadow can have.
    #[must_use]
    pub fn parse(topic: &TopicName) -> Option<Self> {
        let (thing, rest) = topic.as_str().strip_prefix("$aws/things/")?.split_once('/')?;
        let rest = rest.strip_prefix("shadow/")?;
        let (name, operation) = match rest.strip_prefix("name/") {
            Some(named) => {
                let (name, operation) = named.split_once('/')?;
                (Some(ShadowName::parse(name).ok()?), operation)
            }
            None => (None, rest),
        };
        let address = ShadowAddress { thing: ThingName::parse(thing).ok()?, name };
        Some(Self { address, operation: ShadowOperation::parse(operation)? })
    }

    /// Writes the topic.
    #[must_use]
    pub fn to_name(&self) -> TopicName {
        let ShadowAddress { thing, name } = &self.address;
        let operation = self.operation.as_str();
        // INVARIANT: at most 7 slashes and 128 + 64 + 42 bytes, of characters that names and the table allow.
        TopicName::from_checked_parts(match name {
            Some(name) => format!("$aws/things/{thing}/shadow/name/{name}/{operation}"),
            None => format!("$aws/things/{thing}/shadow/{operation}"),
        })
    }
}
