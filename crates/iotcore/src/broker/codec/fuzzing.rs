//! What must hold of the codec, whatever a client sends.

use super::*;

pub(super) const CONNECT_3: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
pub(super) const CONNECT_5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

/// Everything up to the first error, and the error.
pub(super) fn decode_with(wire: &mut Wire, mut bytes: &[u8]) -> (Vec<Inbound>, Option<Broken>) {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let (taken, packet) = wire.decode(bytes);
        bytes = bytes.get(taken..).unwrap_or_default();
        match packet {
            Ok(packet) => packets.extend(packet),
            Err(broken) => return (packets, Some(broken)),
        }
    }
    (packets, None)
}

/// The first byte of the input says what the connection began with (nothing, or a CONNECT of either version) and the size
/// of the pieces in which the rest comes. In pieces, byte by byte and in one it is the same packets and the same end; each
/// is within the limits; and a message that is sent on is the same for the next one who reads it.
pub fn fuzz(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let before: &[u8] = match first % 3 {
        0 => b"",
        1 => CONNECT_3,
        _ => CONNECT_5,
    };
    let bytes = [before, rest].concat();
    let whole = decode_with(&mut Wire::new(), &bytes);
    let shown = format!("{whole:?}");
    for size in [1, usize::from(first / 3) + 2] {
        let mut wire = Wire::new();
        let (mut packets, mut end) = (Vec::new(), None);
        for piece in bytes.chunks(size) {
            let (some, broken) = decode_with(&mut wire, piece);
            packets.extend(some);
            if broken.is_some() {
                end = broken;
                break;
            }
        }
        assert_eq!(format!("{:?}", (packets, end)), shown);
    }
    let (packets, _) = whole;
    for (at, packet) in packets.iter().enumerate() {
        match packet {
            Inbound::Connect(connect) => {
                assert_eq!(at, 0);
                // Of none the client would never get anything.
                assert_ne!(connect.receive_max, 0);
            }
            Inbound::Publish(publish) => check_publish(publish),
            Inbound::Puback(_) | Inbound::Ping | Inbound::Disconnect(_) => {}
            Inbound::Subscribe(subscribe) => assert!(subscribe.packet_id != 0 && !subscribe.entries.is_empty()),
            Inbound::Unsubscribe { packet_id, filters } => assert!(*packet_id != 0 && !filters.is_empty()),
        }
    }
}

fn check_publish(publish: &Publish) {
    let Publish { topic, payload, qos, packet_id, retain, properties, expiry_s } = publish;
    assert_eq!(*qos == QoS::AtLeastOnce, packet_id.is_some_and(|id| id != 0));
    let Ok(topic) = topic else { return };
    let properties = properties.clone();
    let message = Message { retain: *retain, properties, ..Message::new(topic.clone(), payload.clone(), *qos) };
    check_message(&message, *expiry_s);
}

/// Properties that have not come by MQTT are such as could have.
#[cfg(feature = "https")]
pub(crate) fn check_properties(properties: crate::message::Properties) {
    let Ok(topic) = crate::topic::TopicName::parse("a") else { return };
    let properties = Some(properties);
    check_message(&Message { properties, ..Message::new(topic, &[][..], QoS::AtLeastOnce) }, None);
}

/// A message that is sent on is the same for the next one who reads it.
fn check_message(message: &Message, expiry_s: Option<u32>) {
    for connect in [CONNECT_3, CONNECT_5] {
        let mut sender = Wire::new();
        decode_with(&mut sender, connect);
        let is_5 = sender.version() == Version::V5;
        assert!(sender.publish(message, message.qos, expiry_s, |id| id < 3).is_ok());
        let mut reader = Wire::new();
        decode_with(&mut reader, connect);
        let (mut packets, broken) = decode_with(&mut reader, &sender.out);
        // What the other version did not have to say may make it larger than what may be received.
        if broken.as_ref().is_some_and(|broken| broken.reason == Reason::PacketTooLarge) {
            continue;
        }
        assert!(broken.is_none() && packets.len() == 1, "{broken:?}");
        let Some(Inbound::Publish(read)) = packets.pop() else { continue };
        assert_eq!(read.topic.as_ref(), Ok(&message.topic));
        assert_eq!((read.payload.as_slice(), read.qos), (message.payload.as_slice(), message.qos));
        assert_eq!(read.retain, message.retain);
        let expected = if is_5 { (message.properties.as_ref(), expiry_s) } else { (None, None) };
        assert_eq!((read.properties.as_ref(), read.expiry_s), expected);
    }
}
