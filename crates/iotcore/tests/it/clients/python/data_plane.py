"""AWS's data plane: by boto3, signed, and by a device that shows its certificate alone."""

import base64
import json
import sys

from awscrt import mqtt5
from aws import client, refused
from device import DEVICE, Client5, done
from plain_https import request

me, certificate_id = DEVICE["client_id"], sys.argv[4]
iot_data = client("iot-data")

# A subscriber over MQTT gets what is published over HTTPS, with its properties.
subscriber = Client5()
subscription = mqtt5.Subscription(topic_filter=f"dt/{me}/#", qos=mqtt5.QoS.AT_LEAST_ONCE)
done(subscriber.client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])))
iot_data.publish(
    topic=f"dt/{me}/a b/ä",
    qos=1,
    payload=b"\x00text",
    contentType="text/plain",
    responseTopic=f"dt/{me}/answer",
    correlationData=base64.b64encode(b"\x01\x02").decode(),
    payloadFormatIndicator="UNSPECIFIED_BYTES",
    messageExpiry=100,
    userProperties=[{"k": "1"}, {"k": "ä"}],
)
got = subscriber.inbox.next()
assert (got.topic, got.payload, got.content_type) == (f"dt/{me}/a b/ä", b"\x00text", "text/plain"), vars(got)
assert got.response_topic == f"dt/{me}/answer" and got.correlation_data_bytes == b"\x01\x02"
assert [(user.name, user.value) for user in got.user_properties] == [("k", "1"), ("k", "ä")]
assert 0 < got.message_expiry_interval_sec <= 100
iot_data.publish(topic=f"dt/{me}/empty")
assert subscriber.inbox.next().payload == b""
for bad in [dict(qos=2), dict(qos=1, responseTopic="a/#")]:
    refused("InvalidRequestException", 400, iot_data.publish, topic=f"dt/{me}/a", **bad)
refused("InvalidRequestException", 400, iot_data.publish, topic="a/+")
refused("ForbiddenException", 403, iot_data.publish, topic="$aws/events/presence/connected/x")
refused("RequestEntityTooLargeException", 413, iot_data.publish, topic="a", payload=b"x" * (128 * 1024 + 1))
iot_data.publish(topic=f"dt/{me}/large", payload=b"x" * (128 * 1024))
assert len(subscriber.inbox.next().payload) == 128 * 1024

# Retained messages.
iot_data.publish(topic=f"dt/{me}/kept", qos=1, retain=True, payload=b"1", userProperties=json.dumps([{"k": "v"}]))
assert subscriber.inbox.next().payload == b"1"
kept = iot_data.get_retained_message(topic=f"dt/{me}/kept")
assert (kept["topic"], kept["payload"], kept["qos"]) == (f"dt/{me}/kept", b"1", 1), kept
assert json.loads(kept["userProperties"]) == [{"k": "v"}] and kept["lastModifiedTime"] > 1.7e12
iot_data.publish(topic=f"dt/{me}/kept too", retain=True, payload=b"22")
page = iot_data.list_retained_messages(maxResults=1)
assert [(topic["topic"], topic["payloadSize"]) for topic in page["retainedTopics"]] == [(f"dt/{me}/kept", 1)], page
page = iot_data.list_retained_messages(maxResults=1, nextToken=page["nextToken"])
assert [(topic["topic"], topic["payloadSize"]) for topic in page["retainedTopics"]] == [(f"dt/{me}/kept too", 2)], page
assert "nextToken" not in page or page["nextToken"] is None, page
refused("ResourceNotFoundException", 404, iot_data.get_retained_message, topic="none")

# Shadows: classic and named.
message = refused("ResourceNotFoundException", 404, iot_data.get_thing_shadow, thingName=me)
assert message == f"No shadow exists with name: '{me}'", message
update = json.dumps({"state": {"desired": {"lamp": "on"}}, "clientToken": "1"})
answer = json.load(iot_data.update_thing_shadow(thingName=me, payload=update)["payload"])
assert (answer["version"], answer["clientToken"], answer["state"]) == (1, "1", {"desired": {"lamp": "on"}}), answer
answer = json.load(iot_data.get_thing_shadow(thingName=me)["payload"])
assert answer["state"] == {"desired": {"lamp": "on"}, "delta": {"lamp": "on"}}, answer
stale = json.dumps({"state": {}, "version": 7})
refused("ConflictException", 409, iot_data.update_thing_shadow, thingName=me, payload=stale)
refused("InvalidRequestException", 400, iot_data.update_thing_shadow, thingName=me, payload="{")
refused("RequestEntityTooLargeException", 413, iot_data.update_thing_shadow, thingName=me, payload=b" " * 9000)
refused("UnsupportedDocumentEncodingException", 415, iot_data.update_thing_shadow, thingName=me, payload=b"\xff")
refused("InvalidRequestException", 400, iot_data.get_thing_shadow, thingName="a b")
for name in ["config", "state"]:
    iot_data.update_thing_shadow(thingName=me, shadowName=name, payload=update)
