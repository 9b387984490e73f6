"""Connections: by boto3, and by a device that shows its certificate. The thing `gone` was last connected in 2023, `never` never."""

import datetime
import time

from awscrt import mqtt5
from aws import client, refused
from device import DEVICE, Client5, done
from plain_https import request

me = DEVICE["client_id"]
iot, iot_data = client("iot"), client("iot-data")
REJOIN = mqtt5.ClientSessionBehaviorType.REJOIN_ALWAYS


def is_now(ms):
    return abs(ms / 1000 - time.time()) < 300


def gone():
    """What is known of the device once it is not connected any more."""
    for _ in range(2000):
        info = iot_data.get_connection(clientId=me)
        if not info["connected"]:
            return info
        time.sleep(0.01)
    raise AssertionError(info)


def subscribe(subscriber):
    subscription = mqtt5.Subscription(topic_filter=f"dt/{me}/#", qos=mqtt5.QoS.AT_LEAST_ONCE)
    done(subscriber.client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])))


# Who is connected.
device = Client5({"session_expiry_interval_sec": 100, "keep_alive_interval_sec": 60})
info = iot_data.get_connection(clientId=me)
assert (info["connected"], info["clientId"], info["thingName"]) == (True, me, me), info
assert (info["cleanSession"], info["sessionExpiry"], info["keepAliveDuration"]) == (False, 100, 60), info
assert is_now(info["connectedSince"]) and not {"disconnectedSince", "disconnectReason", "sourceIp"} & set(info), info
info = iot_data.get_connection(clientId=me, includeSocketInformation=True)
assert info["sourceIp"] == info["targetIp"] and info["targetPort"] == DEVICE["port"] and info["sourcePort"] > 0, info
data = iot.get_thing_connectivity_data(thingName=me)
assert (data["thingName"], data["connected"], data["clientId"], data["sessionExpiry"]) == (me, True, me, 100), data
assert is_now(data["timestamp"].timestamp() * 1000) and not {"disconnectReason", "sourceIp"} & set(data), data
data = iot.get_thing_connectivity_data(thingName=me, includeSocketInformation=True)
assert data["sourceIp"] == info["sourceIp"] and data["sourcePort"] == info["sourcePort"], data
device.stop(mqtt5.DisconnectPacket())
info = gone()
assert (info["connected"], info["disconnectReason"]) == (False, "CLIENT_INITIATED_DISCONNECT"), info
assert is_now(info["disconnectedSince"]) and info["thingName"] == me and "connectedSince" not in info, info
data = iot.get_thing_connectivity_data(thingName=me)
assert (data["connected"], data["disconnectReason"]) == (False, "CLIENT_INITIATED_DISCONNECT"), data

# A client that is no thing is forgotten; of a thing the last is known.
for unknown in ["no-thing", "nobody-ever", "never"]:
    refused("ResourceNotFoundException", 404, iot_data.get_connection, clientId=unknown)
data = iot.get_thing_connectivity_data(thingName="gone")
assert (data["connected"], data["disconnectReason"]) == (False, "CLIENT_INITIATED_DISCONNECT"), data
assert data["timestamp"] == datetime.datetime.fromtimestamp(1_700_000_000, datetime.timezone.utc), data
data = iot.get_thing_connectivity_data(thingName="never")
assert data["connected"] is False and not {"timestamp", "disconnectReason"} & set(data), data
refused("ResourceNotFoundException", 404, iot.get_thing_connectivity_data, thingName="none")
refused("InvalidRequestException", 400, iot_data.get_connection, clientId="$x")
refused("InvalidRequestException", 400, iot_data.delete_connection, clientId="$x")

# An operator ends connections: with the will and without, and the session is there afterwards or is not.
watcher = Client5({"client_id": f"{me}-watcher"})
subscribe(watcher)
for options, has_will, is_kept in [
    (dict(), True, True),
    (dict(preventWillMessage=False, cleanSession=False), True, True),
    (dict(preventWillMessage=True), False, True),
    (dict(cleanSession=True), True, False),
    (dict(preventWillMessage=True, cleanSession=True), False, False),
]:
    will = mqtt5.PublishPacket(topic=f"dt/{me}/will", payload=b"will", qos=mqtt5.QoS.AT_LEAST_ONCE)
    device = Client5({"session_expiry_interval_sec": 1000, "will": will})
    subscribe(device)
    iot_data.delete_connection(clientId=me, **options)
    reason = device.disconnections.next().disconnect_packet
    assert reason.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION, vars(reason)
    device.stop()
    assert gone()["disconnectReason"] == "API_INITIATED_DISCONNECT"
    iot_data.publish(topic=f"dt/{me}/end", payload=b"end", qos=1)
    heard = []
    while not heard or heard[-1] != b"end":
        heard.append(watcher.inbox.next().payload)
    assert heard == ([b"will", b"end"] if has_will else [b"end"]), (options, heard)
    device = Client5({"session_expiry_interval_sec": 0}, session_behavior=REJOIN)
    assert device.connack.session_present == is_kept, options
    device.stop()
gone()
refused("ResourceNotFoundException", 404, iot_data.delete_connection, clientId=me)

# A device may end the connections that its policies name.
status, error, _ = request("DELETE", f"/connections/{me}")
assert (status, error) == (403, "ForbiddenException"), (status, error)
assert request("GET", f"/connections/{me}-watcher")[:2] == (403, "ForbiddenException")
assert request("POST", f"/things/{me}/connectivity-data", b"{}")[:2] == (403, "ForbiddenException")
assert request("DELETE", f"/connections/{me}-nobody")[:2] == (404, "ResourceNotFoundException")
assert request("DELETE", f"/connections/{me}-watcher", cleanSession="maybe")[:2] == (400, "InvalidRequestException")
status, _, answer = request("DELETE", f"/connections/{me}-watcher")
assert status == 200, answer
watcher.disconnections.next()
watcher.stop()
