"""AWS's MQTT 5 client: properties kept end to end, session expiry, reasons, what the server says of itself."""

from awscrt import mqtt5
from device import DEVICE, Client5, done

QOS = mqtt5.QoS.AT_LEAST_ONCE
me = DEVICE["client_id"]


def subscribe(client, topic, **options):
    subscription = mqtt5.Subscription(topic_filter=topic, qos=QOS, **options)
    return done(client.client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])))


def publish(client, topic, payload, **options):
    return done(client.client.publish(mqtt5.PublishPacket(topic=topic, payload=payload, qos=QOS, **options)))


device = Client5({"session_expiry_interval_sec": 3600})
connack = device.connack
assert not connack.session_present, vars(connack)
assert connack.session_expiry_interval_sec is None, "as it was asked for"
assert connack.receive_maximum == 100 and connack.maximum_qos == QOS, vars(connack)
assert connack.retain_available and connack.wildcard_subscriptions_available, vars(connack)

# Properties arrive as they were sent.
assert subscribe(device, f"dt/{me}/a").reason_codes == [mqtt5.SubackReasonCode.GRANTED_QOS_1]
publish(
    device,
    f"dt/{me}/a",
    "text",
    payload_format_indicator=mqtt5.PayloadFormatIndicator.AWS_MQTT5_PFI_UTF8,
    message_expiry_interval_sec=60,
    content_type="text/plain",
    response_topic=f"dt/{me}/answer",
    correlation_data=b"\x00\x01",
    user_properties=[mqtt5.UserProperty("k", "1"), mqtt5.UserProperty("k", "2")],
)
got = device.inbox.next()
assert got.payload == b"text" and got.content_type == "text/plain", vars(got)
assert got.response_topic == f"dt/{me}/answer" and got.correlation_data_bytes == b"\x00\x01"
assert got.payload_format_indicator == mqtt5.PayloadFormatIndicator.AWS_MQTT5_PFI_UTF8
assert 0 < got.message_expiry_interval_sec <= 60
assert [(user.name, user.value) for user in got.user_properties] == [("k", "1"), ("k", "2")]

# No local: what a client says itself does not come back to it.
subscribe(device, f"dt/{me}/b", no_local=True)
publish(device, f"dt/{me}/b", "mine")
publish(device, f"dt/{me}/a", "last")
assert device.inbox.next().payload == b"last"

# Refusals have reasons.
refused = subscribe(device, "dt/other/a")
assert refused.reason_codes == [mqtt5.SubackReasonCode.NOT_AUTHORIZED], refused.reason_codes

# The session outlives the connection as long as it was asked to.
subscribe(device, f"dt/{me}/later")
device.stop()
sender = Client5({"client_id": f"{me}-sender"})
publish(sender, f"dt/{me}/later", "kept", message_expiry_interval_sec=1000)
sender.stop()
device = Client5(
    {"session_expiry_interval_sec": 3600},
    session_behavior=mqtt5.ClientSessionBehaviorType.REJOIN_ALWAYS,
)
assert device.connack.session_present
assert device.inbox.next().payload == b"kept"

# The server says why it ends a connection: another one has taken the name.
other = Client5({"session_expiry_interval_sec": 0})
reason = device.disconnections.next().disconnect_packet
assert reason.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER, vars(reason)
device.client.stop()
other.stop()
