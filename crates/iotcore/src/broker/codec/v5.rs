//! MQTT 5.0 packets of clients.

use mqtt_protocol_core::mqtt::connection::RawPacket;
use mqtt_protocol_core::mqtt::packet::{Property, RetainHandling as Handling, SubEntry, v5_0};
use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;

use super::aliases::Aliases;
use super::check::{self, kind};
use super::packet::{
    Broken, Connect, Disconnect, Entry, Expiry, Inbound, Publish, RetainHandling, Subscribe, SubscriptionOptions,
    Version, Will,
};
use super::reason::Reason;
use super::v3::shared;
use crate::message::Properties;
use crate::topic::TopicName;

/// What a client says about what it takes. MQTT 5.0 sections 3.1.2.11.4 and 3.1.2.11.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) packet_bytes_max: u32,
    pub(super) wants_problem_information: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Self { packet_bytes_max: u32::MAX, wants_problem_information: true }
    }
}

pub(super) fn connect(raw: &RawPacket) -> Result<(Connect, Peer), Broken> {
    check::connect_flags(raw)?;
    let packet = raw.parse_exact(v5_0::Connect::parse)?;
    let mut peer = Peer::default();
    let mut connect = Connect {
        version: Version::V5,
        client_id: check::text(packet.client_id())?.into(),
        clean_start: packet.clean_start(),
        expiry: Expiry::Seconds(0),
        keep_alive_s: packet.keep_alive(),
        will: None,
        receive_max: u16::MAX,
        wants_authentication: false,
    };
    for property in packet.props() {
        match property {
            Property::SessionExpiryInterval(interval) => connect.expiry = Expiry::Seconds(interval.val()),
            Property::ReceiveMaximum(max) => connect.receive_max = max.val(),
            Property::MaximumPacketSize(max) => peer.packet_bytes_max = max.val(),
            Property::RequestProblemInformation(wants) => peer.wants_problem_information = wants.val() == 1,
            Property::AuthenticationMethod(_) => connect.wants_authentication = true,
            // No response information and no alias is ever sent; user properties mean nothing to the broker.
            _ => {}
        }
    }
    if let Some(topic) = packet.will_topic() {
        let carried = Carried::of(packet.will_props())?;
        connect.will = Some(Will {
            topic: TopicName::parse(topic),
            payload: packet.will_payload().unwrap_or_default().into_payload(),
            qos: check::supported(packet.will_qos()),
            retain: packet.will_retain(),
            delay_s: carried.will_delay_s,
            properties: carried.properties,
            expiry_s: carried.expiry_s,
        });
    }
    Ok((connect, peer))
}

/// Any packet after CONNECT.
pub(super) fn packet(raw: &RawPacket, aliases: &mut Aliases) -> Result<Inbound, Broken> {
    Ok(match raw.packet_type() {
        kind::PUBLISH => Inbound::Publish(publish(raw, aliases)?),
        kind::PUBACK => Inbound::Puback(raw.parse_exact(v5_0::Puback::parse)?.packet_id()),
        kind::SUBSCRIBE => Inbound::Subscribe(subscribe(raw)?),
        kind::UNSUBSCRIBE => {
            let unsubscribe = raw.parse_exact(v5_0::Unsubscribe::parse)?;
            let filters = unsubscribe.entries().iter().map(|filter| filter.as_str().into()).collect();
            Inbound::Unsubscribe { packet_id: check::packet_id(unsubscribe.packet_id())?, filters }
        }
        kind::PINGREQ => raw.parse_exact(v5_0::Pingreq::parse).map(|_| Inbound::Ping)?,
        kind::DISCONNECT => Inbound::Disconnect(disconnect(raw)?),
        other => return Err(check::unexpected(other)),
    })
}

