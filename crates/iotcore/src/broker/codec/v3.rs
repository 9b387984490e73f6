//! MQTT 3.1.1 packets of clients.

use mqtt_protocol_core::mqtt::common::Arc;
use mqtt_protocol_core::mqtt::connection::{PacketData, RawPacket};
use mqtt_protocol_core::mqtt::packet::{SubEntry, v3_1_1};
use mqtt_protocol_core::mqtt::prelude::IntoPayload;

use super::check::{self, kind};
use super::packet::{
    Broken, Connect, Disconnect, Entry, Expiry, Inbound, Publish, RetainHandling, Subscribe, SubscriptionOptions,
    Version, Will,
};
use crate::topic::TopicName;

pub(super) fn connect(raw: &RawPacket) -> Result<Connect, Broken> {
    check::connect_flags(raw)?;
    let connect = raw.parse_exact(v3_1_1::Connect::parse)?;
    Ok(Connect {
        version: Version::V3,
        client_id: check::text(connect.client_id())?.into(),
        clean_start: connect.clean_session(),
        expiry: if connect.clean_session() { Expiry::Seconds(0) } else { Expiry::Default },
        keep_alive_s: connect.keep_alive(),
        will: connect.will_topic().map(|topic| Will {
            topic: TopicName::parse(topic),
            payload: connect.will_payload().unwrap_or_default().into_payload(),
            qos: check::supported(connect.will_qos()),
            retain: connect.will_retain(),
            delay_s: 0,
            properties: None,
            expiry_s: None,
        }),
        receive_max: u16::MAX,
        wants_authentication: false,
    })
}

/// Any packet after CONNECT.
pub(super) fn packet(raw: &RawPacket) -> Result<Inbound, Broken> {
    Ok(match raw.packet_type() {
        kind::PUBLISH => Inbound::Publish(publish(raw)?),
        kind::PUBACK => Inbound::Puback(raw.parse_exact(v3_1_1::Puback::parse)?.packet_id()),
        kind::SUBSCRIBE => {
            let subscribe = raw.parse_exact(v3_1_1::Subscribe::parse)?;
            let entries = subscribe.entries().iter().map(entry).collect::<Result<_, _>>()?;
            Inbound::Subscribe(Subscribe { packet_id: check::packet_id(subscribe.packet_id())?, entries })
        }
        kind::UNSUBSCRIBE => {
            let unsubscribe = raw.parse_exact(v3_1_1::Unsubscribe::parse)?;
            let filters = unsubscribe.entries().iter().map(|filter| filter.as_str().into()).collect();
            Inbound::Unsubscribe { packet_id: check::packet_id(unsubscribe.packet_id())?, filters }
        }
        kind::PINGREQ => raw.parse_exact(v3_1_1::Pingreq::parse).map(|_| Inbound::Ping)?,
        kind::DISCONNECT => {
            raw.parse_exact(v3_1_1::Disconnect::parse)?;
            Inbound::Disconnect(Disconnect { with_will: false, expiry_s: None })
        }
        other => return Err(check::unexpected(other)),
    })
}

/// The bytes of a PUBLISH, which its payload will share.
pub(super) fn shared(raw: &RawPacket) -> Arc<[u8]> {
    match &raw.data {
        PacketData::Publish(data) => Arc::clone(data),
        PacketData::Normal(data) => data.as_slice().into(),
    }
}

fn publish(raw: &RawPacket) -> Result<Publish, Broken> {
    let (publish, _) = v3_1_1::Publish::parse(raw.flags(), shared(raw))?;
    Ok(Publish {
        topic: TopicName::parse(publish.topic_name()),
        payload: publish.payload().clone(),
        qos: check::qos(publish.qos())?,
        packet_id: publish.packet_id().map(check::packet_id).transpose()?,
        retain: publish.retain(),
        properties: None,
        expiry_s: None,
    })
}

fn entry(entry: &SubEntry) -> Result<Entry, Broken> {
    let asked = entry.sub_opts();
    // The bits that MQTT 5 gives a meaning are reserved here. [MQTT-3.8.3-4]
    if asked.to_buffer().iter().any(|options| options & !0b11 != 0) {
        return Err(Broken::malformed("reserved bits of a subscription's options are set"));
    }
    Ok(Entry {
        filter: entry.topic_filter().into(),
        qos: check::qos(asked.qos())?,
        options: SubscriptionOptions::default(),
        retain_handling: RetainHandling::Always,
    })
}
