"""AWS's SDK for Python against the broker: its arguments are the HTTPS port and an access key's id and secret."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from device import DEVICE

PORT = int(sys.argv[1])
REGION = "local"


def client(service, key_id=sys.argv[2], secret=sys.argv[3], region=REGION):
    """An unmodified client of a service."""
    return boto3.client(
        service,
        endpoint_url=f"https://localhost:{PORT}",
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        verify=DEVICE["root"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20),
    )


def refused(error, status, call, /, *args, **kwargs):
    """The message of the error that the call must end with."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as refusal:
        got = refusal.response
        assert got["Error"]["Code"] == error, got
        assert got["ResponseMetadata"]["HTTPStatusCode"] == status, got
        return got["Error"]["Message"]
    raise AssertionError(f"{error} expected, got {answer}")
