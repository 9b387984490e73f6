//! The properties of MQTT 5 that a message keeps from its publisher to its subscribers, as a rule's target sees them. Developer
//! Guide, SQL reference, "Functions", `get_mqtt_property` and `get_user_properties`; MQTT 5.0 sections 2.2.2.2 and 3.3.2.3.
//!
//! It reads the bytes of a packet that was checked when it came; it knows no packet.

use bytes::Bytes;

pub(crate) const PAYLOAD_FORMAT_INDICATOR: u8 = 0x01;
pub(crate) const CONTENT_TYPE: u8 = 0x03;
pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
pub(crate) const CORRELATION_DATA: u8 = 0x09;
pub(crate) const USER_PROPERTY: u8 = 0x26;

/// What a message says about itself; nothing, unless it was published with MQTT 5 or over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageProperties {
    /// Whether the payload is said to be UTF-8; the payload format indicator.
    pub payload_is_utf8: Option<bool>,
    /// The content type.
    pub content_type: Option<String>,
    /// Where an answer is expected.
    pub response_topic: Option<String>,
    /// By which the publisher will know the answer.
    pub correlation_data: Option<Bytes>,
    /// Names and values in their order; a name may be there more than once.
    pub user_properties: Vec<(String, String)>,
}

impl MessageProperties {
    /// From the bytes of a packet, without their length. What follows something unknown is not read: the codec lets nothing
    /// unknown pass.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let (mut read, mut rest) = (Self::default(), bytes);
        while let Some(after) = read.take(rest) {
            rest = after;
        }
        read
    }

    /// Reads one property; gives what follows it.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (property, rest) = bytes.split_first()?;
        if *property == PAYLOAD_FORMAT_INDICATOR {
            let (indicator, rest) = rest.split_first()?;
            self.payload_is_utf8 = Some(*indicator == 1);
            return Some(rest);
        }
        let (value, rest) = counted(rest)?;
        match *property {
            CONTENT_TYPE => self.content_type = Some(text(value)),
            RESPONSE_TOPIC => self.response_topic = Some(text(value)),
            CORRELATION_DATA => self.correlation_data = Some(Bytes::copy_from_slice(value)),
            USER_PROPERTY => {
                let (second, rest) = counted(rest)?;
                self.user_properties.push((text(value), text(second)));
                return Some(rest);
            }
            _ => return None,
        }
        Some(rest)
    }
}

/// Bytes behind their number, and what follows them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_and_nothing_behind_what_is_unknown() {
        let bytes = b"\x01\x01\x03\0\x01t\x08\0\x03r/s\x09\0\x02\x01\x02\x26\0\x01a\0\x011\x26\0\x01a\0\x02\xc3\xa4";
        let all = MessageProperties {
            payload_is_utf8: Some(true),
            content_type: Some("t".into()),
            response_topic: Some("r/s".into()),
            correlation_data: Some(Bytes::from_static(&[1, 2])),
            user_properties: vec![("a".into(), "1".into()), ("a".into(), "ä".into())],
        };
        assert_eq!(MessageProperties::read(bytes), all);
        assert_eq!(MessageProperties::read(b""), MessageProperties::default());
        let first = MessageProperties { payload_is_utf8: Some(false), ..MessageProperties::default() };
        for cut in [&b"\x01\0\x26\0\x09a"[..], b"\x01\0\x03\0", b"\x01\0\x26\0\x01a", b"\x01\0\x7f\0\0\x03\0\0"] {
            assert_eq!(MessageProperties::read(cut), first, "{cut:?}");
        }
    }
}
