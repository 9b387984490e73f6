"""AWS's request-response shadow client, over MQTT 3.1.1 or MQTT 5 as the first argument says."""

import sys

import awsiot
from awscrt import mqtt_request_response
from awsiot import iotshadow
from device import DEVICE, Client5, Inbox, connection, done, fails

thing = DEVICE["client_id"]
if sys.argv[1] == "5":
    client = Client5()
    protocol, stop = client.client, client.stop
else:
    protocol = connection()
    done(protocol.connect())
    stop = lambda: done(protocol.disconnect())

options = mqtt_request_response.ClientOptions(
    max_request_response_subscriptions=4, max_streaming_subscriptions=4, operation_timeout_in_seconds=15
)
shadow = iotshadow.IotShadowClientV2(protocol, options)

error = fails(shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(thing_name=thing, shadow_name="config")))
assert isinstance(error, awsiot.V2ServiceException) and error.modeled_error.code == 404, error

deltas, ready = Inbox(), Inbox()
stream = shadow.create_named_shadow_delta_updated_stream(
    iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(thing_name=thing, shadow_name="config"),
    awsiot.ServiceStreamOptions(
        incoming_event_listener=deltas.put, subscription_status_listener=lambda event: ready.put(event.type)
    ),
)
stream.open()
assert ready.next() == mqtt_request_response.SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED


def update(**state):
    request = iotshadow.UpdateNamedShadowRequest(
        thing_name=thing, shadow_name="config", state=iotshadow.ShadowState(**state)
    )
    return shadow.update_named_shadow(request)


assert done(update(desired={"volume": 3})).version == 1
assert deltas.next().state == {"volume": 3}
assert done(update(reported={"volume": 3})).version == 2
got = done(shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(thing_name=thing, shadow_name="config")))
assert got.state.desired == got.state.reported == {"volume": 3} and not got.state.delta
deleted = done(shadow.delete_named_shadow(iotshadow.DeleteNamedShadowRequest(thing_name=thing, shadow_name="config")))
assert deleted.version == 2
deltas.assert_empty()
stop()
