"""Eclipse Paho, MQTT 3.1.1 and MQTT 5: what Paho's own interoperability tests ask of a broker and AWS IoT Core does."""

import ssl

import paho.mqtt.client as paho
from device import DEVICE, PATIENCE_S, Inbox
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

me = DEVICE["client_id"]


class Client:
    def __init__(self, protocol, client_id=me, will=None, **options):
        self.inbox, self._acks = Inbox(), {}
        clean = {} if protocol == paho.MQTTv5 else {"clean_session": options.pop("clean", True)}
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol, **clean
        )
        self.client.tls_set(DEVICE["root"], DEVICE["certificate"], DEVICE["key"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will is not None:
            self.client.will_set(*will, qos=1)
        for name in ["connect", "subscribe", "disconnect"]:
            self._acks[name] = Inbox()
        self.client.on_connect = lambda c, u, flags, reason, properties: self._acks["connect"].put(flags, reason)
        self.client.on_subscribe = lambda c, u, mid, reasons, properties: self._acks["subscribe"].put(reasons)
        self.client.on_disconnect = lambda c, u, flags, reason, properties: self._acks["disconnect"].put(flags, reason)
        self.client.on_message = lambda c, u, message: self.inbox.put(message)
        self.client.connect(DEVICE["endpoint"], DEVICE["port"], keepalive=30, **options)
        self.client.loop_start()
        self.flags, self.reason = self._acks["connect"].next()

    def subscribe(self, topic, qos=1):
        self.client.subscribe(topic, qos)
        return self._acks["subscribe"].next()

    def publish(self, topic, payload, qos=1, **options):
        self.client.publish(topic, payload, qos, **options).wait_for_publish(PATIENCE_S)

    def stop(self):
        self.client.disconnect()
        self._acks["disconnect"].next()
        self.client.loop_stop()

    def vanish(self):
        """The network goes without a DISCONNECT."""
        self.client.socket().shutdown(2)
        self._acks["disconnect"].next()
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
topic_alias()