fn publish(raw: &RawPacket, aliases: &mut Aliases) -> Result<Publish, Broken> {
    let (publish, _) = v5_0::Publish::parse(raw.flags(), shared(raw))?;
    let qos = check::qos(publish.qos())?;
    let packet_id = publish.packet_id().map(check::packet_id).transpose()?;
    let carried = Carried::of(publish.props())?;
    let topic = match (publish.topic_name(), carried.alias) {
        ("", None) => return Err(Broken::protocol("a PUBLISH without topic and alias")),
        ("", Some(alias)) => Ok(aliases.resolve(alias)?),
        (topic, alias) => {
            let topic = TopicName::parse(topic);
            if let Some(alias) = alias {
                aliases.set(alias, topic.as_ref().ok())?;
            }
            topic
        }
    };
    Ok(Publish {
        topic,
        payload: publish.payload().clone(),
        qos,
        packet_id,
        retain: publish.retain(),
        properties: carried.properties,
        expiry_s: carried.expiry_s,
    })
}

/// Properties of a PUBLISH or a will.
#[derive(Default)]
struct Carried {
    properties: Option<Properties>,
    expiry_s: Option<u32>,
    will_delay_s: u32,
    alias: Option<u16>,
}

impl Carried {
    fn of(all: &[Property]) -> Result<Self, Broken> {
        let (mut carried, mut forwarded) = (Self::default(), Vec::new());
        for property in all {
            match property {
                Property::MessageExpiryInterval(interval) => carried.expiry_s = Some(interval.val()),
                Property::WillDelayInterval(interval) => carried.will_delay_s = interval.val(),
                Property::TopicAlias(alias) => carried.alias = Some(alias.val()),
                // [MQTT-3.3.4-6]
                Property::SubscriptionIdentifier(_) => {
                    return Err(Broken::protocol("a PUBLISH of a client with a subscription identifier"));
                }
                property => {
                    match property {
                        Property::ContentType(text) => drop(check::text(text.val())?),
                        Property::UserProperty(pair) => {
                            check::text(pair.key())?;
                            check::text(pair.val())?;
                        }
                        // [MQTT-3.3.2-14]
                        Property::ResponseTopic(topic) if check::text(topic.val())?.contains(['+', '#']) => {
                            return Err(Broken::protocol("a response topic with wildcards"));
                        }
                        _ => {}
                    }
                    forwarded.extend_from_slice(&property.to_continuous_buffer());
                }
            }
        }
        carried.properties = Properties::new(forwarded);
        Ok(carried)
    }
}

/// AWS has no subscription identifiers. Developer Guide, "MQTT reason codes", DISCONNECT.
fn subscribe(raw: &RawPacket) -> Result<Subscribe, Broken> {
    let subscribe = raw.parse_exact(v5_0::Subscribe::parse)?;
    if subscribe.props().iter().any(|property| matches!(property, Property::SubscriptionIdentifier(_))) {
        let why = "subscription identifiers are not supported";
        return Err(Broken::new(Reason::SubscriptionIdentifiersNotSupported, why));
    }
    let entries = subscribe.entries().iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Subscribe { packet_id: check::packet_id(subscribe.packet_id())?, entries })
}

fn entry(entry: &SubEntry) -> Result<Entry, Broken> {
    let asked = entry.sub_opts();
    // [MQTT-3.8.3-4]
    if asked.nl() && entry.topic_filter().starts_with("$share/") {
        return Err(Broken::protocol("a shared subscription with No Local"));
    }
    Ok(Entry {
        filter: entry.topic_filter().into(),
        qos: check::qos(asked.qos())?,
        options: SubscriptionOptions { no_local: asked.nl(), retain_as_published: asked.rap() },
        retain_handling: match asked.rh() {
            Handling::SendRetained => RetainHandling::Always,
            Handling::SendRetainedIfNotExists => RetainHandling::IfNew,
            Handling::DoNotSendRetained => RetainHandling::Never,
        },
    })
}

fn disconnect(raw: &RawPacket) -> Result<Disconnect, Broken> {
    let disconnect = raw.parse_exact(v5_0::Disconnect::parse)?;
    let properties = disconnect.props().iter().flatten();
    Ok(Disconnect {
        // [MQTT-3.14.4-3]: only a normal disconnection discards the will.
        with_will: !matches!(disconnect.reason_code(), None | Some(DisconnectReasonCode::NormalDisconnection)),
        expiry_s: properties
            .filter_map(|property| match property {
                Property::SessionExpiryInterval(interval) => Some(interval.val()),
                _ => None,
            })
            .next(),
    })
}