page = iot_data.list_named_shadows_for_thing(thingName=me, pageSize=1)
assert page["results"] == ["config"] and page["timestamp"] > 1.7e9, page
page = iot_data.list_named_shadows_for_thing(thingName=me, pageSize=1, nextToken=page["nextToken"])
assert page["results"] == ["state"], page
answer = json.load(iot_data.delete_thing_shadow(thingName=me, shadowName="config")["payload"])
assert answer["version"] == 1, answer
# An update by a message on the reserved topic, over HTTPS.
iot_data.publish(topic=f"$aws/things/{me}/shadow/update", qos=1, payload=b'{"state": {"reported": {"lamp": "on"}}}')
answer = json.load(iot_data.get_thing_shadow(thingName=me)["payload"])
assert answer["version"] == 2 and "delta" not in answer["state"], answer

# Who has no key gets nothing.
wrong = client("iot-data", secret="x" * 40)
refused("InvalidSignatureException", 403, wrong.get_thing_shadow, thingName=me)
stranger = client("iot-data", key_id="AKIASTRANGERSKEY")
refused("UnrecognizedClientException", 403, stranger.get_thing_shadow, thingName=me)
elsewhere = client("iot-data", region="us-east-1")
refused("InvalidSignatureException", 403, elsewhere.get_thing_shadow, thingName=me)

status, error, answer = request("GET", f"/things/{me}/shadow", certificate=False)
assert (status, error) == (403, "MissingAuthenticationTokenException"), (status, error, answer)

# A device with its certificate may do what its policies allow. Slashes of topics need no escaping.
status, error, answer = request("POST", f"/topics/dt/{me}/device", b"d", qos=1)
assert (status, error, answer["message"]) == (200, None, "OK"), (status, error, answer)
got = [subscriber.inbox.next() for _ in range(2)][1]
assert (got.topic, got.payload) == (f"dt/{me}/device", b"d"), vars(got)
assert request("POST", "/topics/dt%2Fother", b"d")[:2] == (403, "ForbiddenException")
assert request("POST", f"/topics/dt/{me}/device", b"d", retain="true")[:2] == (403, "ForbiddenException")
assert request("POST", "/topics/client/x", b"d")[:2] == (403, "ForbiddenException"), "there is no client id"
status, _, answer = request("GET", f"/things/{me}/shadow")
assert status == 200 and answer["version"] == 2, answer
status, _, answer = request("POST", f"/things/{me}/shadow", b'{"state": {"reported": {"by": "device"}}}', name="state")
assert status == 200 and answer["version"] == 2, answer
assert request("GET", f"/things/{me}/shadow", name="state")[0] == 403, "its policy names the classic shadow"
assert request("GET", "/things/other/shadow")[0] == 403
assert request("DELETE", f"/things/{me}/shadow")[0] == 403
status, _, answer = request("GET", f"/retainedMessage/dt/{me}/kept")
assert status == 200 and base64.b64decode(answer["payload"]) == b"1", answer
assert request("GET", "/retainedMessage")[0] == 403
for operators in [("GET", "/things"), ("DELETE", f"/connections/{me}"), ("POST", "/keys-and-certificate")]:
    assert request(*operators)[:2] == (403, "ForbiddenException"), operators

# Ending a connection.
iot_data.delete_connection(clientId=me)
subscriber.disconnections.next()
subscriber.client.stop()
refused("ResourceNotFoundException", 404, iot_data.delete_connection, clientId="nobody")

# A certificate that is not active any more.
client("iot").update_certificate(certificateId=certificate_id, newStatus="REVOKED")
assert request("GET", f"/things/{me}/shadow")[:2] == (403, "ForbiddenException")
