"""A device that shows its certificate over HTTPS, and signs nothing."""

import http.client
import json
import ssl
import urllib.parse

from aws import PORT
from device import DEVICE


def request(method, path, body=None, certificate=True, **query):
    """Status, error type and JSON of the answer."""
    context = ssl.create_default_context(cafile=DEVICE["root"])
    if certificate:
        context.load_cert_chain(DEVICE["certificate"], DEVICE["key"])
    connection = http.client.HTTPSConnection("localhost", PORT, context=context, timeout=20)
    target = path + ("?" + urllib.parse.urlencode(query) if query else "")
    connection.request(method, target, body)
    response = connection.getresponse()
    answer = response.status, response.getheader("x-amzn-ErrorType"), json.loads(response.read() or b"null")
    connection.close()
    return answer
