"""What AWS's service clients are built on: a connection of either protocol, subscriptions, streams of events."""

import os
import sys

import awsiot
from awscrt import mqtt, mqtt_request_response
from device import Client5, Inbox, connection, done

QOS = mqtt.QoS.AT_LEAST_ONCE


def subscribe(method, request, inbox):
    """A subscription of a first-generation client."""
    done(method(request, QOS, inbox.put)[0])


def protocol(version):
    """A connection over MQTT `3` or `5` for a second-generation client, and what ends it."""
    if version == "5":
        client = Client5()
        return client.client, client.stop
    client = connection()
    done(client.connect())
    return client, lambda: done(client.disconnect())


def options(subscriptions):
    """Of a second-generation client with room for so many subscriptions of requests."""
    return mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=subscriptions, max_streaming_subscriptions=4, operation_timeout_in_seconds=15
    )


def stream(create, request):
    """An open stream of a second-generation client, which is to be kept, and its events."""
    events, ready = Inbox(), Inbox()
    opened = create(
        request,
        awsiot.ServiceStreamOptions(
            incoming_event_listener=events.put, subscription_status_listener=lambda event: ready.put(event.type)
        ),
    )
    opened.open()
    assert ready.next() == mqtt_request_response.SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED
    return opened, events


def leave():
    """Ends the process at once: while the interpreter takes down a second-generation client, the client's native part may
    abort it (awscrt 0.36, now and then), which says nothing of what was asserted."""
    sys.stdout.flush()
    os._exit(0)
