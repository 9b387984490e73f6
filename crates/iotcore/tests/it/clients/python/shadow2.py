"""AWS's request-response shadow client, over MQTT 3.1.1 or MQTT 5 as the first argument says."""

import sys

import awsiot
from awsiot import iotshadow
from device import DEVICE, done, fails
from service import leave, options, protocol, stream

thing = DEVICE["client_id"]
connection, stop = protocol(sys.argv[1])
shadow = iotshadow.IotShadowClientV2(connection, options(4))

error = fails(shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(thing_name=thing, shadow_name="config")))
assert isinstance(error, awsiot.V2ServiceException) and error.modeled_error.code == 404, error

delta_stream, deltas = stream(
    shadow.create_named_shadow_delta_updated_stream,
    iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(thing_name=thing, shadow_name="config"),
)


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
leave()
