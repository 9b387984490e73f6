"""What the scenarios share: the device as the test describes it on standard input, and waiting with an end.

The test writes one JSON object: endpoint, port, client_id, and the paths of root, certificate and key.
"""

import json
import queue
import sys

PATIENCE_S = 20

DEVICE = json.load(sys.stdin)


class Inbox:
    """Messages in the order of their arrival."""

    def __init__(self):
        self._messages = queue.Queue()

    def put(self, *message):
        self._messages.put(message if len(message) > 1 else message[0])

    def next(self):
        return self._messages.get(timeout=PATIENCE_S)

    def assert_empty(self):
        assert self._messages.empty(), self._messages.get_nowait()


def done(future):
    """The result of a future, or its exception."""
    return future.result(timeout=PATIENCE_S)


def fails(future):
    """The exception of a future that must fail."""
    error = future.exception(timeout=PATIENCE_S)
    assert error is not None, future.result()
    return error


def connection(**options):
    """AWS's MQTT 3.1.1 client, not connected yet."""
    from awsiot import mqtt_connection_builder

    return mqtt_connection_builder.mtls_from_path(
        endpoint=DEVICE["endpoint"],
        port=DEVICE["port"],
        ca_filepath=DEVICE["root"],
        cert_filepath=DEVICE["certificate"],
        pri_key_filepath=DEVICE["key"],
        **{"client_id": DEVICE["client_id"], "clean_session": True, "keep_alive_secs": 30, **options},
    )


class Client5:
    """AWS's MQTT 5 client, connected."""

    def __init__(self, connect_options=None, **options):
        import concurrent.futures

        from awscrt import mqtt5
        from awsiot import mqtt5_client_builder

        self.inbox = Inbox()
        connected, stopped = concurrent.futures.Future(), concurrent.futures.Future()
        self._stopped = stopped
        self.disconnections = Inbox()

        def first(future, result):
            if not future.done():
                future.set_result(result)

        def failure(data):
            if not connected.done():
                connected.set_exception(data.exception)

        self.client = mqtt5_client_builder.mtls_from_path(
            endpoint=DEVICE["endpoint"],
            port=DEVICE["port"],
            ca_filepath=DEVICE["root"],
            cert_filepath=DEVICE["certificate"],
            pri_key_filepath=DEVICE["key"],
            connect_options=mqtt5.ConnectPacket(**{"client_id": DEVICE["client_id"], **(connect_options or {})}),
            on_lifecycle_connection_success=lambda data: first(connected, data),
            on_lifecycle_connection_failure=failure,
            on_lifecycle_disconnection=lambda data: self.disconnections.put(data),
            on_lifecycle_stopped=lambda data: first(stopped, data),
            on_publish_received=lambda data: self.inbox.put(data.publish_packet),
            **options,
        )
        self.client.start()
        self.connack = done(connected).connack_packet

    def stop(self, packet=None):
        self.client.stop(packet)
        done(self._stopped)
