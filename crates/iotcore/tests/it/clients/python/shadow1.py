"""AWS's device shadow client for MQTT 3.1.1: classic and named."""

from awsiot import iotshadow
from device import DEVICE, Inbox, connection, done
from service import QOS, subscribe

thing = DEVICE["client_id"]

device = connection()
done(device.connect())
shadow = iotshadow.IotShadowClient(device)
accepted, rejected, deltas, documents = Inbox(), Inbox(), Inbox(), Inbox()

get = iotshadow.GetShadowSubscriptionRequest(thing_name=thing)
subscribe(shadow.subscribe_to_get_shadow_accepted, get, accepted)
subscribe(shadow.subscribe_to_get_shadow_rejected, get, rejected)
update = iotshadow.UpdateShadowSubscriptionRequest(thing_name=thing)
subscribe(shadow.subscribe_to_update_shadow_accepted, update, accepted)
subscribe(shadow.subscribe_to_update_shadow_rejected, update, rejected)
delta = iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=thing)
subscribe(shadow.subscribe_to_shadow_delta_updated_events, delta, deltas)
events = iotshadow.ShadowUpdatedSubscriptionRequest(thing_name=thing)
subscribe(shadow.subscribe_to_shadow_updated_events, events, documents)

# There is none yet.
done(shadow.publish_get_shadow(iotshadow.GetShadowRequest(thing_name=thing, client_token="1"), QOS))
error = rejected.next()
assert (error.code, error.client_token) == (404, "1"), vars(error)
assert error.message == f"No shadow exists with name: '{thing}'", error.message

# Desired and reported differ: a delta, with the metadata of what differs.
state = iotshadow.ShadowState(desired={"lamp": "on", "level": [1, 2]}, reported={"lamp": "off"})
done(shadow.publish_update_shadow(iotshadow.UpdateShadowRequest(thing_name=thing, client_token="2", state=state), QOS))
answer = accepted.next()
assert (answer.version, answer.client_token, answer.state.reported) == (1, "2", {"lamp": "off"})
assert answer.timestamp is not None and "timestamp" in answer.metadata.desired["lamp"]
difference = deltas.next()
assert difference.state == {"lamp": "on", "level": [1, 2]} and difference.version == 1
document = documents.next()
assert document.previous is None
assert document.current.version == 1 and document.current.state.desired["lamp"] == "on"

# A version that is gone is a conflict.
stale = iotshadow.UpdateShadowRequest(thing_name=thing, client_token="3", version=7, state=state)
done(shadow.publish_update_shadow(stale, QOS))
error = rejected.next()
assert (error.code, error.message, error.client_token) == (409, "Version conflict", "3")

# Named shadows are documents of their own.
named, named_deltas = Inbox(), Inbox()
request = iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(thing_name=thing, shadow_name="config")
subscribe(shadow.subscribe_to_named_shadow_delta_updated_events, request, named_deltas)
request = iotshadow.UpdateNamedShadowSubscriptionRequest(thing_name=thing, shadow_name="config")
subscribe(shadow.subscribe_to_update_named_shadow_accepted, request, named)
request = iotshadow.DeleteNamedShadowSubscriptionRequest(thing_name=thing, shadow_name="config")
subscribe(shadow.subscribe_to_delete_named_shadow_accepted, request, named)
state = iotshadow.ShadowState(desired={"privacy": True})
request = iotshadow.UpdateNamedShadowRequest(thing_name=thing, shadow_name="config", state=state)
done(shadow.publish_update_named_shadow(request, QOS))
assert named.next().version == 1 and named_deltas.next().state == {"privacy": True}
request = iotshadow.DeleteNamedShadowRequest(thing_name=thing, shadow_name="config", client_token="4")
done(shadow.publish_delete_named_shadow(request, QOS))
answer = named.next()
assert (answer.version, answer.client_token) == (1, "4")

done(device.disconnect())
for inbox in [accepted, rejected, deltas, documents, named, named_deltas]:
    inbox.assert_empty()
