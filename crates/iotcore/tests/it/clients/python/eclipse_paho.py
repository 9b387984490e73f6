"""Eclipse Paho, MQTT 3.1.1 and MQTT 5: what Paho's own interoperability tests ask of a broker and AWS IoT Core does."""

import ssl

import paho.mqtt.client as paho
from device import DEVICE, PATIENCE_S, Inbox
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

me = DEVICE["client_id"]


class Client:
    def __init__(self, protocol, client_id=me, will=None, session_s=0, new=True, manual_ack=False):
        """Of a session that is kept, `session_s` is how long and `new` whether it begins anew; MQTT 3.1.1 knows no time."""
        self.inbox, self._acks = Inbox(), {}
        if protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = session_s
            clean, options = {}, {"clean_start": new, "properties": properties}
        else:
            clean, options = {"clean_session": session_s == 0}, {}
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol, manual_ack=manual_ack, **clean
        )
        self.client.tls_set(DEVICE["root"], DEVICE["certificate"], DEVICE["key"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will is not None:
            self.client.will_set(*will, qos=1)
        for name in ["connect", "subscribe", "unsubscribe", "disconnect"]:
            self._acks[name] = Inbox()
        self.client.on_connect = lambda c, u, flags, reason, properties: self._acks["connect"].put(flags, reason)
        self.client.on_subscribe = lambda c, u, mid, reasons, properties: self._acks["subscribe"].put(reasons)
        self.client.on_unsubscribe = lambda c, u, mid, reasons, properties: self._acks["unsubscribe"].put(reasons)
        self.client.on_disconnect = lambda c, u, flags, reason, properties: self._acks["disconnect"].put(flags, reason)
        self.reasons = Inbox()
        self.client.on_publish = lambda c, u, mid, reason, properties: self.reasons.put(reason)
        self.client.on_message = lambda c, u, message: self.inbox.put(message)
        self.client.connect(DEVICE["endpoint"], DEVICE["port"], keepalive=30, **options)
        self.client.loop_start()
        self.flags, self.reason = self._acks["connect"].next()

    def subscribe(self, topic, qos=1, **options):
        if options:
            self.client.subscribe(topic, options=SubscribeOptions(qos, **options))
        else:
            self.client.subscribe(topic, qos)
        return self._acks["subscribe"].next()

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)
        return self._acks["unsubscribe"].next()

    def payloads(self, count):
        return [self.inbox.next().payload for _ in range(count)]

    def publish(self, topic, payload, qos=1, **options):
        self.client.publish(topic, payload, qos, **options).wait_for_publish(PATIENCE_S)

    def stop(self):
        self.client.disconnect()
        self.ended()
        self.client.loop_stop()

    def ended(self):
        """The broker has ended the connection."""
        return self._acks["disconnect"].next()

    def vanish(self):
        """The network goes without a DISCONNECT."""
        self.client.socket().shutdown(2)
        self.ended()
        self.client.loop_stop()


def basic(protocol):
    device = Client(protocol)
    assert not device.reason.is_failure, device.reason
    assert [not reason.is_failure for reason in device.subscribe(f"dt/{me}/#")] == [True]
    for n, qos in enumerate([0, 1, 1]):
        device.publish(f"dt/{me}/x", str(n), qos)
    assert [device.inbox.next().payload for _ in range(3)] == [b"0", b"1", b"2"]
    assert [reason.value for reason in device.subscribe("dt/other/#")] == [135 if protocol == paho.MQTTv5 else 128]
    device.stop()


def retained(protocol):
    device = Client(protocol)
    device.publish(f"dt/{me}/kept", b"kept", retain=True)
    device.subscribe(f"dt/{me}/kept")
    message = device.inbox.next()
    assert (message.payload, bool(message.retain)) == (b"kept", True)
    device.publish(f"dt/{me}/kept", b"", retain=True)
    assert device.inbox.next().payload == b""
    device.stop()


def will(protocol):
    watcher = Client(protocol)
    watcher.subscribe(f"dt/{me}/will")
    mortal = Client(protocol, client_id=f"{me}-mortal", will=(f"dt/{me}/will", b"gone"))
    mortal.vanish()
    assert watcher.inbox.next().payload == b"gone"
    polite = Client(protocol, client_id=f"{me}-mortal", will=(f"dt/{me}/will", b"never"))
    polite.stop()
    watcher.publish(f"dt/{me}/will", b"last")
    assert watcher.inbox.next().payload == b"last"
    watcher.stop()


def unsubscribe(protocol):
    device = Client(protocol)
    for name in ["one", "two"]:
        device.subscribe(f"dt/{me}/{name}")
    device.unsubscribe(f"dt/{me}/one")
    for name in ["one", "two"]:
        device.publish(f"dt/{me}/{name}", name)
    assert device.payloads(1) == [b"two"]
    device.stop()
    device.inbox.assert_empty()


def overlapping_subscriptions(protocol):
    """One copy, of the highest quality of service."""
    device = Client(protocol)
    device.subscribe(f"dt/{me}/+", 0)
    device.subscribe(f"dt/{me}/#", 1)
    device.publish(f"dt/{me}/x", b"once")
    device.publish(f"dt/{me}/x", b"last")
    messages = [device.inbox.next() for _ in range(2)]
    assert [(message.payload, message.qos) for message in messages] == [(b"once", 1), (b"last", 1)]
    device.stop()


def offline_queueing(protocol):
    """QoS 1 waits, QoS 0 does not."""
    device = Client(protocol, session_s=3600)
    assert not device.flags.session_present
    device.subscribe(f"dt/{me}/later")
    device.stop()
    sender = Client(protocol, client_id=f"{me}-sender")
    for n, qos in enumerate([0, 1, 1]):
        sender.publish(f"dt/{me}/later", str(n), qos)
    sender.stop()
    device = Client(protocol, session_s=3600, new=False)
    assert device.flags.session_present
    assert device.payloads(2) == [b"1", b"2"]
    device.unsubscribe(f"dt/{me}/later")
    device.stop()
    device.inbox.assert_empty()
    device = Client(protocol)
    assert not device.flags.session_present
    device.stop()


def redelivery_on_reconnect(protocol):
    """What was not acknowledged comes again: as AWS has it, without the DUP flag."""
    device = Client(protocol, session_s=3600, manual_ack=True)
    device.subscribe(f"dt/{me}/x")
    device.publish(f"dt/{me}/x", b"acknowledged")
    device.publish(f"dt/{me}/x", b"again")
    first, second = device.inbox.next(), device.inbox.next()
    assert (first.payload, second.payload) == (b"acknowledged", b"again")
    device.client.ack(first.mid, first.qos)
    # Behind the acknowledgement, and answered.
    device.publish(f"dt/{me}/y", b"")
    device.vanish()
    device = Client(protocol, session_s=3600, new=False)
    message = device.inbox.next()
    assert (message.payload, message.dup) == (b"again", False)
    device.stop()
    device.inbox.assert_empty()
    Client(protocol).stop()


def dollar_topics(protocol):
    """Wildcards at the beginning do not match them, and nobody may invent one."""
    device = Client(protocol)
    refused = device.subscribe(f"$dt/{me}/#")
    assert refused[0].is_failure, refused
    device.client.publish(f"$dt/{me}/x", b"", 1)
    if protocol == paho.MQTTv5:
        assert device.reasons.next().value == 135
        device.stop()
    else:
        assert device.ended()
        device.client.loop_stop()


def subscribe_options():
    device = Client(paho.MQTTv5)
    topic = f"dt/{me}/options"
    device.subscribe(topic, noLocal=True)
    device.publish(topic, b"mine")
    other = Client(paho.MQTTv5, client_id=f"{me}-other")
    for flag in [True, False]:
        device.subscribe(topic, retainAsPublished=flag, retainHandling=2)
        other.publish(topic, b"other's", retain=True)
        message = device.inbox.next()
        assert (message.payload, bool(message.retain)) == (b"other's", flag)
    # Retain Handling for a subscription that is there already: always, only if it were not, never.
    greeted = []
    for handling in [0, 1, 2]:
        device.subscribe(topic, retainHandling=handling)
        other.publish(topic, str(handling))
        greeting = device.inbox.next()
        if greeting.retain:
            greeted.append(handling)
            greeting = device.inbox.next()
        assert greeting.payload == str(handling).encode()
    assert greeted == [0]
    other.publish(topic, b"", retain=True)
    other.stop()
    device.stop()


def properties():
    """Payload format, content type, user properties, request and response, as they were sent."""
    device = Client(paho.MQTTv5)
    device.subscribe(f"dt/{me}/properties")
    sent = Properties(PacketTypes.PUBLISH)
    sent.PayloadFormatIndicator = 1
    sent.ContentType = "text/plain"
    sent.UserProperty = [("a", "2"), ("c", "3")]
    sent.ResponseTopic = f"dt/{me}/answer"
    sent.CorrelationData = b"question"
    for qos in [0, 1]:
        device.publish(f"dt/{me}/properties", b"", qos, properties=sent)
        got = device.inbox.next().properties
        assert got.json() == sent.json(), got
    device.stop()


def topic_alias():
    device = Client(paho.MQTTv5)
    device.subscribe(f"dt/{me}/alias")
    properties = Properties(PacketTypes.PUBLISH)
    properties.TopicAlias = 1
    device.publish(f"dt/{me}/alias", b"by name", properties=properties)
    device.publish("", b"by alias", properties=properties)
    assert [(m.topic, m.payload) for m in [device.inbox.next(), device.inbox.next()]] == [
        (f"dt/{me}/alias", b"by name"),
        (f"dt/{me}/alias", b"by alias"),
    ]
    device.stop()


for protocol in [paho.MQTTv311, paho.MQTTv5]:
    basic(protocol)
    retained(protocol)
    will(protocol)
    unsubscribe(protocol)
    overlapping_subscriptions(protocol)
    offline_queueing(protocol)
    redelivery_on_reconnect(protocol)
    dollar_topics(protocol)
topic_alias()
subscribe_options()
properties()
