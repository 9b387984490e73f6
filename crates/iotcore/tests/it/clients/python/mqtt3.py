"""AWS's MQTT 3.1.1 client: publish, subscribe, retained messages, a session that waits, what policy refuses."""

from awscrt import mqtt
from device import DEVICE, Inbox, connection, done, fails

QOS = mqtt.QoS.AT_LEAST_ONCE
me = DEVICE["client_id"]

# A message comes back to its sender, and to nobody after the unsubscribe.
device = connection()
assert done(device.connect()) == {"session_present": False}
inbox = Inbox()
subscribed, _ = device.subscribe(f"dt/{me}/+", QOS, lambda topic, payload, **_: inbox.put(topic, payload))
assert done(subscribed)["qos"] == QOS
for qos in [QOS, mqtt.QoS.AT_MOST_ONCE]:
    done(device.publish(f"dt/{me}/a", b'{"n": 1}', qos)[0])
    assert inbox.next() == (f"dt/{me}/a", b'{"n": 1}')
done(device.unsubscribe(f"dt/{me}/+")[0])
done(device.publish(f"dt/{me}/a", b"nobody", QOS)[0])

# Retained: what a later subscriber gets, until an empty one takes it away.
done(device.publish(f"dt/{me}/kept", b"kept", QOS, retain=True)[0])
done(device.subscribe(f"dt/{me}/kept", QOS, lambda topic, payload, retain, **_: inbox.put(payload, retain))[0])
assert inbox.next() == (b"kept", True)
done(device.publish(f"dt/{me}/kept", b"", QOS, retain=True)[0])
assert inbox.next() == (b"", False)

# What policy does not allow is refused in the SUBACK.
assert isinstance(fails(device.subscribe("dt/other/a", QOS)[0]), mqtt.SubscribeError)
done(device.disconnect())
inbox.assert_empty()

# A session that is not clean keeps its subscriptions and what comes meanwhile.
waiting = connection(clean_session=False)
assert done(waiting.connect()) == {"session_present": False}
done(waiting.subscribe(f"dt/{me}/later", QOS)[0])
done(waiting.disconnect())
sender = connection(client_id=f"{me}-sender")
done(sender.connect())
for n in range(5):
    done(sender.publish(f"dt/{me}/later", str(n).encode(), QOS)[0])
done(sender.disconnect())
waiting = connection(clean_session=False)
waiting.on_message(lambda topic, payload, **_: inbox.put(payload))
assert done(waiting.connect()) == {"session_present": True}
assert [inbox.next() for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
done(waiting.disconnect())

# A certificate may not be another client.
fails(connection(client_id="other").connect())
