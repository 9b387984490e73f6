use mqtt_protocol_core::mqtt::packet::{Property, Qos, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, DisconnectReasonCode};
use proptest::prelude::*;

use super::fuzzing::{CONNECT_3, CONNECT_5, decode_with};
use super::*;
use crate::message::Properties;
use crate::topic::TopicName;

fn reason(connect: &[u8], packet: &[u8]) -> Option<Reason> {
    decode_with(&mut Wire::new(), &[connect, packet].concat()).1.map(|broken| broken.reason)
}

fn wire(connect: &[u8]) -> Wire {
    let mut wire = Wire::new();
    let (packets, broken) = decode_with(&mut wire, connect);
    assert!(matches!(packets[..], [Inbound::Connect(_)]), "{broken:?}");
    wire
}

/// What is after the fixed header.
fn body(packet: &[u8]) -> &[u8] {
    let header = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    &packet[header..]
}

#[test]
fn what_breaks_the_protocol_is_refused() {
    use Reason::{MalformedPacket, PacketTooLarge, ProtocolError, QosNotSupported};
    for (packet, expected) in [
        (&b"\x30\x03\x00\x01a"[..], None),
        (b"\x82\x06\x00\x01\x00\x01a\x01", None),
        (b"\x38\x03\x00\x01a", Some(MalformedPacket)), // DUP with QoS 0
        (b"\x36\x05\x00\x01a\x00\x01", Some(MalformedPacket)), // PUBLISH with QoS 3
        (b"\x34\x05\x00\x01a\x00\x01", Some(QosNotSupported)), // PUBLISH with QoS 2
        (b"\x32\x05\x00\x01a\x00\x00", Some(ProtocolError)), // packet id 0
        (b"\x82\x06\x00\x00\x00\x01a\x01", Some(ProtocolError)), // packet id 0
        (b"\xa2\x05\x00\x00\x00\x01a", Some(ProtocolError)), // packet id 0
        (b"\x80\x06\x00\x01\x00\x01a\x01", Some(MalformedPacket)), // SUBSCRIBE with wrong flags
        (b"\xa0\x05\x00\x01\x00\x01a", Some(MalformedPacket)), // UNSUBSCRIBE with wrong flags
        (b"\x82\x06\x00\x01\x00\x01a\x02", Some(QosNotSupported)), // SUBSCRIBE with QoS 2
        (b"\x82\x06\x00\x01\x00\x01a\x04", Some(MalformedPacket)), // options of MQTT 5
        (b"\x82\x02\x00\x01", Some(ProtocolError)),    // SUBSCRIBE to nothing
        (b"\x41\x02\x00\x01", Some(MalformedPacket)),  // PUBACK with flags
        (b"\x62\x02\x00\x01", Some(ProtocolError)),    // PUBREL
        (b"\xc0\x01\x00", Some(MalformedPacket)),      // PINGREQ with a body
        (b"\xd0\x00", Some(ProtocolError)),            // PINGRESP
        (b"\xf0\x00", Some(ProtocolError)),            // AUTH
        (CONNECT_3, Some(ProtocolError)),              // a second CONNECT
        (b"\x30\xff\xff\xff\x7f", Some(PacketTooLarge)),
        (b"\x30\xff\xff\xff\xff", Some(MalformedPacket)),
    ] {
        assert_eq!(reason(CONNECT_3, packet), expected, "{packet:x?}");
    }
    for (connect, expected) in [
        (&b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01a"[..], MalformedPacket), // reserved flag
        (b"\x10\x0d\x00\x04MQTT\x04\x0a\x00\x3c\x00\x01a", MalformedPacket),      // QoS of no will
        (b"\x10\x0d\x00\x04MQTT\x04\x22\x00\x3c\x00\x01a", MalformedPacket),      // RETAIN of no will
        (b"\x10\x12\x00\x04MQTT\x04\x1e\x00\x3c\x00\x01a\x00\x01w\x00\x00", MalformedPacket), // will of QoS 3
        (b"\x11\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a", MalformedPacket),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\x00", MalformedPacket), // NUL
        (b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a", Reason::UnsupportedProtocolVersion),
        (b"\x30\x03\x00\x01a", ProtocolError),
        (b"GET / HTTP/1.1\r\n\r\n", ProtocolError),
    ] {
        assert_eq!(reason(connect, b""), Some(expected), "{connect:x?}");
    }
}

#[test]
fn what_breaks_mqtt_5_is_refused() {
    use Reason::{MalformedPacket, ProtocolError};
    for (packet, expected) in [
        (&b"\x30\x05\x00\x01a\x00x"[..], None),
        (b"\x30\x07\x00\x01a\x03\x23\x00\x08", None),
        (b"\x30\x07\x00\x01a\x03\x23\x00\x09", Some(Reason::TopicAliasInvalid)),
        (b"\x30\x06\x00\x00\x03\x23\x00\x08", Some(ProtocolError)), // an alias that stands for nothing
        (b"\x30\x03\x00\x00\x00", Some(ProtocolError)),             // neither topic nor alias
        (b"\x30\x06\x00\x01a\x02\x0b\x01", Some(ProtocolError)),    // a client's subscription identifier
        (b"\x30\x08\x00\x01a\x04\x08\x00\x01#", Some(ProtocolError)), // a response topic with wildcards
        (b"\x30\x0b\x00\x01a\x07\x26\x00\x01k\x00\x01\x00", Some(MalformedPacket)), // NUL
        (b"\x30\x08\x00\x01a\x04\x01\x00\x01\x00", Some(ProtocolError)), // a property twice
        (b"\x82\x09\x00\x01\x02\x0b\x01\x00\x01a\x00", Some(Reason::SubscriptionIdentifiersNotSupported)),
        (b"\x82\x07\x00\x01\x00\x00\x01a\x30", Some(MalformedPacket)), // retain handling 3
        (b"\xf0\x00", Some(ProtocolError)),                            // AUTH
    ] {
        assert_eq!(reason(CONNECT_5, packet), expected, "{packet:x?}");
    }
}

#[test]
fn an_alias_stands_for_its_last_topic() {
    let bytes = b"\x30\x07\x00\x01a\x03\x23\x00\x01\x30\x06\x00\x00\x03\x23\x00\x01\
                  \x30\x07\x00\x01b\x03\x23\x00\x01\x30\x06\x00\x00\x03\x23\x00\x01";
    let (packets, broken) = decode_with(&mut wire(CONNECT_5), bytes);
    assert_eq!(broken, None);
    let topics: Vec<_> = packets
        .iter()
        .map(|packet| match packet {
            Inbound::Publish(Publish { topic: Ok(topic), .. }) => topic.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(topics, ["a", "a", "b", "b"]);
}

#[test]
fn connect_of_mqtt_5_says_all_it_can() {
    // Session expiry 9 s, receive maximum 5, packets of 200 bytes, no problem information, no aliases; a will after 7 s.
    let bytes = b"\x10\x39\x00\x04MQTT\x05\x2c\x00\x3c\x12\x11\x00\x00\x00\x09\x21\x00\x05\x27\x00\x00\x00\xc8\x17\x00\x22\x00\x00\
                  \x00\x01a\x12\x18\x00\x00\x00\x07\x02\x00\x00\x00\x08\x26\x00\x01k\x00\x02vv\x00\x01w\x00\x01p";
    let mut wire = Wire::new();
    let (mut packets, broken) = decode_with(&mut wire, bytes);
    assert_eq!(broken, None);
    let Some(Inbound::Connect(connect)) = packets.pop() else { panic!("{packets:?}") };
    assert_eq!(
        (connect.version, &*connect.client_id, connect.clean_start, connect.expiry, connect.receive_max),
        (Version::V5, "a", false, Expiry::Seconds(9), 5)
    );
    let will = connect.will.unwrap();
    assert_eq!((will.topic.unwrap().as_str(), will.payload.as_slice()), ("w", &b"p"[..]));
    assert_eq!((will.qos, will.retain, will.delay_s, will.expiry_s), (Some(QoS::AtLeastOnce), true, 7, Some(8)));
    assert_eq!(will.properties.unwrap().as_bytes(), b"\x26\x00\x01k\x00\x02vv");
    // It is told no reasons, and sent nothing larger than it takes.
    wire.disconnect(Reason::NotAuthorized, "because");
    assert_eq!(wire.out.split()[..], b"\xe0\x02\x87\x00"[..]);
    let large = Message::new(TopicName::parse("t").unwrap(), &[0; 200][..], QoS::AtLeastOnce);
    assert_eq!(wire.publish(&large, QoS::AtLeastOnce, None, |_| false), Err(TooLarge));
    assert!(wire.out.is_empty());
}

#[test]
fn a_packet_id_in_use_is_not_given_again() {
    let mut wire = wire(CONNECT_3);
    let message = Message::new(TopicName::parse("t").unwrap(), "", QoS::AtLeastOnce);
    let mut id = |taken: u16| wire.publish(&message, QoS::AtLeastOnce, None, |id| id == taken).unwrap().unwrap();
    assert_eq!([id(1), id(9), id(4)], [2, 3, 5]);
    wire.last_packet_id = u16::MAX;
    assert_eq!(wire.publish(&message, QoS::AtLeastOnce, None, |_| false), Ok(Some(1)));
}

#[test]
fn connack_says_what_there_is() {
    let accepted = Accepted {
        session_present: true,
        session_expiry_s: Some(3600),
        keep_alive_s: Some(1200),
        assigned_client_id: Some("made-up"),
        receive_max: 100,
        packet_bytes_max: 149_504,
        topic_aliases_max: 8,
        shared_subscriptions: false,
    };
    let mut wire5 = wire(CONNECT_5);
    wire5.connack_accepted(&accepted);
    let (connack, _) = v5_0::Connack::parse(body(&wire5.out)).unwrap();
    assert!(connack.session_present() && connack.reason_code() == ConnectReasonCode::Success);
    let shown: Vec<_> = connack.props().iter().map(|property| (property.id().as_str(), property.size())).collect();
    assert_eq!(
        shown,
        [
            ("session_expiry_interval", 5),
            ("receive_maximum", 3),
            ("maximum_qos", 2),
            ("retain_available", 2),
            ("maximum_packet_size", 5),
            ("assigned_client_identifier", 10),
            ("topic_alias_maximum", 3),
            ("wildcard_subscription_available", 2),
            ("subscription_identifier_available", 2),
            ("shared_subscription_available", 2),
            ("server_keep_alive", 3),
        ]
    );
    let mut wire3 = wire(CONNECT_3);
    wire3.connack_accepted(&accepted);
    assert_eq!(wire3.out[..], [0x20, 2, 1, 0]);
}

#[test]
fn answers_are_what_the_library_reads() {
    let reasons = [Reason::GrantedQos1, Reason::NotAuthorized, Reason::TopicFilterInvalid];
    let mut wire5 = wire(CONNECT_5);
    wire5.suback(7, &reasons);
    let (suback, _) = v5_0::Suback::parse(body(&wire5.out.split())).unwrap();
    assert_eq!(suback.packet_id(), 7);
    assert_eq!(suback.reason_codes().into_iter().map(|code| code as u8).collect::<Vec<_>>(), [1, 0x87, 0x8F]);
    wire5.unsuback(8, &[Reason::Success, Reason::NoSubscriptionExisted]);
    let (unsuback, _) = v5_0::Unsuback::parse(body(&wire5.out.split())).unwrap();
    assert_eq!(unsuback.reason_codes().into_iter().map(|code| code as u8).collect::<Vec<_>>(), [0, 0x11]);
    wire5.puback(9, Reason::NotAuthorized, "no policy");
    let (puback, _) = v5_0::Puback::parse(body(&wire5.out.split())).unwrap();
    assert_eq!((puback.packet_id(), puback.reason_code().map(|code| code as u8)), (9, Some(0x87)));
    wire5.puback(9, Reason::Success, "");
    assert_eq!(wire5.out.split()[..], [0x40, 2, 0, 9]);
    wire5.disconnect(Reason::SessionTakenOver, "another one");
    let (disconnect, _) = v5_0::Disconnect::parse(body(&wire5.out.split())).unwrap();
    assert_eq!(disconnect.reason_code(), Some(DisconnectReasonCode::SessionTakenOver));
    assert!(matches!(disconnect.props().as_deref(), Some([Property::ReasonString(why)]) if why.val() == "another one"));
    wire5.connack_refused(Reason::NotAuthorized, "no");
    let (connack, _) = v5_0::Connack::parse(body(&wire5.out.split())).unwrap();
    assert_eq!(connack.reason_code(), ConnectReasonCode::NotAuthorized);

    let mut wire3 = wire(CONNECT_3);
    wire3.suback(7, &reasons);
    wire3.unsuback(8, &[Reason::Success]);
    wire3.disconnect(Reason::SessionTakenOver, "another one");
    wire3.pingresp();
    assert_eq!(wire3.out[..], [0x90, 5, 0, 7, 1, 0x80, 0x80, 0xB0, 2, 0, 8, 0xD0, 0]);
}

proptest! {
    /// A PUBLISH is what the library reads back, of any size, and its size is known before.
    #[test]
    fn publishes_are_what_the_library_reads(
        payload in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), Just(vec![7; 17_000])],
        qos1 in any::<bool>(),
        retain in any::<bool>(),
        left_s in prop::option::of(any::<u32>()),
        user in prop::collection::vec(("[a-z]{0,9}", "[a-z]{0,200}"), 0..4),
    ) {
        let properties: Vec<Property> = user
            .iter()
            .map(|(key, value)| mqtt_protocol_core::mqtt::packet::UserProperty::new(key.as_str(), value.as_str()).unwrap().into())
            .collect();
        let qos = if qos1 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let message = Message {
            retain,
            properties: Properties::new(properties.iter().flat_map(Property::to_continuous_buffer).collect()),
            ..Message::new(TopicName::parse("a/b").unwrap(), payload.as_slice().into_payload(), qos)
        };
        for version in [Version::V3, Version::V5] {
            let mut wire = wire(if version == Version::V3 { CONNECT_3 } else { CONNECT_5 });
            let packet_id = wire.publish(&message, qos, left_s, |_| false).unwrap();
            let bytes = wire.out.split();
            prop_assert_eq!(encode::Publish::new(&message, packet_id, left_s, version).packet_len(), bytes.len());
            let (flags, body) = (bytes[0] & 0xf, body(&bytes));
            let expected = (if qos1 { Qos::AtLeastOnce } else { Qos::AtMostOnce }, packet_id, retain);
            if version == Version::V3 {
                let (read, _) = v3_1_1::Publish::parse(flags, body.into()).unwrap();
                prop_assert_eq!((read.qos(), read.packet_id(), read.retain()), expected);
                prop_assert_eq!((read.topic_name(), read.payload().as_slice()), ("a/b", payload.as_slice()));
            } else {
                let (read, _) = v5_0::Publish::parse(flags, body.into()).unwrap();
                prop_assert_eq!((read.qos(), read.packet_id(), read.retain()), expected);
                prop_assert_eq!((read.topic_name(), read.payload().as_slice()), ("a/b", payload.as_slice()));
                let expiry = read.props().iter().find_map(|property| match property {
                    Property::MessageExpiryInterval(interval) => Some(interval.val()),
                    _ => None,
                });
                prop_assert_eq!(expiry, left_s);
                prop_assert_eq!(&read.props()[..properties.len()], &properties[..]);
            }
        }
    }

    /// No bytes make it panic, in one piece or in many.
    #[test]
    fn any_bytes_are_borne(
        begun in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        first in prop::sample::select(&[0x10_u8, 0x30, 0x32, 0x40, 0x82, 0xa2, 0xe0][..]),
    ) {
        let length = u8::try_from(bytes.len().min(127)).unwrap();
        fuzz(&[&[begun, first, length], &bytes[..]].concat());
        fuzz(&bytes);
    }
}
